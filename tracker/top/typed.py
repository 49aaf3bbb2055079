"""`Typed`: a line of text as it is typed."""

from __future__ import annotations


class Typed:
    """Text that grows and shrinks at its end.

    Attributes:
        text: what it is now.
    """

    def __init__(self, text: str = "") -> None:
        self.text = text

    def press(self, key: str, character: str | None) -> bool:
        """Take a key; whether the text is another now."""
        before = self.text
        if key == "backspace":
            self.text = self.text[:-1]
        elif key == "ctrl+u":
            self.text = ""
        elif key == "ctrl+w":
            self.text = self.text.rstrip().rpartition(" ")[0]
        elif character is not None and character.isprintable():
            self.text += character
        return self.text != before

    def paste(self, text: str) -> None:
        """Take text; of several lines the first."""
        self.text += "".join(c for c in text.partition("\n")[0] if c.isprintable())
