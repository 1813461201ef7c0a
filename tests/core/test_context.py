"""Contexts: inherited by what is caused, and gone when the cause is."""

from __future__ import annotations

import asyncio

import pytest

from hub.core import context as contexts
from hub.core.context import Context
from hub.sim import VirtualLoop, run_virtual


@pytest.mark.parametrize(
    ("actor", "expected"),
    [
        pytest.param(None, Context("c2", "os:anna", "c1"), id="the same actor"),
        pytest.param("rule:warn", Context("c2", "rule:warn", "c1"), id="another actor"),
    ],
)
def test_a_child_names_its_parent(actor: str | None, expected: Context) -> None:
    assert Context("c1", "os:anna").child("c2", actor) == expected


def test_a_context_holds_within_its_block_and_ends_with_it_even_on_an_error() -> None:
    outer, inner = Context("c1", "os:anna"), Context("c2", "rule:warn")
    with contexts.use(outer):
        with pytest.raises(ValueError, match="os:anna -> rule:warn"), contexts.use(inner):
            raise ValueError(f"{outer.actor} -> {contexts.current().actor}")
        assert contexts.current() is outer
    assert contexts.current() is contexts.SYSTEM


def test_a_task_keeps_the_context_of_whoever_started_it() -> None:
    async def work() -> Context:
        await asyncio.sleep(1)
        return contexts.current()

    async def main(loop: VirtualLoop) -> None:
        cause = Context("c1", "os:anna")
        with contexts.use(cause):
            task = asyncio.create_task(work())
        assert await task is cause
        assert contexts.current() is contexts.SYSTEM

    run_virtual(main)
