"""Publishes tariff documents: each is kept whole under its hash, and holds from an instant on, for good.

A version that changes somebody's bill by much is a proposal first, which a second person approves.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from hub.core.clock import from_us
from hub.core.errors import HubError, NotFound
from hub.core.storage import Reader, Row, Tx
from plugins.prepaid.tariffs.loader import tariff_from_canonical
from plugins.prepaid.tariffs.model import Tariff

AGREE_ON = ("currency", "scale", "time_zone", "rounding")
"""What all versions of a code have alike: a contract goes from one to the next in mid-month."""


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


@dataclass(frozen=True, slots=True)
class Proposal:
    """A version that waits for a second person."""

    id: str
    code: str
    from_us: int
    body: str
    source: str
    change_ppm: int
    """The largest change of a bill that was found."""
    proposed_us: int
    actor: str
    state: str
    """`open`, `approved` or `rejected`."""

    @property
    def tariff(self) -> Tariff:
        """The document that was proposed."""
        return tariff_from_canonical(self.body.encode())


def publish(
    tx: Tx, tariff: Tariff, source: str, starts_us: int, now_us: int, approver: str | None = None
) -> Published:
    """Let a document hold from an instant on; the same again changes nothing."""
    known = find(tx, tariff.code, starts_us)
    if known is not None:
        if known.sha != tariff.content_sha:
            raise PublishRefused(
                f"tariff {tariff.code} has another version from {since(starts_us)} on; a published version is"
                " immutable: publish this one from another instant"
            )
        return known
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


def find(reader: Reader, code: str, starts_us: int) -> Published | None:
    """The version of a code that begins at an instant."""
    row = reader.one("SELECT * FROM prepaid__tariff_versions WHERE code = ? AND from_us = ?", (code, starts_us))
    return None if row is None else _published(row)


def versions(reader: Reader, code: str | None = None) -> list[Published]:
    """All published versions, or those of one code, in order of their instants."""
    rows = reader.all(
        "SELECT * FROM prepaid__tariff_versions WHERE ?1 IS NULL OR code = ?1 ORDER BY code, from_us", (code,)
    )
    return [_published(row) for row in rows]


def document(reader: Reader, sha: str) -> Tariff:
    """The document of a hash, or of its beginning; raises `NotFound`."""
    rows = reader.all("SELECT body FROM prepaid__tariffs WHERE substr(sha, 1, ?1) = ?2", (len(sha), sha.lower()))
    if len(rows) != 1:
        found = "no tariff document begins" if not rows else f"{len(rows)} tariff documents begin"
        raise NotFound(f"{found} with {sha!r}; see `hub tariff list`")
    return tariff_from_canonical(rows[0][0].encode())


def check_fits(tariff: Tariff, others: Sequence[Tariff], currency: str, scale: int, time_zone: str) -> None:
    """Refuse a tariff that this site, or the other versions of its code, cannot go together with."""
    wrong = [
        f"{what} {getattr(tariff, what)}, the site has {wanted}"
        for what, wanted in (("currency", currency), ("scale", scale), ("time_zone", time_zone))
        if getattr(tariff, what) != wanted
    ]
    for other in others[-1:]:
        wrong += [
            f"{what} {_word(tariff, what)}, its other versions have {_word(other, what)}"
            for what in AGREE_ON
            if getattr(tariff, what) != getattr(other, what)
        ]
    if wrong:
        raise PublishRefused(f"tariff {tariff.code} cannot be published here: it has {'; '.join(wrong)}")


def propose(
    tx: Tx,
    id: str,  # noqa: A002 - the field's own word
    tariff: Tariff,
    source: str,
    starts_us: int,
    change_ppm: int,
    now_us: int,
) -> Proposal:
    """Put a version before a second person; the same again is the same proposal while it is open."""
    body = tariff.canonical.decode()
    known = tx.one(
        "SELECT * FROM prepaid__tariff_proposals WHERE code = ? AND from_us = ? AND body = ? AND state = 'open'",
        (tariff.code, starts_us, body),
    )
    if known is not None:
        return _proposal(known)
    tx.execute(
        "INSERT INTO prepaid__tariff_proposals VALUES (?, ?, ?, ?, ?, ?, ?, ?, 'open')",
        (id, tariff.code, starts_us, body, source, change_ppm, now_us, tx.context.actor),
    )
    return proposal(tx, id)


def proposal(reader: Reader, id: str) -> Proposal:  # noqa: A002 - the field's own word
    """A proposal; raises `NotFound`."""
    row = reader.one("SELECT * FROM prepaid__tariff_proposals WHERE id = ?", (id,))
    if row is None:
        raise NotFound(f"there is no proposal {id!r}; see `hub tariff list`")
    return _proposal(row)


def proposals(reader: Reader, state: str = "open") -> list[Proposal]:
    """The proposals in a state, oldest first."""
    rows = reader.all("SELECT * FROM prepaid__tariff_proposals WHERE state = ? ORDER BY proposed_us, id", (state,))
    return [_proposal(row) for row in rows]


def decide(tx: Tx, id: str, state: str) -> Proposal:  # noqa: A002 - the field's own word
    """End an open proposal, by another person than the one who made it unless it is taken back."""
    found = proposal(tx, id)
    if found.state != "open":
        raise PublishRefused(f"proposal {id} of tariff {found.code} was {found.state} before; nothing was changed")
    if state == "approved" and found.actor == tx.context.actor:
        raise PublishRefused(
            f"{found.actor} proposed {id} and cannot approve it; tariff {found.code} changes bills by up to "
            f"{percent(found.change_ppm)}, so a second person must"
        )
    tx.execute("UPDATE prepaid__tariff_proposals SET state = ? WHERE id = ?", (state, id))
    return found


def since(instant_us: int) -> str:
    """An instant as people read it."""
    return from_us(instant_us).isoformat() if instant_us else "the beginning"


def percent(ppm: int) -> str:
    """Millionths as percent with one decimal."""
    tenths = (abs(ppm) + 500) // 1000
    return f"{'-' if ppm < 0 else '+'}{tenths // 10}.{tenths % 10} %"


def _word(tariff: Tariff, what: str) -> object:
    value: object = getattr(tariff, what)
    return getattr(value, "value", value)


_COLUMNS = ("code", "from_us", "sha", "published_us", "actor", "approver")


def _published(row: Row) -> Published:
    return Published(*(row[name] for name in _COLUMNS))


def _proposal(row: Row) -> Proposal:
    return Proposal(**dict(row))
