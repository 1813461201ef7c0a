"""What is posted: entries of signed postings, and how they are written down for their hashes."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from types import MappingProxyType
from typing import NamedTuple, TypeAlias

from hub.contracts.units import MinorUnits, WattHours
from hub.core.errors import HubError
from plugins.prepaid.journal.chain import canonical, canonical_text, sha256
from plugins.prepaid.journal.chart import normal_side

MetaValue: TypeAlias = "str | int | bool | Sequence[MetaValue] | Mapping[str, MetaValue] | None"
Meta: TypeAlias = "Mapping[str, MetaValue]"

NO_META: Meta = MappingProxyType({})

POSTINGS_MAX = 2_000
"""The most postings of one entry: a shared cost among all tenants of a large site."""

AMOUNT_MAX_MINOR = 10**15
"""The largest amount of one posting; sums of thousands of them still fit 64 bits."""

ENTRY_PREFIX = "entry:"

WrittenPosting: TypeAlias = "tuple[str, int, int | None, str]"
"""Account, amount, energy and meta text (empty for none), as they stand in the table and in the hash."""


class Unpostable(HubError):
    """An entry that the ledger refuses as it stands: a bug of whoever made it, and nothing was written."""


class Unbalanced(Unpostable):
    """Postings that do not sum to zero."""


class PeriodClosed(HubError):
    """An entry dated before a closed statement, which does not say what it corrects."""


class Posting(NamedTuple):
    """A signed amount on an account; positive is debit."""

    account: str
    amount_minor: MinorUnits
    qty_wh: WattHours | None = None
    meta: Meta = NO_META
    """What explains the amount: component, band, reads. Whole numbers and text, never a float."""


class Entry(NamedTuple):
    """Postings that sum to zero, under a key that is posted once."""

    kind: str
    key: str
    """Known for ever: the same key and payload is the same entry, another payload is an alarm."""
    effective_us: int
    """When it happened; when it was written down is the ledger's own affair."""
    postings: tuple[Posting, ...]
    ref: str | None = None
    """What it is about: a payment, a read, a batch."""
    corrects: str | None = None
    """`entry:<seq>`, or another word for what is corrected, such as `statement:<id>`."""
    note: str | None = None
    """Why, in a person's words."""


class Posted(NamedTuple):
    """Where an entry stands."""

    seq: int
    is_new: bool
    """False when it had been posted before."""


def written(entry: Entry) -> list[WrittenPosting]:
    """An entry's postings as they are stored; one that may not be posted raises."""
    postings = entry.postings
    if not 0 < len(postings) <= POSTINGS_MAX:
        raise Unpostable(f"entry {entry.key}: {len(postings)} postings; it takes 1 to {POSTINGS_MAX}")
    total = 0
    rows: list[WrittenPosting] = []
    for account, amount_minor, qty_wh, meta in postings:
        normal_side(account)
        # A bool or a float would pass for a number here, and be stored as another one.
        if type(amount_minor) is not int or not -AMOUNT_MAX_MINOR <= amount_minor <= AMOUNT_MAX_MINOR:
            raise Unpostable(
                f"entry {entry.key}: {amount_minor!r} on {account} is no whole number of minor units "
                f"within {AMOUNT_MAX_MINOR}"
            )
        if qty_wh is not None and type(qty_wh) is not int:
            raise Unpostable(f"entry {entry.key}: {qty_wh!r} on {account} is no whole number of watt-hours")
        total += amount_minor
        rows.append((account, amount_minor, qty_wh, _meta_text(entry, meta) if meta else ""))
    if total != 0:
        amounts = ", ".join(f"{account} {amount:+d}" for account, amount, _, _ in rows)
        raise Unbalanced(f"entry {entry.key}: postings sum to {total}, not to zero: {amounts}")
    return rows


def corrected_entry(seq: int) -> str:
    """How an entry says that it corrects another entry of the journal."""
    return f"{ENTRY_PREFIX}{seq}"


def corrects_before(corrects: str, seq: int) -> bool:
    """Whether what an entry says it corrects can be: an entry before it, or something outside the journal."""
    if not corrects.startswith(ENTRY_PREFIX):
        return True
    target = corrects.removeprefix(ENTRY_PREFIX)
    return target.isdecimal() and 0 < int(target) < seq


def payload_sha(
    kind: str,
    effective_us: int,
    ref: str | None,
    corrects: str | None,
    note: str | None,
    postings: Sequence[WrittenPosting],
) -> bytes:
    """The hash of what was asked for; it tells a repeat from another entry under a used key."""
    return sha256(canonical((kind, effective_us, ref, corrects, note, postings)))


def row_payload(seq: int, recorded_us: int, key: str, actor: str, context_id: str, payload: bytes) -> bytes:
    """What a journal row adds to the chain: its own columns and, by their hash, what was asked for."""
    # The canonical JSON of these six in a list, put together in a third of the time.
    who = f"{canonical_text(key)},{canonical_text(actor)},{canonical_text(context_id)}"
    return f'[{seq:d},{recorded_us:d},{who},"{payload.hex()}"]'.encode()


def _meta_text(entry: Entry, meta: Meta) -> str:
    return canonical(_plain(entry, meta)).decode()


def _plain(entry: Entry, value: MetaValue) -> MetaValue:
    """Meta as JSON knows it; a Decimal is refused and not tagged: these records are read without our codec."""
    if value is None or isinstance(value, (str, int)):
        return value
    if isinstance(value, Mapping):
        return {str(name): _plain(entry, each) for name, each in value.items()}
    if isinstance(value, (list, tuple)):
        return [_plain(entry, each) for each in value]
    raise Unpostable(
        f"entry {entry.key}: {value!r} in meta is a {type(value).__name__}; give whole numbers and text"
    )
