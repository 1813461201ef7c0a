"""The actions on meters: an instrument is replaced, a held reading is settled."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.ids import PointId
from hub.contracts.naming import action_name
from hub.core.actions import Call, Effect
from hub.core.config import did_you_mean
from hub.core.errors import NotFound
from hub.core.storage import Reader, Tx
from plugins.prepaid.money.fields import NUMBER, REASON
from plugins.prepaid.places import columns, repository
from plugins.prepaid.places.columns import Local
from plugins.prepaid.places.entered_reads import main_reading, read_now
from plugins.prepaid.places.fields import cell, instant, shown_kwh, slug
from plugins.prepaid.places.meters import MeterRefused, NewMeter, accept_jump, replace_meter
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.opening_reads import kwh_of

REPLACE = action_name("meter", "replace")
ACCEPT_JUMP = action_name("meter", "accept_jump")

LAST_READ = "last"
NOW = "now"


class MeterActions:
    """What fitters and clerks do with meters."""

    def __init__(self, office: Office, local: Local) -> None:
        """Offer the actions."""
        self._office = office
        hub = office.desk.hub
        hub.actions.register(
            REPLACE, self._replace, effect=Effect.LEVEL,
            description="Another instrument hangs at a point: its count begins where the old one's ends.",
            schema={
                vol.Required("point"): slug,
                vol.Required("final"): vol.Any(NOW, LAST_READ, shown_kwh),
                vol.Required("serial"): NUMBER,
                vol.Optional("opening"): shown_kwh,
                vol.Optional("count_wh"): cell(columns.step, local),
                vol.Optional("ratio"): cell(columns.ratio, local),
                vol.Optional("at"): instant(local),
                vol.Required("reason"): REASON,
            },
            returns="the old count with its last read, and the new one with its first",
        )  # fmt: skip
        hub.actions.register(
            ACCEPT_JUMP, self._accept_jump, effect=Effect.LEVEL,
            description="Settle a held reading: `use` charges it, `new_epoch` begins the count anew with it.",
            schema={
                vol.Required("point"): slug,
                vol.Required("decision"): vol.In(["use", "new_epoch"]),
                vol.Required("reason"): REASON,
            },
            returns="the read that was taken now, and what it was charged",
        )  # fmt: skip

    async def _replace(self, call: Call) -> dict[str, object]:
        data, point = call.data, PointId(call.data["point"])
        db = self._office.desk.hub.db
        done = await db.read(lambda reader: self._replaced(reader, point, data["serial"]))
        if done is not None:
            return done
        final = data["final"]
        if final == NOW:
            await read_now(self._office, [point])
        at_us = data.get("at", self._office.now_us())
        if at_us > self._office.now_us():
            raise MeterRefused("a meter is replaced when it has been; that time is not yet. Nothing was changed")
        new = NewMeter(
            serial=data["serial"], open_kwh=data.get("opening"), scale=data.get("count_wh"), ratio=data.get("ratio")
        )

        def swap(tx: Tx) -> dict[str, object]:
            final_kwh = None if final in (NOW, LAST_READ) else final
            replaced = replace_meter(self._office, tx, point, final_kwh, new, data["reason"], at_us)
            self._office.charged(tx, replaced.charged)
            old = replaced.old
            return {
                "outcome": "done", "point": point, "meter": old.meter, "old_serial": old.serial,
                "final_kwh": kwh_of(replaced.final_raw, old.scale), "serial": new.serial,
                "opening_kwh": new.open_kwh,
            }  # fmt: skip

        return await db.write(swap)

    async def _accept_jump(self, call: Call) -> dict[str, object]:
        point, db = PointId(call.data["point"]), self._office.desk.hub.db
        await db.read(lambda reader: _known_point(reader, point))
        reading, _ = await main_reading(self._office, point)

        def settle(tx: Tx) -> dict[str, object]:
            read, charged = accept_jump(self._office, tx, reading, call.data["decision"], call.data["reason"])
            self._office.charged(tx, charged)
            minor = sum(one.charged_minor for one in charged)
            return {
                "outcome": "done", "point": point, "read_kwh": kwh_of(read.raw, read.scale),
                "charged": self._office.desk.major(minor),
            }  # fmt: skip

        return await db.write(settle)

    def _replaced(self, reader: Reader, point: PointId, serial: str) -> dict[str, object] | None:
        """What a repeat is answered: the instrument hangs there already."""
        _known_point(reader, point)
        epoch = repository.open_epoch(reader, point)
        if epoch is None or epoch.serial != serial or not epoch.reason.startswith("meter replaced"):
            return None
        return {
            "outcome": "already", "point": point, "meter": epoch.meter, "serial": serial,
            "opening_kwh": kwh_of(epoch.open_raw, epoch.scale),
        }  # fmt: skip


def _known_point(reader: Reader, point: PointId) -> None:
    if repository.point(reader, point) is None:
        hint = did_you_mean(point, repository.point_ids(reader))
        raise NotFound(f"there is no point {point!r}; nothing was changed.{hint}")
