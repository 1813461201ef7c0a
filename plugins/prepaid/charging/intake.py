"""Where readings come in: each passes the gate, some are written down and charged, all of them show in the balance.

Written down is what the billing grid, an edge of band, day or contract, or somebody who asked needs. In between the
balance follows the newest look, by the same rating.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace

from hub.contracts.accounting import EpochBegan, ReadingHeld
from hub.contracts.ids import AccountId, PointId, RegisterId
from hub.contracts.metering import READINGS, Reading, Register
from hub.core.plugins import PluginHub
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.charger import Charged, Charger, changed_accounts
from plugins.prepaid.charging.live import LiveAccounts
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.judge import Decision, Verdict, fits_between
from plugins.prepaid.gate.keeper import Keeper, instant_of, read_of, scale_of
from plugins.prepaid.gate.reads import AcceptedRead, Basis
from plugins.prepaid.places import repository
from plugins.prepaid.places.records import Epoch

FAR_US = 1 << 62


@dataclass(frozen=True, slots=True)
class Due:
    """An accepted look that is to be written down and charged."""

    point: PointId
    read: AcceptedRead


MoneyMoved = Callable[[Tx, Iterable[Charged]], object]
"""Called last in every transaction that charged something: supply weighs the balance, people see it."""


class Intake:
    """The gate of all points, and what becomes of what passes it."""

    def __init__(
        self,
        hub: PluginHub,
        charger: Charger,
        live: LiveAccounts,
        keepers: dict[PointId, Keeper],
        grid_us: int,
        money_moved: MoneyMoved,
        show: Callable[[AccountId], object],
        touched: Callable[[Iterable[PointId]], object],
    ) -> None:
        """Write down at least once per grid step; 0 writes every accepted look."""
        self._show = show
        self._touched = touched
        self._hub = hub
        self._charger = charger
        self._live = live
        self._keepers = keepers
        self._grid_us = grid_us
        self._money_moved = money_moved
        self._edges: dict[PointId, tuple[int, int, int]] = {}
        self._told: dict[PointId, str] = {}
        self._turn = asyncio.Lock()

    async def take_up(self) -> None:
        """Go on from the reads that are written down."""

        def stand(reader: Reader) -> list[tuple[Epoch, AcceptedRead | None]]:
            return [(epoch, reads.last(reader, epoch.id)) for epoch in repository.open_epochs(reader)]

        for epoch, last in await self._hub.db.read(stand):
            keeper = self._keeper(epoch.point)
            if keeper is not None and last is not None and keeper.register.register == epoch.register:
                keeper.take_up(epoch, last)

    def forget(self, point: PointId) -> None:
        """A point's meter was replaced or its epoch ended elsewhere: `take_up` finds what holds now."""
        self._keepers.pop(point, None)
        self._edges.pop(point, None)
        self._told.pop(point, None)

    async def take(self, readings: Sequence[Reading]) -> None:
        """Pass readings through the gate; what is due is in the books when this returns."""
        async with self._turn:
            await self._take(readings)

    async def _take(self, readings: Sequence[Reading]) -> None:
        due: list[Due] = []
        touched: set[PointId] = set()
        for reading in readings:
            keeper = self._keeper(reading.point)
            if keeper is None:
                continue
            if reading.register != keeper.register.register:
                self._note_band(keeper, reading)
                continue
            if keeper.epoch is None:
                await self._begin(keeper, reading, "first read", is_expected=True)
                continue
            due += await self._pass(keeper, reading)
            touched.add(reading.point)
        self._touched(touched)
        moved = await self._write(due)
        for account in self._accounts_of(touched) - moved:  # the others were shown when their money moved
            self._show(account)

    async def _pass(self, keeper: Keeper, reading: Reading) -> list[Due]:
        now_us = self._hub.clock.now_us()
        verdict = keeper.look(reading, now_us=now_us)
        if verdict.decision is Decision.ACCEPT:
            return self._accept(keeper, reading, verdict)
        if verdict.decision is Decision.REPEATED:
            return []
        if verdict.decision is Decision.LATE:
            await self._take_late(keeper, reading)
            return []
        if verdict.decision is Decision.NEW_EPOCH:
            await self._begin(keeper, reading, verdict.reason, is_expected=False)
            return []
        keeper.standing = verdict.standing
        await self._hold(keeper, reading, verdict)
        return []

    def _accept(self, keeper: Keeper, reading: Reading, verdict: Verdict) -> list[Due]:
        """Take a look; what must be written down because of it, the look before an edge as well."""
        read = keeper.accepted(reading, verdict)
        before, written = keeper.newest, keeper.queued
        keeper.standing, keeper.newest = verdict.standing, read
        self._told.pop(keeper.point, None)
        assert written is not None
        edge_us = self._edge_after(keeper.point, written.at_us)
        is_due = (
            reading.tag is not None
            or not self._grid_us
            or read.at_us // self._grid_us != written.at_us // self._grid_us
            or read.at_us >= edge_us
        )
        if not is_due:
            return []
        due = [Due(keeper.point, read)]
        if before is not None and written.at_us < before.at_us < edge_us < read.at_us:
            due.insert(0, Due(keeper.point, before))
        keeper.queued = read
        return due

    def _edge_after(self, point: PointId, at_us: int) -> int:
        """The next instant after a read at which a look is worth money: a band, month, version or contract edge."""
        known, book = self._edges.get(point), self._charger.book
        if known is not None and known[0] == book.version and known[1] <= at_us < known[2]:
            return known[2]
        edges = [
            book.timelines[contract].next_edge(at_us)
            for contract in book.holders(point, at_us)
            if contract in book.timelines
        ]
        starts = [term.start_us for term in book.terms.get(point, ()) if term.start_us > at_us]
        edge_us = min([*edges, *starts, FAR_US])
        self._edges[point] = (book.version, at_us, edge_us)
        return edge_us

    async def _write(self, due: list[Due]) -> set[AccountId]:
        """Write and charge what is due; the accounts whose money moved."""
        if not due:
            return set()

        def charge(tx: Tx) -> set[AccountId]:
            charged = self._charger.accept_all(tx, [(one.point, one.read) for one in due])
            tx.on_commit(lambda: self._note_written(due))
            self._money_moved(tx, charged)
            return set(changed_accounts(charged))

        try:
            return await self._hub.db.write(charge, origin="readings")
        except BaseException:
            for keeper, _ in self._still_counting(due):  # the next look is due again, and charges all of it
                keeper.queued = keeper.written
            raise

    def _note_written(self, due: Sequence[Due]) -> None:
        for keeper, read in self._still_counting(due):
            keeper.written = read

    def _still_counting(self, due: Sequence[Due]) -> Iterator[tuple[Keeper, AcceptedRead]]:
        """What is due, where its epoch is still the open one: a reset or another meter may have come since."""
        for one in due:
            keeper = self._keepers.get(one.point)
            if keeper is not None and keeper.epoch is not None and keeper.epoch.id == one.read.epoch:
                yield keeper, one.read

    async def _take_late(self, keeper: Keeper, reading: Reading) -> None:
        """An older look refines the past if it fits between what is written down around it."""
        epoch = keeper.epoch
        assert epoch is not None
        nature = keeper.nature(epoch)

        def refine(tx: Tx) -> bool:
            before, after = reads.neighbours(tx, epoch.id, instant_of(reading))
            if before is None or after is None or before.at_us == instant_of(reading):
                return False
            read = read_of(reading, epoch, before.wraps, nature, None)
            if not fits_between(read.total_wh, before.total_wh, after.total_wh):
                return False
            if reads.at(tx, epoch.id, read.at_us) is not None:
                return False
            self._money_moved(tx, self._charger.accept(tx, keeper.point, read))
            return True

        await self._hub.db.write(refine, origin="readings")

    async def _begin(self, keeper: Keeper, reading: Reading, reason: str, *, is_expected: bool) -> None:
        """Begin an epoch with this reading; the one before ends where it was last seen."""
        register, old, last = keeper.register, keeper.epoch, keeper.newest
        wanted = Epoch(
            id=0, point=keeper.point, register=RegisterId(reading.register), meter=reading.meter,
            serial=reading.serial, scale=scale_of(reading), ratio=reading.ratio,
            modulus_raw=register.modulus_raw, start_us=instant_of(reading), open_raw=reading.raw, reason=reason,
        )  # fmt: skip

        def begin(tx: Tx) -> tuple[Epoch, AcceptedRead]:
            if old is not None and last is not None:
                if keeper.queued is not last:
                    self._money_moved(tx, self._charger.accept(tx, keeper.point, last))
                repository.end_epoch(tx, old.id, last.at_us, last.raw)
            number = repository.begin_epoch(tx, wanted)
            epoch = replace(wanted, id=number)
            opening = _opening(reading, epoch, keeper)
            self._charger.accept(tx, keeper.point, opening)
            return epoch, opening

        keeper.take_up(*await self._hub.db.write(begin, origin="readings"))
        if not is_expected:
            self._hub.log.error("%s: the count of %s began anew: %s", keeper.point, reading.meter, reason)
        event = EpochBegan(point=keeper.point, register=reading.register, reason=reason, is_expected=is_expected)
        self._hub.bus.publish(event)

    async def _hold(self, keeper: Keeper, reading: Reading, verdict: Verdict) -> None:
        """Put on record what was not accepted, and tell people once per reason."""
        kind = verdict.reason.split(" ")[0]
        if self._told.get(keeper.point) == kind:
            return
        self._told[keeper.point] = kind
        seen_us = self._hub.clock.now_us()
        await self._hub.db.write(
            lambda tx: reads.note_attempt(
                tx, keeper.point, reading.register, reading.source_us, reading.raw, reading.frame_sha,
                verdict.decision.value, verdict.reason, seen_us,
            ),
            origin="doubt",
        )  # fmt: skip
        self._hub.log.warning("%s: a reading is held: %s", keeper.point, verdict.reason)
        self._hub.bus.publish(
            ReadingHeld(
                point=keeper.point,
                register=reading.register,
                reason=verdict.reason,
                needs_person=verdict.is_implausible,
            )
        )

    def _note_band(self, keeper: Keeper, reading: Reading) -> None:
        for register in self._registers(reading.point):
            if register.register == reading.register and register.band is not None:
                keeper.note_band(register.band, reading)

    def _keeper(self, point: PointId) -> Keeper | None:
        """The gate of a point that the books know; None for others."""
        keeper = self._keepers.get(point)
        if keeper is None and point in self._charger.book.points:
            main = next((one for one in self._registers(point) if one.band is None), None)
            if main is not None:
                keeper = self._keepers[point] = Keeper(point, main)
        return keeper

    def _registers(self, point: PointId) -> tuple[Register, ...]:
        metering = self._hub.find(READINGS)
        return () if metering is None else metering.registers(point)

    def _accounts_of(self, points: Iterable[PointId]) -> set[AccountId]:
        book, now_us = self._charger.book, self._hub.clock.now_us()
        return {book.contracts[contract].account for point in points for contract in book.holders(point, now_us)}


def _opening(reading: Reading, epoch: Epoch, keeper: Keeper) -> AcceptedRead:
    read = read_of(reading, epoch, 0, keeper.nature(epoch), keeper.bands_at(instant_of(reading)))
    return replace(read, basis=Basis.OPENING)
