"""The rules that hold over all people and places together. Pure; all that is wrong is found at once."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from itertools import pairwise

from hub.contracts.ids import PointId
from hub.core.clock import from_us
from hub.core.config import did_you_mean
from hub.core.errors import HubError
from plugins.prepaid.places.records import WHOLE_PPM, Role, Term
from plugins.prepaid.places.snapshot import Places

PROTECTED = frozenset({"fire", "lift", "cold_storage", "server", "medical", "emergency_lighting"})
"""What is never cut off automatically: a dead freezer or fire panel is a liability."""
LOAD_CLASSES = frozenset({"normal"}) | PROTECTED
COMMODITIES = ("electricity", "water", "gas")
FOREVER_US = 1 << 62


@dataclass(frozen=True, slots=True)
class Finding:
    """A rule that a record breaks."""

    kind: str
    """`point`, `tenant`, `account`, `contract`."""
    id: str
    field: str
    """The column of a table where it would be put right."""
    text: str

    def __str__(self) -> str:
        """What people read where there is no table."""
        return f"{self.kind} {self.id}: {self.text}"


class PlacesRefused(HubError):
    """A change after which people and places would contradict each other; nothing was changed."""


def check(places: Places) -> list[Finding]:
    """Everything that is wrong with the records, by kind."""
    return [
        *_points(places),
        *_tree(places),
        *_accounts(places),
        *_contracts(places),
        *_terms(places),
        *_shares(places),
    ]


def broken_by(after: Places, before: Places) -> list[Finding]:
    """What a change breaks; what was wrong before is not its fault."""
    found = check(after)
    known = set(check(before)) if found else set()
    return [one for one in found if one not in known]


def require(after: Places, before: Places) -> None:
    """Raise `PlacesRefused` with all that a change breaks, if it does."""
    findings = broken_by(after, before)
    if findings:
        raise PlacesRefused("nothing was changed: " + "; ".join(map(str, findings)))


def _points(places: Places) -> Iterator[Finding]:
    for point in places.points.values():
        if point.area is not None and point.area not in places.areas:
            hint = did_you_mean(point.area, places.areas)
            yield Finding("point", point.id, "area", f"there is no area {point.area!r}.{hint}")
        if point.load_class not in LOAD_CLASSES:
            hint = did_you_mean(point.load_class, LOAD_CLASSES)
            known = ", ".join(sorted(LOAD_CLASSES))
            text = f"there is no load class {point.load_class!r}.{hint} There are {known}"
            yield Finding("point", point.id, "load_class", text)
        if point.commodity not in COMMODITIES:
            hint = did_you_mean(point.commodity, COMMODITIES)
            text = f"{point.commodity!r} is none of {', '.join(COMMODITIES)}.{hint}"
            yield Finding("point", point.id, "commodity", text)


def _tree(places: Places) -> Iterator[Finding]:
    known = places.points
    told: set[PointId] = set()
    for point in known.values():
        if point.parent is None:
            continue
        parent = known.get(point.parent)
        if parent is None:
            text = f"there is no point {point.parent!r} that could feed it.{did_you_mean(point.parent, known)}"
            yield Finding("point", point.id, "parent", text)
        elif parent.commodity != point.commodity:
            text = f"its parent {parent.id} carries {parent.commodity}, it carries {point.commodity}"
            yield Finding("point", point.id, "parent", text)
        ring = _ring(places, point.id)
        if ring and not told.intersection(ring):
            told.update(ring)
            text = f"it would feed itself: {' <- '.join([*ring, ring[0]])}"
            yield Finding("point", point.id, "parent", text)


def _ring(places: Places, start: PointId) -> list[PointId]:
    """The points from one back to itself, if what feeds it is in the end it."""
    path = [start]
    while (above := places.points[path[-1]].parent) is not None and above in places.points:
        if above == start:
            return path
        if above in path:
            return []  # a ring further up, which is told of its own members
        path.append(above)
    return []


def _accounts(places: Places) -> Iterator[Finding]:
    for account in places.accounts.values():
        if account.tenant not in places.tenants:
            text = f"there is no tenant {account.tenant!r}.{did_you_mean(account.tenant, places.tenants)}"
            yield Finding("account", account.id, "tenant", text)
        if account.credit_limit_minor < 0:
            yield Finding("account", account.id, "credit_limit", "its credit limit is below zero")


def _contracts(places: Places) -> Iterator[Finding]:
    for contract in places.contracts.values():
        account = places.accounts.get(contract.account)
        if account is None:
            text = f"there is no account {contract.account!r}.{did_you_mean(contract.account, places.accounts)}"
            yield Finding("contract", contract.id, "account", text)
        elif not account.is_open and contract.end_us is None:
            yield Finding("contract", contract.id, "account", f"account {account.id} is closed")
        if contract.end_us is not None and contract.end_us <= contract.start_us:
            text = f"it ends {_when(contract.end_us)}, not after its start {_when(contract.start_us)}"
            yield Finding("contract", contract.id, "end", text)


def _terms(places: Places) -> Iterator[Finding]:
    for term in places.terms.values():
        contract, point = places.contracts.get(term.contract), places.points.get(term.point)
        if point is None:
            text = f"there is no point {term.point!r}.{did_you_mean(term.point, places.points)}"
            yield Finding("contract", term.contract, "point", text)
        if contract is None:
            text = f"there is no contract {term.contract!r}.{did_you_mean(term.contract, places.contracts)}"
            yield Finding("contract", term.contract, "contract", text)
            continue
        if term.start_us < contract.start_us:
            text = f"it holds {term.point} from {_when(term.start_us)}, before its start {_when(contract.start_us)}"
            yield Finding("contract", contract.id, "held_from", text)
        if _end(term) > (FOREVER_US if contract.end_us is None else contract.end_us):
            text = f"it holds {term.point} until {_when(term.end_us)}, after its end {_when(contract.end_us)}"
            yield Finding("contract", contract.id, "held_until", text)
        if term.end_us is not None and term.end_us <= term.start_us:
            text = f"it holds {term.point} until {_when(term.end_us)}, not after {_when(term.start_us)}"
            yield Finding("contract", contract.id, "held_until", text)
        if point is not None and point.role is Role.MAIN and not _is_landlords(places, term):
            text = f"{point.id} is a main meter: others pay for what flows there, so its contract is a landlord's"
            yield Finding("contract", contract.id, "role", text)


def _shares(places: Places) -> Iterator[Finding]:
    """Whoever hold a point at one time hold at most all of it together; what nobody holds is the landlord's."""
    by_point: dict[PointId, list[Term]] = {}
    for term in places.terms.values():
        by_point.setdefault(term.point, []).append(term)
    for point, terms in by_point.items():
        edges = sorted({edge for term in terms for edge in (term.start_us, _end(term))})
        for start_us, end_us in pairwise(edges):
            holding = [one for one in terms if one.start_us <= start_us and end_us <= _end(one)]
            names = sorted(one.contract for one in holding)
            twice = sorted({name for name in names if names.count(name) > 1})
            if twice:
                yield Finding("contract", twice[0], "point", f"it holds {point} twice from {_when(start_us)} on")
                break
            total_ppm = sum(one.share_ppm for one in holding)
            if total_ppm > WHOLE_PPM:
                yield Finding("contract", names[-1], "share", _too_much(point, holding, start_us))
                break


def _too_much(point: PointId, holding: Iterable[Term], start_us: int) -> str:
    parts = sorted((one.contract, one.share_ppm) for one in holding)
    listed = ", ".join(f"{contract} {percent(share_ppm)} %" for contract, share_ppm in parts)
    total = percent(sum(share_ppm for _, share_ppm in parts))
    return f"from {_when(start_us)} on {point} is held to {total} %: {listed}; end one first, or share it out"


def percent(share_ppm: int) -> str:
    """A share as people write it."""
    whole, rest = divmod(share_ppm, WHOLE_PPM // 100)
    return f"{whole}.{rest:04d}".rstrip("0").rstrip(".")


def _is_landlords(places: Places, term: Term) -> bool:
    contract = places.contracts[term.contract]
    account = places.accounts.get(contract.account)
    tenant = None if account is None else places.tenants.get(account.tenant)
    return tenant is None or tenant.is_landlord


def _end(term: Term) -> int:
    return FOREVER_US if term.end_us is None else term.end_us


def _when(at_us: int | None) -> str:
    return "-" if at_us is None else from_us(at_us).isoformat(sep=" ", timespec="seconds")
