"""What a backup file is: a plain tar whose last member, the manifest, has the hash of every other one."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from datetime import datetime
from pathlib import Path, PurePosixPath

from hub.core.errors import HubError
from hub.core.storage.connections import open_reader

FORMAT = 1
MANIFEST = "manifest.json"
MANIFEST_BYTES_MAX = 16_000_000
MEMBERS_MAX = 10_000
CHUNK_BYTES = 1_000_000

HUB_DB, HISTORY_DB = "hub.db", "history.db"
DATABASES = (HUB_DB, HISTORY_DB)
"""Members that belong into the data folder; all others belong into the site's."""

Progress = Callable[[int, int], None]
"""Told how many bytes are done, and of how many."""


class BackupDamaged(HubError):
    """A backup file is not what its manifest says, or a database in it is damaged."""


class BackupRefused(HubError):
    """A backup cannot be made or put back like this; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Member:
    """One file in a backup."""

    name: str
    size_bytes: int
    sha256: str


@dataclass(frozen=True, slots=True)
class Manifest:
    """What a backup says of itself."""

    created_at: datetime
    hub_version: str
    site_id: str
    site_name: str
    change_seq: int
    """How many changes the database had seen; a larger number is a later state of the same site."""
    schema: Mapping[str, int]
    """The schema version of the core and of each plugin."""
    members: tuple[Member, ...]

    @property
    def size_bytes(self) -> int:
        """What all members take up together."""
        return sum(member.size_bytes for member in self.members)

    def to_json(self) -> bytes:
        """The manifest as it stands in the file."""
        record = {"format": FORMAT, **asdict(self), "created_at": self.created_at.isoformat()}
        return json.dumps(record, indent=1, ensure_ascii=False).encode() + b"\n"


def manifest_from(text: bytes, file: Path) -> Manifest:
    """The manifest in a backup file; raises `BackupDamaged` when it is none, `BackupRefused` when it is newer."""
    try:
        record = json.loads(text)
        version = int(record["format"])
        if version > FORMAT:
            raise BackupRefused(
                f"{file} has backup format {version}, this hub knows up to {FORMAT}; "
                "use the hub version that made it, or a newer one"
            )
        return Manifest(
            datetime.fromisoformat(record["created_at"]),
            str(record["hub_version"]),
            str(record["site_id"]),
            str(record["site_name"]),
            int(record["change_seq"]),
            {str(owner): int(steps) for owner, steps in record["schema"].items()},
            tuple(
                Member(_safe(str(member["name"])), int(member["size_bytes"]), str(member["sha256"]))
                for member in record["members"]
            ),
        )
    except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
        raise BackupDamaged(
            f"{file}: its manifest cannot be read ({type(error).__name__}: {error}); use another backup"
        ) from error


def _safe(name: str) -> str:
    if not is_safe(name):
        raise ValueError(f"{name!r} is no name for a member")
    return name


def is_safe(name: str) -> bool:
    """Whether a member's name leads to a place inside the site's folder that a backup may write."""
    parts = PurePosixPath(name).parts
    return (
        bool(parts)
        and str(PurePosixPath(name)) == name
        and not name.startswith("/")
        and "\0" not in name
        and "\\" not in name
        and not any(part.startswith(".") for part in parts)
        and parts[0] != "data"
        and (len(parts) > 1 or name in DATABASES or name.endswith((".yaml", ".yml")))
    )


def identity_of(database: Path) -> tuple[str, int, dict[str, int]]:
    """The site id, the number of changes and the schema versions of a `hub.db`; reads only."""
    connection = open_reader(database)
    try:
        site = connection.execute("SELECT value FROM core__meta WHERE name = 'site_id'").fetchone()
        changes = connection.execute("SELECT change_seq FROM core__sequence").fetchone()
        schema = connection.execute("SELECT owner, max(version) FROM core__migrations GROUP BY owner").fetchall()
    finally:
        connection.close()
    return "" if site is None else str(site[0]), 0 if changes is None else int(changes[0]), dict(map(tuple, schema))


def no_progress(done_bytes: int, total_bytes: int) -> None:
    """For callers that show none."""
