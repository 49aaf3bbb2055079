"""Where the credentials of a remote come from, in words; never what they are."""

from __future__ import annotations

from dataclasses import dataclass

from tracker.credentials import PLATFORMS, find
from tracker.errors import SettingsError
from tracker.settings import RemoteSettings


@dataclass(frozen=True)
class Origin:
    """The place in words, "" where there are none; or why those that are there cannot be used."""

    place: str = ""
    error: str | None = None

    @property
    def said(self) -> str:
        """All of it, in words."""
        if self.error:
            return f"credentials cannot be used: {self.error.rstrip('.')}"
        return f"credentials from {self.place}" if self.place else "no credentials set"


def origin(name: str, at: RemoteSettings) -> Origin:
    """Look for the credentials of a remote where syncd, started here, would."""
    try:
        return Origin(find(name, at.url, PLATFORMS.get(at.kind, "")).place)
    except SettingsError as error:
        return Origin(error=str(error))
