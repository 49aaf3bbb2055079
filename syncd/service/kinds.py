"""The kinds of service there are, and which one this machine has."""

from __future__ import annotations

from pathlib import Path
from typing import Protocol

from syncd.service.cron import Cron
from syncd.service.launchd import Launchd
from syncd.service.systemd import Systemd
from tracker.errors import BadInput, TrackerError
from tracker.store import StoreFolder

KINDS = ("systemd", "launchd", "cron")
"""Their names; of those that run all the time, the first that is there is taken."""


class Kind(Protocol):
    """A way to have syncd run for a store."""

    @property
    def kind(self) -> str:
        """Its name."""

    @property
    def path(self) -> Path | str:
        """Where what is installed stands."""

    @property
    def text(self) -> str:
        """What is installed."""

    @property
    def missing(self) -> str | None:
        """Why it cannot be used on this machine; None if it can."""

    def install(self) -> list[str]:
        """Install and start; twice is once. Lines that tell what was done."""

    def uninstall(self) -> bool:
        """Undo it; False if there was nothing. No data is touched."""


def of(store: StoreFolder) -> dict[str, Kind]:
    """All kinds by name, for a store."""
    found: tuple[Kind, ...] = (Systemd(store), Launchd(store), Cron(store))
    return {kind.kind: kind for kind in found}


def chosen(store: StoreFolder, wanted: str | None) -> Kind:
    """The kind that is wanted, or else the first that runs all the time.

    Raises:
        BadInput: it cannot be used on this machine.
        TrackerError: there is none; says what to do instead.
    """
    kinds = of(store)
    if wanted is not None:
        if why := kinds[wanted].missing:
            raise BadInput(
                f"{why}. What would be installed, and where: syncd install --kind {wanted} --print"
            )
        return kinds[wanted]
    why_not = {name: kinds[name].missing for name in ("systemd", "launchd")}
    for name, why in why_not.items():
        if why is None:
            return kinds[name]
    reasons = "; ".join(why for why in why_not.values() if why)
    raise TrackerError(
        f"this machine has no services of a user's own ({reasons}). Have cron deliver every 5 "
        "minutes: syncd install --kind cron; or deliver at the end of a job, or by hand: syncd once"
    )
