"""Tries the gaps of one bus's meters: three reads each, in time that polls leave, and never two at once."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from hub.contracts.links import LinkFailed, Reply, Request
from hub.contracts.metering import Liveness
from plugins.kpm_modbus.device import Device
from plugins.kpm_modbus.gaps import Gaps, Proof, judge_refusal, judge_words
from plugins.kpm_modbus.planner import Gap

PAUSE_S = 1.0
"""Between the steps of a try: bus time is for polls."""

AGAIN_S = 60.0
"""Until a try that showed nothing is made again; after some, or for a meter that does not answer, much later."""

LATER_S = 3600.0
TRIES = 3

Transact = Callable[[Device, Request], Awaitable[Reply]]


@dataclass(slots=True)
class _Try:
    """The value behind the gap alone, then both sides in one read, then alone again."""

    gap: Gap
    alone: tuple[int, ...] | None = None
    across: tuple[int, ...] | None = None
    refusal: LinkFailed | None = None


class GapProbe:
    """Knows which step is next for each meter; a step is one transaction, so that no command waits for more."""

    def __init__(self, gaps: Gaps, transact: Transact, worth: Callable[[Device], tuple[Gap, ...]]) -> None:
        """Ask by `transact`; `worth` tells which gaps of a meter would make its polls cheaper."""
        self._gaps = gaps
        self._transact = transact
        self._worth = worth
        self._tries: dict[int, _Try] = {}
        self._unsure: dict[int, int] = {}

    def has_work(self, device: Device) -> bool:
        """Whether a gap of this meter is worth a try."""
        return bool(self._worth(device))

    async def step(self, device: Device) -> float | None:
        """Do the next transaction of a try; in how many seconds the one after that is due, None for never."""
        if device.liveness is not Liveness.LIVE or device.quarantined_for is not None:
            self._tries.pop(device.unit, None)
            return AGAIN_S
        known = self._tries.get(device.unit)
        if known is None:
            worth = self._worth(device)
            if not worth:
                return None
            turn = self._unsure.get(device.unit, 0)
            known = self._tries[device.unit] = _Try(worth[turn % len(worth)])
        try:
            return await self._ask(device, known)
        except LinkFailed:
            del self._tries[device.unit]  # even alone it was not to be had
            return AGAIN_S

    async def _ask(self, device: Device, known: _Try) -> float:
        point = known.gap.after
        alone = Request(unit=device.unit, function=point.function, address=point.address, count=point.count)
        if known.alone is None:
            known.alone = (await self._transact(device, alone)).words
            return PAUSE_S
        if known.across is None and known.refusal is None:
            try:
                known.across = (await self._transact(device, known.gap.read.request(device.unit))).words
            except LinkFailed as error:
                known.refusal = error
            return PAUSE_S
        later = (await self._transact(device, alone)).words
        proof, detail = self._judged(known, later)
        del self._tries[device.unit]
        if proof is Proof.UNSURE:
            tries = self._unsure[device.unit] = self._unsure.get(device.unit, 0) + 1
            return AGAIN_S if tries % TRIES else LATER_S
        await self._gaps.note(device, known.gap.range, detail, is_readable=proof is Proof.READABLE)
        device.gaps = self._gaps.readable(device)
        return PAUSE_S

    @staticmethod
    def _judged(known: _Try, later: tuple[int, ...]) -> tuple[Proof, str]:
        if known.refusal is not None:
            return judge_refusal(known.refusal), str(known.refusal)
        assert known.alone is not None
        assert known.across is not None
        return judge_words(known.gap, known.across, known.alone, later)
