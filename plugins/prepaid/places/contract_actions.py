"""The actions on contracts: open (move in), close (move out), another tariff.

Their reads are taken before the one transaction, so they are `level` actions: a repeat finds what was done.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from decimal import Decimal
from typing import Any

import voluptuous as vol

from hub.contracts.ids import AccountId, ContractId, PointId
from hub.contracts.naming import action_name
from hub.contracts.units import MinorUnits
from hub.core.actions import Call, Effect
from hub.core.clock import from_us
from hub.core.errors import NotFound
from hub.core.principals import Principal
from hub.core.storage import Reader, Tx
from plugins.prepaid.gate import reads
from plugins.prepaid.money.standing import standing
from plugins.prepaid.places import columns, contracts, repository
from plugins.prepaid.places.columns import Local
from plugins.prepaid.places.contracts import ContractRefused, Ended
from plugins.prepaid.places.entered_reads import enter, read_now
from plugins.prepaid.places.fields import KWH_BY_POINT, cell, instant, slug
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.opening_reads import kwh_of
from plugins.prepaid.places.records import WHOLE_PPM, Contract, Term

OPEN = action_name("contract", "open")
CLOSE = action_name("contract", "close")
CHANGE_TARIFF = action_name("contract", "change_tariff")


class ContractActions:
    """What clerks do with contracts."""

    def __init__(self, office: Office, local: Local) -> None:
        """Offer the actions; times without a zone are the site's."""
        self._office = office
        hub = office.desk.hub
        when = instant(local)
        reading = {
            vol.Optional("at"): when,
            vol.Optional("reads", default=dict): KWH_BY_POINT,
        }
        hub.actions.register(
            OPEN, self._open, effect=Effect.LEVEL,
            description="Begin a contract: at reads taken now, at reads typed in, or where another contract ends.",
            schema={
                vol.Required("account"): slug,
                vol.Required("tariff"): slug,
                vol.Required("points"): vol.All([slug], vol.Length(min=1)),
                vol.Optional("contract"): slug,
                vol.Optional("shares", default=dict): {slug: cell(columns.share, local)},
                vol.Optional("follows"): slug,
                vol.Optional("policy"): slug,
                vol.Optional("area_m2"): cell(columns.scaled(10_000, "square metres"), local),
                vol.Optional("capacity_kw"): cell(columns.scaled(1000, "kW"), local),
                **reading,
            },
            returns="the contract, and by which reads it began",
        )  # fmt: skip
        hub.actions.register(
            CLOSE, self._close, effect=Effect.LEVEL,
            description="End a contract at reads taken now or typed in, settle it, and say what is owed.",
            schema={vol.Required("contract"): slug, **reading},
            returns="the reads, what they cost, the account's balance, what it owes or can have back",
        )  # fmt: skip
        hub.actions.register(
            CHANGE_TARIFF, self._change_tariff, effect=Effect.LEVEL,
            description="Another tariff for a tenant: the contract ends, and the next begins at the same reads.",
            schema={
                vol.Required("contract"): slug,
                vol.Required("tariff"): slug,
                vol.Optional("successor"): slug,
                **reading,
            },
            returns="the contract that ended and the one that began",
        )  # fmt: skip

    async def _open(self, call: Call) -> dict[str, object]:
        data, now_us = call.data, self._office.now_us()
        asked = [PointId(one) for one in data["points"]]
        done = await self._office.desk.hub.db.read(lambda reader: self._opened(reader, data, call.principal))
        if done is not None:
            return done
        starts = await self._starts(data, asked)

        def begin(tx: Tx) -> dict[str, object]:
            entered = self._enter(tx, data, now_us)
            begins = {**starts, **entered}
            contract = Contract(
                id=ContractId(data.get("contract") or contracts.free_contract_id(tx, AccountId(data["account"]))),
                account=AccountId(data["account"]), tariff=data["tariff"], policy=data.get("policy"),
                start_us=min(begins.values()), area_cm2=data.get("area_m2"), capacity_w=data.get("capacity_kw"),
            )  # fmt: skip
            terms = [
                Term(
                    contract=contract.id, point=point, start_us=begins[point],
                    share_ppm=data["shares"].get(point, WHOLE_PPM),
                )
                for point in asked
            ]  # fmt: skip
            contracts.move_in(self._office, tx, contract, terms)
            return {"outcome": "done", **self._contract(tx, contract, terms)}

        return await self._office.desk.hub.db.write(begin)

    async def _close(self, call: Call) -> dict[str, object]:
        data, name = call.data, ContractId(call.data["contract"])
        now_us = self._office.now_us()
        old = await self._office.desk.hub.db.read(lambda reader: _seen(reader, name, call.principal))
        if old.end_us is not None and old.end_us <= now_us:
            return await self._office.desk.hub.db.read(lambda reader: self._closed(reader, old, "already"))
        ends = await self._ends(data, name)

        def close(tx: Tx) -> dict[str, object]:
            entered = self._enter(tx, data, now_us)
            ended = contracts.move_out(self._office, tx, name, {**ends, **entered})
            return {
                **self._closed(tx, ended.contract, "done"),
                "charged": self._office.desk.major(ended.charged_minor), "is_settled": ended.is_settled,
            }  # fmt: skip

        return await self._office.desk.hub.db.write(close)

    async def _change_tariff(self, call: Call) -> dict[str, object]:
        data, name = call.data, ContractId(call.data["contract"])
        now_us = self._office.now_us()
        await self._office.desk.hub.db.read(lambda reader: _seen(reader, name, call.principal))
        successor = None if "successor" not in data else ContractId(data["successor"])
        ends = await self._ends(data, name)

        def change(tx: Tx) -> tuple[Ended, dict[str, object]]:
            both = {**ends, **self._enter(tx, data, now_us)}
            ended, new = contracts.change_tariff(self._office, tx, name, both, data["tariff"], successor)
            return ended, self._contract(tx, new, repository.terms_of_contract(tx, new.id))

        ended, new = await self._office.desk.hub.db.write(change)
        return {"outcome": "done", "ended": ended.contract.id, "began": new, "is_settled": ended.is_settled}

    async def _starts(self, data: Mapping[str, Any], points: Sequence[PointId]) -> dict[PointId, int]:
        """Where each point's hold begins, where nothing is typed in for it."""
        _refuse_both(data, points)
        if "follows" in data:
            followed = ContractId(data["follows"])
            return await self._office.desk.hub.db.read(lambda reader: _ends_of(reader, followed, points))
        if "at" in data:
            return dict.fromkeys(points, data["at"])
        return await read_now(self._office, [one for one in points if one not in data["reads"]])

    async def _ends(self, data: Mapping[str, Any], name: ContractId) -> dict[PointId, int]:
        now_us = self._office.now_us()

        def held(reader: Reader) -> list[PointId]:
            contracts.contract_of(reader, name)
            return [term.point for term in contracts.running_terms(reader, name, now_us)]

        points = await self._office.desk.hub.db.read(held)
        _refuse_both(data, points)
        if "at" in data:
            return dict.fromkeys(points, data["at"])
        return await read_now(self._office, [one for one in points if one not in data["reads"]])

    def _enter(self, tx: Tx, data: Mapping[str, Any], at_us: int) -> dict[PointId, int]:
        """Accept the reads that a person typed in, as of now."""
        for point, kwh in sorted(data["reads"].items()):
            self._office.charged(tx, enter(self._office, tx, PointId(point), kwh, at_us))
        return {PointId(point): at_us for point in data["reads"]}

    def _opened(self, reader: Reader, data: Mapping[str, Any], principal: Principal) -> dict[str, object] | None:
        """What a repeat is answered: the contract of that id, if it is what is asked for."""
        self._office.desk.account(reader, AccountId(data["account"]), principal)
        known = None if "contract" not in data else repository.contract(reader, ContractId(data["contract"]))
        if known is None:
            return None
        terms = repository.terms_of_contract(reader, known.id)
        asked = (data["account"], data["tariff"], sorted(data["points"]))
        if asked != (known.account, known.tariff, sorted(term.point for term in terms)):
            raise ContractRefused(
                f"there is a contract {known.id} already, of {known.account} under {known.tariff}; nothing was"
                " changed. Give it another id"
            )
        return {"outcome": "already", **self._contract(reader, known, terms)}

    def _contract(self, reader: Reader, contract: Contract, terms: Sequence[Term]) -> dict[str, object]:
        return {
            "contract": contract.id, "account": contract.account, "tariff": contract.tariff,
            "start": from_us(contract.start_us),
            "points": [
                {
                    "point": one.point,
                    "from": from_us(one.start_us),
                    "read": read_at(reader, one.point, one.start_us),
                }
                for one in terms
            ],
        }  # fmt: skip

    def _closed(self, reader: Reader, contract: Contract, outcome: str) -> dict[str, object]:
        desk = self._office.desk
        now = standing(reader, contract.account, desk.now_us())
        others = [
            one.id
            for one in repository.contracts_of(reader, contract.account)
            if one.id != contract.id and (one.end_us is None or one.end_us > desk.now_us())
        ]
        return {
            "outcome": outcome, "contract": contract.id, "account": contract.account,
            "end": None if contract.end_us is None else from_us(contract.end_us),
            "points": [
                {
                    "point": one.point, "until": from_us(one.end_us),
                    "read": read_at(reader, one.point, one.end_us),
                }
                for one in repository.terms_of_contract(reader, contract.id)
                if one.end_us is not None
            ],
            "balance": desk.major(now.balance_minor), "owed": desk.major(now.debt_minor),
            "refundable": desk.major(max(MinorUnits(0), now.own_minor)), "other_contracts": others,
        }  # fmt: skip


