"""Every error that tracker and syncd raise to a person.

    TrackerError
    +-- BadInput            an argument, name, key or option that cannot be used
    +-- StoreError          the store folder: absent, not a store, newer format, unusable
    +-- RunError            a run: not found, ambiguous, already there, already finished
    +-- ArtifactError       a file or folder that could not be kept as an artifact
    +-- SettingsError       a settings file, variable or option that cannot be read

A message says what happened, to which run, key or file, and what to do next. It never
holds a secret.
"""

from __future__ import annotations


class TrackerError(Exception):
    """Base of all errors raised on purpose by this project."""


class BadInput(TrackerError, ValueError):
    """An argument that cannot be used; names the argument and what is accepted."""


class StoreError(TrackerError):
    """The store folder cannot be used; names the folder."""


class RunError(TrackerError):
    """A run cannot be found, told apart, resumed or written; names the run."""


class ArtifactError(TrackerError):
    """A file or folder could not be kept; names it. Nothing else of the run is touched."""


class SettingsError(TrackerError):
    """A setting cannot be read; names the setting and the file or variable it stands in."""
