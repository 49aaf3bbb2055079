"""Colours of the terminal's own palette, so that they suit its background."""

from __future__ import annotations

import click

STATUSES = {
    "running": "cyan",
    "finished": "green",
    "failed": "red",
    "crashed": "red",
    "killed": "yellow",
}
SERIES = ("cyan", "yellow", "green", "magenta", "blue", "red", "bright_cyan", "bright_yellow")


def painted(number: int, text: str) -> str:
    """A text in the colour of the series, or of the marked run, with this number."""
    return click.style(text, fg=SERIES[number % len(SERIES)])


def bold(text: str) -> str:
    """A text that stands out."""
    return click.style(text, bold=True)


def dim(text: str) -> str:
    """A text that stands back."""
    return click.style(text, dim=True)


def warning(text: str) -> str:
    """A text that there is something to do about."""
    return click.style(text, fg="yellow")