def read_at(reader: Reader, point: PointId, at_us: int) -> Decimal | None:
    """What the register showed at an instant, in kWh; None when no read is exactly of then."""
    for epoch in repository.epochs_of(reader, point):
        found = reads.at(reader, epoch.id, at_us)
        if found is not None:
            return kwh_of(found.raw, epoch.scale)
    return None


def _seen(reader: Reader, name: ContractId, principal: Principal) -> Contract:
    """A contract that the principal may see; for others there is none."""
    found = contracts.contract_of(reader, name)
    if not principal.sees("account", found.account):
        raise NotFound(f"there is no contract {name!r}; nothing was changed")
    return found


def _ends_of(reader: Reader, name: ContractId, points: Sequence[PointId]) -> dict[PointId, int]:
    contracts.contract_of(reader, name)
    ends = {one.point: one.end_us for one in repository.terms_of_contract(reader, name)}
    found: dict[PointId, int] = {}
    for point in points:
        end_us = ends.get(point)
        if end_us is None:
            raise ContractRefused(
                f"contract {name} {'holds ' + point + ' still' if point in ends else 'never held ' + point};"
                " nothing was changed. Only what has ended can be followed"
            )
        found[point] = end_us
    return found


def _refuse_both(data: Mapping[str, Any], points: Sequence[PointId]) -> None:
    strange = sorted(set(data["reads"]) - set(points))
    if strange:
        raise ContractRefused(
            f"there are reads of {', '.join(strange)}, which is not asked about; nothing was changed"
        )
    if data["reads"] and ("at" in data or "follows" in data):
        raise ContractRefused(
            "a read that is typed in counts for now; leave out the time, or the contract to follow"
        )
