"""What the exit codes of `hub` mean; scripts and service managers may rely on them.

3 to 6 are left to the project's own scripts, and 128 + N is the shell's word for an end by signal N.
"""

from __future__ import annotations

OK = 0
ERRORS = 1
USAGE = 2
FOLDER_IN_USE = 10
FOLDER_UNUSABLE = 11
DATABASE_REFUSED = 12
CONFIGURATION = 13
NO_HUB = 14
REFUSED = 15
UNEXPECTED = 70
BY_SIGNAL = 128

MEANINGS = {
    OK: "all is well",
    ERRORS: "what was looked at has errors; all of them were printed",
    USAGE: "the command was written wrongly",
    FOLDER_IN_USE: "another process owns the site's folder; it is named",
    FOLDER_UNUSABLE: "the site's folder cannot be written, or its disk is full",
    DATABASE_REFUSED: "the database is damaged, missing, altered, or from a newer version; it was left as it is",
    CONFIGURATION: "the configuration has errors; all of them were printed",
    NO_HUB: "no hub runs here, and this needs one",
    REFUSED: "the hub refused the call",
    UNEXPECTED: "a bug in Hub; the traceback was printed",
}


def code_of(error: Exception) -> int | None:
    """The exit code for an error that Hub names; None for one that it does not know."""
    from hub.core import lock
    from hub.core.config import ConfigErrors
    from hub.core.control import HungUp, NoHub, RemoteError, SocketRefused, SocketUnusable
    from hub.core.errors import HubError
    from hub.core.storage import errors as storage

    codes: tuple[tuple[type[Exception], int], ...] = (
        (ConfigErrors, CONFIGURATION),
        (lock.FolderInUse, FOLDER_IN_USE),
        (storage.StorageBusy, FOLDER_IN_USE),
        (lock.FolderUnusable, FOLDER_UNUSABLE),
        (SocketUnusable, FOLDER_UNUSABLE),
        (SocketRefused, FOLDER_UNUSABLE),
        (storage.StorageFull, FOLDER_UNUSABLE),
        (storage.StorageIOFailed, FOLDER_UNUSABLE),
        (storage.StorageCorrupt, DATABASE_REFUSED),
        (storage.DatabaseNewer, DATABASE_REFUSED),
        (storage.DatabaseAltered, DATABASE_REFUSED),
        (NoHub, NO_HUB),
        (HungUp, NO_HUB),
        (RemoteError, REFUSED),
        (HubError, ERRORS),
    )
    return next((code for kind, code in codes if isinstance(error, kind)), None)


def epilog() -> str:
    """The codes as a paragraph of `hub --help`; click leaves what follows its mark as it is."""
    lines = [f"{code:>3}  {meaning}" for code, meaning in MEANINGS.items()]
    return "\n".join(["\b", "Exit codes:", *lines, f"{BY_SIGNAL}+N  ended by signal N"])
