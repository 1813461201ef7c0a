"""Dry runs and publishing as actions and queries."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any
from zoneinfo import ZoneInfo

import voluptuous as vol

from hub.contracts.naming import action_name
from hub.contracts.units import MinorUnits, major_units
from hub.core.actions import Call, Effect
from hub.core.clock import from_us
from hub.core.errors import HubError
from hub.core.plugins import PluginHub
from hub.core.principals import Principal
from hub.core.storage import Tx
from plugins.prepaid.charging.charger import Charger
from plugins.prepaid.commands.reads_file import instant_us
from plugins.prepaid.rebilling.publisher import Impact, MoneyMoved, Outcome, Publisher
from plugins.prepaid.rebilling.rebill import Rebilled
from plugins.prepaid.tariffs import Tariff, tariff_from_text
from plugins.prepaid.tariffs import publishing as registry
from plugins.prepaid.tariffs.publishing import Proposal, Published

PUBLISH, APPROVE, REJECT = (action_name("tariff", verb) for verb in ("publish", "approve", "reject"))
LIST, SHOW, DRY_RUN = "tariff.list", "tariff.show", "tariff.dry_run"

LIMIT_S = 3600
"""Thousands of contracts are billed twice before a tariff is published."""

_RETURNS = "outcome (published or proposed), the version or the proposal, and whom it affects by how much"


class BadTime(HubError):
    """A time that cannot be read."""


class TariffOffice:
    """Calls and questions about tariffs, for the publisher."""

    def __init__(self, hub: PluginHub, publisher: Publisher) -> None:
        """Answer for a publisher."""
        self._hub = hub
        self._publisher = publisher
        self._scale: int = hub.config["scale"]

    async def publish(self, call: Call) -> dict[str, object]:
        """Publish or propose."""
        tariff = tariff_from_text(call.data["source"], call.data["file"])
        starts_us = _instant_us(call.data["from"], tariff)
        made = await self._publisher.publish(
            tariff, call.data["source"], starts_us, may_correct=call.data["correct"]
        )
        return self._described(made, call.principal)

    async def approve(self, call: Call) -> dict[str, object]:
        """Publish what another proposed."""
        made = await self._publisher.approve(
            call.data["proposal"], call.principal.actor, may_correct=call.data["correct"]
        )
        return self._described(made, call.principal)

    def reject(self, tx: Tx, call: Call) -> dict[str, object]:
        """End a proposal."""
        ended = registry.decide(tx, call.data["proposal"], "rejected")
        return {"outcome": "rejected", "proposal": ended.id, "code": ended.code}

    async def dry_run(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, object]:
        """Who would pay what for a past month under another tariff."""
        tariff = tariff_from_text(str(params["source"]), str(params.get("file", "tariff.yaml")))
        period = params.get("period")
        impact = await self._publisher.impact(tariff, str(params["code"]), None if period is None else str(period))
        return {**self._impact(impact, principal), "currency": tariff.currency}

    async def list_all(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, object]:
        """All versions, and the proposals that wait."""
        del principal, params  # tariffs are no secret
        versions = await self._hub.db.read(registry.versions)
        waiting = await self._hub.db.read(registry.proposals)
        return {
            "versions": [_version(one) for one in versions],
            "proposals": [_proposal(one) for one in waiting],
        }

    async def show(self, principal: Principal, params: Mapping[str, Any]) -> dict[str, object]:
        """A document by its hash, or the one of a code that holds now."""
        del principal
        name, now_us = str(params["tariff"]), self._hub.clock.now_us()
        versions = await self._hub.db.read(partial(registry.versions, code=name))
        holding = [one for one in versions if one.from_us <= now_us] or versions
        sha = holding[-1].sha if holding else name
        tariff = await self._hub.db.read(partial(registry.document, sha=sha))
        return {
            "code": tariff.code, "sha": tariff.content_sha, "document": tariff.canonical.decode(),
            "versions": [_version(one) for one in versions],
        }  # fmt: skip

    def _described(self, made: Outcome, principal: Principal) -> dict[str, object]:
        shown: dict[str, object] = {
            "outcome": "proposed" if made.published is None else "published",
            **self._impact(made.impact, principal),
        }
        if made.published is not None:
            shown["version"] = _version(made.published)
            shown["refolded"] = made.refolded
            shown["charged"] = major_units(MinorUnits(made.charged_minor), self._scale)
        if made.proposal is not None:
            shown["proposal"] = made.proposal.id
        return shown

    def _impact(self, impact: Impact, principal: Principal) -> dict[str, object]:
        return {
            "period": impact.period,
            "affected": len(impact.affected),
            "largest_change": registry.percent(impact.largest_ppm),
            "contracts": [self._rebilled(one) for one in impact.affected if principal.sees("account", one.account)],
        }

    def _rebilled(self, one: Rebilled) -> dict[str, object]:
        now, then, difference = (
            major_units(MinorUnits(amount), self._scale)
            for amount in (one.now_minor, one.then_minor, one.difference_minor)
        )
        return {
            "contract": one.contract, "account": one.account, "kwh": major_units(MinorUnits(one.wh), 3), "now": now,
            "then": then, "difference": difference, "change": registry.percent(one.change_ppm),
            "is_stand_in": one.is_stand_in,
        }  # fmt: skip


def register_tariffs(hub: PluginHub, charger: Charger, money_moved: MoneyMoved) -> Publisher:
    """Offer everything about tariffs."""
    publisher = Publisher(hub, charger, money_moved)
    office = TariffOffice(hub, publisher)
    hub.actions.register(
        PUBLISH,
        office.publish,
        effect=Effect.LEVEL,
        description="Publish a tariff from an instant on; bills that change by over 30 % need a second person.",
        schema={
            vol.Required("source"): vol.All(str, vol.Length(1, 500_000)),
            vol.Optional("file", default="tariff.yaml"): str,
            vol.Required("from"): str,
            vol.Optional("correct", default=False): bool,
        },
        returns=_RETURNS,
        limit_s=LIMIT_S,
    )
    hub.actions.register(
        APPROVE,
        office.approve,
        effect=Effect.LEVEL,
        description="Publish what another person has proposed.",
        schema={vol.Required("proposal"): str, vol.Optional("correct", default=False): bool},
        returns=_RETURNS,
        limit_s=LIMIT_S,
    )
    hub.actions.register(
        REJECT,
        office.reject,
        effect=Effect.TX,
        description="End a proposed tariff; one's own too.",
        schema={vol.Required("proposal"): str},
        returns="outcome, proposal and code",
    )
    hub.answer(LIST, office.list_all, description="All tariff versions, and the proposals that wait.")
    hub.answer(
        SHOW, office.show, description="The document of a `tariff`: of a code what holds now, or of a content hash."
    )
    hub.answer(
        DRY_RUN,
        office.dry_run,
        description="What all contracts of a `code` would have paid in a `period` under the tariff in `source`.",
    )
    return publisher


def _instant_us(text: str, tariff: Tariff) -> int:
    try:
        return instant_us(text, ZoneInfo(tariff.time_zone))
    except ValueError as error:
        raise BadTime(f"from: {error}") from None


def _version(one: Published) -> dict[str, object]:
    return {
        "code": one.code, "from": from_us(one.from_us), "sha": one.sha, "published": from_us(one.published_us),
        "actor": one.actor, "approver": one.approver,
    }  # fmt: skip


def _proposal(one: Proposal) -> dict[str, object]:
    return {
        "proposal": one.id, "code": one.code, "from": from_us(one.from_us), "actor": one.actor,
        "proposed": from_us(one.proposed_us), "largest_change": registry.percent(one.change_ppm),
    }  # fmt: skip
