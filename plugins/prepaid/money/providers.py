"""The payment platforms that may know of money on its way, asked all at once and within a deadline."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence

from hub.contracts.ids import AccountId
from hub.contracts.topups import Outstanding, OutstandingState, PaymentProvider
from hub.core.clock import Clock

RESERVED = frozenset({"cash", "bank", "batch"})
NONE = Outstanding(state=OutstandingState.NONE)


class Providers:
    """The platforms by name."""

    def __init__(self, clock: Clock) -> None:
        """Start without any."""
        self._clock = clock
        self._providers: dict[str, PaymentProvider] = {}

    def add(self, provider: PaymentProvider) -> Callable[[], None]:
        """Ask this provider from now on; payments are known by its name, so that must be its own."""
        name = provider.name
        if name in RESERVED or name in self._providers:
            raise ValueError(f"there is a provider {name!r} already; payments are known by it, take another name")
        self._providers[name] = provider

        def withdraw() -> None:
            if self._providers.get(name) is provider:
                del self._providers[name]

        return withdraw

    async def outstanding(self, account: AccountId, deadline_us: int) -> Outstanding:
        """Pending if any is, until the last of them ends; else unknown if any is; else none."""
        asked = {
            name: asyncio.ensure_future(self._ask(provider, account)) for name, provider in self._providers.items()
        }
        if not asked:
            return NONE
        try:
            # Not `timeout`: a provider that ignores being cancelled would keep the answer waiting.
            done, _ = await asyncio.wait(asked.values(), timeout=self._clock.seconds_until(deadline_us))
            answers = [
                task.result()
                if task in done and not task.cancelled()
                else _unknown(f"{name} did not answer in time")
                for name, task in asked.items()
            ]
        finally:
            for task in asked.values():
                task.cancel()
        return _sum_up(answers)

    @staticmethod
    async def _ask(provider: PaymentProvider, account: AccountId) -> Outstanding:
        try:
            return await provider.outstanding(account)
        except Exception as error:  # noqa: BLE001 - a provider that fails cannot say: no ground for a trip
            return _unknown(f"{provider.name} failed: {type(error).__name__}: {error}")


def _unknown(detail: str) -> Outstanding:
    return Outstanding(state=OutstandingState.UNKNOWN, detail=detail)


def _sum_up(answers: Sequence[Outstanding]) -> Outstanding:
    pending = [answer for answer in answers if answer.state is OutstandingState.PENDING]
    if pending:
        ends_us = [answer.until_us for answer in pending if answer.until_us is not None]
        return Outstanding(
            state=OutstandingState.PENDING,
            until_us=max(ends_us) if len(ends_us) == len(pending) else None,
            detail="; ".join(answer.detail for answer in pending if answer.detail),
        )
    doubtful = [answer.detail for answer in answers if answer.state is OutstandingState.UNKNOWN]
    return _unknown("; ".join(doubtful)) if doubtful else NONE
