"""Publishes tariff documents: each is kept whole under its hash, and holds from an instant on."""

from __future__ import annotations

from dataclasses import dataclass

from hub.core.clock import from_us
from hub.core.errors import HubError
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.tariffs.model import Tariff


class PublishRefused(HubError):
    """A tariff that cannot be published so; nothing was changed."""


@dataclass(frozen=True, slots=True)
class Published:
    """One version of a tariff code."""

    code: str
    from_us: int
    sha: str
    published_us: int
    actor: str
    approver: str | None


def publish(
    tx: Tx, tariff: Tariff, source: str, starts_us: int, now_us: int, approver: str | None = None
) -> Published:
    """Let a document hold from an instant on; the same again changes nothing."""
    known = tx.one(
        "SELECT * FROM prepaid__tariff_versions WHERE code = ? AND from_us = ?", (tariff.code, starts_us)
    )
    if known is not None:
        if known["sha"] != tariff.content_sha:
            raise PublishRefused(
                f"tariff {tariff.code} has another version from {_since(starts_us)} on; a published version is"
                " immutable: publish this one from another instant"
            )
        return _published(known)
    tx.execute(
        "INSERT INTO prepaid__tariffs VALUES (?, ?, ?, ?) ON CONFLICT (sha) DO NOTHING",
        (tariff.content_sha, tariff.code, tariff.canonical.decode(), source),
    )
    row = tx.one(
        "INSERT INTO prepaid__tariff_versions VALUES (?, ?, ?, ?, ?, ?, ?) RETURNING *",
        (tariff.code, starts_us, tariff.content_sha, now_us, tx.context.actor, approver, tx.context.id),
    )
    assert row is not None
    tx.execute("UPDATE prepaid__book SET version = version + 1")
    return _published(row)


def versions(reader: Reader, code: str | None = None) -> list[Published]:
    """All published versions, or those of one code, in order of their instants."""
    rows = reader.all(
        "SELECT * FROM prepaid__tariff_versions WHERE ? IS NULL OR code = ? ORDER BY code, from_us", (code, code)
    )
    return [_published(row) for row in rows]


def _since(instant_us: int) -> str:
    return from_us(instant_us).isoformat() if instant_us else "the beginning"


_COLUMNS = ("code", "from_us", "sha", "published_us", "actor", "approver")


def _published(row: Row) -> Published:
    return Published(*(row[name] for name in _COLUMNS))
