"""What keeps a network from starting or running, each in one sentence with what mends it.

Guarantee: the text names the setting or the file to look at, and never a password.
Source: docs/reference/errors.md.
"""

from __future__ import annotations

from comity.domain.errors import ComityError

__all__ = [
    "AlreadyRunningError",
    "ChildNotReadyError",
    "DataDirError",
    "DiskTooSmallError",
    "EngineAccountError",
    "EngineMissingError",
    "EngineStateError",
    "MemoryTooSmallError",
    "NotRunningError",
    "PortTakenError",
    "SetupError",
    "StopRequestedError",
]


class SetupError(ComityError):
    """This machine or installation is not as it must be."""

    code = "setup"


class MemoryTooSmallError(SetupError):
    """The machine has less memory than the engines and roles need."""

    code = "memory-too-small"


class DiskTooSmallError(SetupError):
    """The disk of the data has less free space than the engines need."""

    code = "disk-too-small"


class DataDirError(SetupError):
    """The data directory cannot be made, written or reached."""

    code = "data-dir-unusable"


class PortTakenError(SetupError):
    """Another process listens on a port that a setting names."""

    code = "port-taken"


class EngineAccountError(SetupError):
    """The unprivileged user that runs the engines does not exist or is not unprivileged."""

    code = "engine-account-unusable"


class EngineMissingError(SetupError):
    """No program of an engine was found."""

    code = "engine-missing"


class EngineStateError(SetupError):
    """An engine's data does not fit its password, its version or itself."""

    code = "engine-data-unusable"


class AlreadyRunningError(SetupError):
    """Another network runs from the same data directory."""

    code = "already-running"


class NotRunningError(SetupError):
    """No network runs from the data directory."""

    code = "not-running"


class ChildNotReadyError(SetupError):
    """A supervised process did not become ready."""

    code = "child-not-ready"


class StopRequestedError(SetupError):
    """The network was asked to stop while it started."""

    code = "stop-requested"
