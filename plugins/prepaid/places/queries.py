"""What people ask about accounts, contracts and meters; for a tenant, others' are as if they were not."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal
from typing import Any

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.metering import READINGS
from hub.contracts.naming import action_name
from hub.core.clock import from_us
from hub.core.codec import decode
from hub.core.config import did_you_mean
from hub.core.errors import HubError, NotFound
from hub.core.principals import OWNER, Principal
from hub.core.storage import Reader
from plugins.prepaid.charging import periods
from plugins.prepaid.gate import reads
from plugins.prepaid.journal.balances import Cursor, Line, history
from plugins.prepaid.journal.chart import as_read, prepaid
from plugins.prepaid.money.standing import Standing, standing
from plugins.prepaid.places import repository
from plugins.prepaid.places.columns import Local
from plugins.prepaid.places.contract_actions import read_at
from plugins.prepaid.places.exporting import export
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.opening_reads import kwh_of
from plugins.prepaid.places.records import Account, Contract, Epoch, SupplyPoint
from plugins.prepaid.places.snapshot import load_places

Params = Mapping[str, Any]

ACCOUNTS, ACCOUNT, HISTORY = (action_name("account", verb) for verb in ("list", "show", "history"))
CONTRACTS, CONTRACT = (action_name("contract", verb) for verb in ("list", "show"))
METERS, METER = (action_name("meter", verb) for verb in ("list", "show"))
EXPORT = action_name("site", "export")

READS_SHOWN = 20
LINES_MAX = 1_000


class BadQuestion(HubError):
    """A question with a field that means nothing."""


class Questions:
    """Answers from the books, on one snapshot each."""

    def __init__(self, office: Office, local: Local) -> None:
        """Offer the answers."""
        self._office = office
        self._local = local
        for name, answer, description in (
            (ACCOUNTS, self._accounts, "Accounts with their money; `low` and `arrears` choose some."),
            (ACCOUNT, self._account, "One account: its tenant, its money, its contracts."),
            (HISTORY, self._history, "An account's ledger lines, newest first, each with the balance after it."),
            (CONTRACTS, self._contracts, "Contracts with their points; `account` or `running` choose some."),
            (CONTRACT, self._contract, "One contract: its points, their reads, its months."),
            (METERS, self._meters, "Points with their meters, their last reads and what waits."),
            (METER, self._meter, "One point's meter: its counts, its last reads, what was held."),
            (EXPORT, self._export, "The site as a table that `hub site import` takes."),
        ):
            self._offer(name, answer, description)

    def _offer(self, name: str, answer: Callable[[Reader, Principal, Params], object], description: str) -> None:
        async def ask(principal: Principal, params: Params) -> object:
            return await self._office.desk.hub.db.read(lambda reader: answer(reader, principal, params))

        self._office.desk.hub.answer(name, ask, description=description)

    def _accounts(self, reader: Reader, principal: Principal, params: Params) -> list[dict[str, object]]:
        low = params.get("low")
        if low is not None and (isinstance(low, bool) or not isinstance(low, int | Decimal)):
            raise BadQuestion(f"low is {low!r}; give an amount such as 100")
        points = repository.accounts_by_point(reader)
        held: dict[AccountId, list[PointId]] = {}
        for point, account in sorted(points.items()):
            held.setdefault(account, []).append(point)
        found = []
        for one in repository.accounts(reader, principal):
            now = standing(reader, one.id, self._office.now_us())
            if low is not None and self._major(now.balance_minor) >= low:
                continue
            if params.get("arrears") and now.balance_minor >= 0:
                continue
            found.append({**self._money(one, now), "points": held.get(one.id, [])})
        return found

    def _account(self, reader: Reader, principal: Principal, params: Params) -> dict[str, object]:
        one = self._office.desk.account(reader, AccountId(_text(params, "account")), principal)
        tenant = repository.tenant(reader, one.tenant)
        assert tenant is not None
        return {
            **self._money(one, standing(reader, one.id, self._office.now_us())),
            "opened": from_us(one.opened_us),
            "tenant_name": tenant.name, "language": tenant.language, "phone": tenant.phone, "email": tenant.email,
            "is_landlord": tenant.is_landlord,
            "contracts": [self._about_contract(reader, each) for each in repository.contracts_of(reader, one.id)],
        }  # fmt: skip

    def _history(self, reader: Reader, principal: Principal, params: Params) -> dict[str, object]:
        one = self._office.desk.account(reader, AccountId(_text(params, "account")), principal)
        limit, before = params.get("limit", 50), params.get("before")
        if type(limit) is not int or not 1 <= limit <= LINES_MAX:
            raise BadQuestion(f"limit is {limit!r}; give a number from 1 to {LINES_MAX}")
        cursor = None if before is None else _cursor(before)
        page = history(reader, prepaid(one.id), cursor, limit)
        older = page.older
        return {
            "account": one.id, "currency": self._office.desk.currency,
            "lines": [self._line(one, line) for line in page.lines],
            "older": None if older is None else [older.seq, older.n, older.balance_minor],
        }  # fmt: skip

    def _line(self, account: Account, line: Line) -> dict[str, object]:
        name = prepaid(account.id)
        return {
            "entry": line.seq, "at": from_us(line.effective_us), "recorded": from_us(line.recorded_us),
            "kind": line.kind, "key": line.key, "ref": line.ref, "corrects": line.corrects, "note": line.note,
            "actor": line.actor, "amount": self._major(as_read(name, line.amount_minor)),
            "kwh": None if line.qty_wh is None else Decimal(line.qty_wh).scaleb(-3),
            "meta": decode(line.meta) if line.meta else None,
            "balance": self._major(as_read(name, line.balance_minor)),
        }  # fmt: skip

    def _contracts(self, reader: Reader, principal: Principal, params: Params) -> list[dict[str, object]]:
        account, now_us = params.get("account"), self._office.now_us()
        if account is not None:
            self._office.desk.account(reader, AccountId(str(account)), principal)
        return [
            self._about_contract(reader, one)
            for one in repository.contracts(reader, principal)
            if (account is None or one.account == account)
            and (not params.get("running") or one.end_us is None or one.end_us > now_us)
        ]

    def _contract(self, reader: Reader, principal: Principal, params: Params) -> dict[str, object]:
        name = ContractId(_text(params, "contract"))
        one = repository.contract(reader, name)
        if one is None or not principal.sees("account", one.account):
            hint = did_you_mean(name, (each.id for each in repository.contracts(reader, principal)))
            raise NotFound(f"there is no contract {name!r}.{hint}")
        months = periods.all_of(reader, name)
        return {
            **self._about_contract(reader, one),
            "months": [
                {
                    "month": month, "charged": self._major(sum(row.posted.values())),
                    "components": {part: self._major(minor) for part, minor in sorted(row.posted.items())},
                    "is_finished": row.is_finished,
                }
                for month, row in months.items()
            ],
        }  # fmt: skip

    def _about_contract(self, reader: Reader, one: Contract) -> dict[str, object]:
        return {
            "contract": one.id, "account": one.account, "tariff": one.tariff, "policy": one.policy,
            "start": from_us(one.start_us), "end": None if one.end_us is None else from_us(one.end_us),
            "area_m2": None if one.area_cm2 is None else Decimal(one.area_cm2).scaleb(-4),
            "capacity_kw": None if one.capacity_w is None else Decimal(one.capacity_w).scaleb(-3),
            "points": [
                {
                    "point": term.point, "share": Decimal(term.share_ppm).scaleb(-4).normalize(),
                    "from": from_us(term.start_us), "from_kwh": read_at(reader, term.point, term.start_us),
                    "until": None if term.end_us is None else from_us(term.end_us),
                    "until_kwh": None if term.end_us is None else read_at(reader, term.point, term.end_us),
                }
                for term in repository.terms_of_contract(reader, one.id)
            ],
        }  # fmt: skip

    def _meters(self, reader: Reader, principal: Principal, _: Params) -> list[dict[str, object]]:
        return [self._about_meter(reader, point) for point in repository.points(reader, principal)]

    def _meter(self, reader: Reader, principal: Principal, params: Params) -> dict[str, object]:
        name = PointId(_text(params, "point"))
        seen = {one.id: one for one in repository.points(reader, principal)}
        if name not in seen:
            raise NotFound(f"there is no point {name!r}.{did_you_mean(name, seen)}")
        point, epochs = seen[name], repository.epochs_of(reader, name)
        return {
            **self._about_meter(reader, point),
            "counts": [self._count(one) for one in epochs],
            "reads": [
                {
                    "at": from_us(read.at_us), "kwh": kwh_of(read.raw, read.scale), "basis": read.basis.value,
                    "serial": read.serial,
                }
                for read in repository.newest_reads(reader, name, READS_SHOWN)
            ],
        }  # fmt: skip

    def _about_meter(self, reader: Reader, point: SupplyPoint) -> dict[str, object]:
        epoch, waits = repository.open_epoch(reader, point.id), repository.waiting(reader, point.id)
        last = None if epoch is None else reads.last(reader, epoch.id)
        return {
            "point": point.id, "name": point.name, "area": point.area, "parent": point.parent,
            "role": point.role.value, "load_class": point.load_class,
            "meter": None if epoch is None else epoch.meter, "serial": None if epoch is None else epoch.serial,
            "kwh": None if epoch is None or last is None else kwh_of(last.raw, epoch.scale),
            "read": None if last is None else from_us(last.at_us), "field": self._field(point.id),
            "waits": None if waits is None else waits["reason"],
        }  # fmt: skip

    def _count(self, epoch: Epoch) -> dict[str, object]:
        return {
            "register": epoch.register, "meter": epoch.meter, "serial": epoch.serial,
            "ratio": f"{epoch.ratio[0]}/{epoch.ratio[1]}", "from": from_us(epoch.start_us),
            "from_kwh": kwh_of(epoch.open_raw, epoch.scale), "reason": epoch.reason,
            "until": None if epoch.end_us is None else from_us(epoch.end_us),
            "until_kwh": None if epoch.close_raw is None else kwh_of(epoch.close_raw, epoch.scale),
        }  # fmt: skip

    def _field(self, point: PointId) -> str | None:
        """How the field layer finds the meter: live, dead, or quarantined."""
        metering = self._office.desk.hub.find(READINGS)
        if metering is None:
            return None
        try:
            status = metering.status(point)
        except NotFound:
            return None
        return "quarantined" if status.quarantined_for is not None else status.liveness.value

    def _export(self, reader: Reader, principal: Principal, _: Params) -> dict[str, object]:
        areas = {area.id: area for area in self._office.desk.hub.registry.areas(OWNER)}
        places = load_places(reader, areas)
        return {"csv": export(places, areas, self._local, principal)}

    def _money(self, one: Account, now: Standing) -> dict[str, object]:
        return {
            "account": one.id, "name": one.name, "tenant": one.tenant, "currency": self._office.desk.currency,
            "balance": self._major(now.balance_minor), "credit_limit": self._major(now.credit_limit_minor),
            "held": self._major(now.held_minor), "available": self._major(now.spendable_minor),
            "status": "open" if one.is_open else "closed",
        }  # fmt: skip

    def _major(self, minor: int) -> Decimal:
        return self._office.desk.major(minor)


def _text(params: Params, field: str) -> str:
    value = params.get(field)
    if not isinstance(value, str):
        raise BadQuestion(f"say which {field} is meant")
    return value


def _cursor(value: object) -> Cursor:
    if not isinstance(value, list) or len(value) != 3 or not all(type(one) is int for one in value):
        raise BadQuestion("before is what `older` of the page before it says")
    return Cursor(*value)
