"""Seals, proofs and checkpoints: one short hash stands for everything before it."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path

import pytest
from journal_stage import CASH, NOODLES, Stage, charge, play, topup

from hub.core.errors import NotFound
from plugins.prepaid.journal import (
    GENESIS,
    Checkpoint,
    balances,
    checkpoint,
    last_checkpoint,
    link,
    proof,
    seal,
    sealing,
    verify_proof,
)
from plugins.prepaid.journal.chain import EmptyTree, merkle_proof, merkle_root, sha256

DAY, NEXT_DAY = date(2026, 11, 21), date(2026, 11, 22)


@pytest.mark.parametrize("count", [1, 2, 3, 4, 5, 7, 8, 9, 33])
def test_every_leaf_of_a_tree_is_proven_and_no_other(count: int) -> None:
    leaves = [sha256(bytes([number])) for number in range(count)]
    root = merkle_root(leaves)
    for place, leaf in enumerate(leaves):
        steps = merkle_proof(leaves, place)
        assert verify_proof(leaf, steps, root)
        assert not verify_proof(sha256(b"other"), steps, root)
        others = [merkle_proof(leaves, other) for other in range(count) if other != place]
        assert not any(verify_proof(leaf, other, root) for other in others)


def test_a_tree_tells_order_length_and_depth_apart() -> None:
    one, two, three = (sha256(each) for each in (b"1", b"2", b"3"))
    assert len({merkle_root(leaves) for leaves in ([one], [one, two], [two, one], [one, two, three])}) == 4
    assert merkle_root([one, two, three]) != merkle_root([one, two, three, three])
    with pytest.raises(EmptyTree, match="at least one leaf"):
        merkle_root([])


def test_a_node_of_the_tree_cannot_be_passed_off_as_an_entry() -> None:
    leaves = [sha256(bytes([number])) for number in range(4)]
    first, second = merkle_proof(leaves, 0), merkle_proof(leaves, 1)
    both = second[0].hash + first[0].hash
    assert not verify_proof(both, first[1:], merkle_root(leaves))


def test_a_link_depends_on_what_stands_before_it() -> None:
    assert link(GENESIS, b"a") == sha256(bytes(32) + b"a")
    assert link(link(GENESIS, b"a"), b"b") != link(link(GENESIS, b"b"), b"a")


def test_entries_are_sealed_in_order_and_each_is_provable(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(sealing, "SEAL_ENTRIES_MAX", 3)

    async def scene(stage: Stage) -> None:
        assert await stage.write(lambda tx: seal(tx, 5)) is None
        await stage.post(topup("t1", 500), *[charge(f"c{number}", 1) for number in range(3)])
        assert await stage.read(lambda reader: proof(reader, 1)) is None
        first = await stage.write(lambda tx: seal(tx, 5))
        second = await stage.write(lambda tx: seal(tx, 6))
        assert first is not None
        assert second is not None
        assert [(each.n, each.from_seq, each.to_seq) for each in (first, second)] == [(1, 1, 3), (2, 4, 4)]
        assert await stage.write(lambda tx: seal(tx, 7)) is None
        for seq in range(1, 5):
            found = await stage.read(partial(proof, seq=seq))
            assert found is not None
            assert found.seal == (first if seq < 4 else second)
            assert verify_proof(found.leaf, found.steps, found.seal.merkle_root)
        for seq in (0, 5):
            with pytest.raises(NotFound, match=f"no entry {seq} in the journal; nothing can be proven"):
                await stage.read(partial(proof, seq=seq))
        assert (await stage.report()).seals == 2

    play(tmp_path, scene)


def test_a_checkpoint_seals_asserts_and_stands_once_a_day(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        async def close(day: date, at_us: int) -> Checkpoint:
            return await stage.write(lambda tx: checkpoint(tx, day, at_us, {"reads:7": sha256(b"7")}))

        assert await stage.read(last_checkpoint) is None
        await stage.post(topup("t1", 500), charge("c1", 1))
        first = await close(DAY, 5)
        assert (first.n, first.day, first.seq, first.seals, first.assertions) == (1, "2026-11-21", 2, 1, 3)
        assert first.head("reads:7") == sha256(b"7")
        assert first.head("reads:8") == GENESIS
        assert first.hash.hex().startswith(first.short)
        assert len(first.short) == 12
        await stage.post(topup("t2", 500))
        assert await close(DAY, 9) == first
        second = await close(NEXT_DAY, 9)
        assert (second.n, second.seq, second.seals, second.assertions) == (2, 3, 2, 5)
        assert await stage.read(last_checkpoint) == second
        asserted = await stage.read(
            lambda reader: reader.all("SELECT account, seq, amount_minor FROM prepaid__assertions WHERE n > 3")
        )
        assert [tuple(row) for row in asserted] == [(CASH, 3, 1_000), (NOODLES, 3, -999)]
        assert (await stage.read(balances))[NOODLES] == -999
        assert (await stage.report()).is_clean

    play(tmp_path, scene)


def test_an_empty_ledger_has_a_checkpoint_too(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        made = await stage.write(lambda tx: checkpoint(tx, DAY, 5, {}))
        assert (made.seq, made.head_hash, made.seals) == (0, GENESIS, 0)
        assert (await stage.report()).is_clean
        await stage.post(topup("t1", 500))
        assert (await stage.report()).is_clean

    play(tmp_path, scene)
