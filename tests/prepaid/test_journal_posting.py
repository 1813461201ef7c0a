"""Posting: balanced or not at all, once under its key, chained, and never changed afterwards."""

from __future__ import annotations

import hashlib
import json
from dataclasses import dataclass
from decimal import Decimal
from functools import partial
from pathlib import Path
from typing import Any, cast

import pytest
from journal_stage import BAKERY, CASH, NOODLES, Stage, charge, play, raw, topup

from hub.contracts.units import MinorUnits, WattHours
from hub.core.context import Context, use
from hub.core.durable import KeyReused
from hub.core.errors import HubError
from hub.core.storage import ConstraintViolated, StorageRefused, Tx
from plugins.prepaid.journal import (
    Entry,
    PeriodClosed,
    Posted,
    Posting,
    Unbalanced,
    Unpostable,
    balance,
    balances,
    checkpoint,
    close_period,
    closed_until,
)
from plugins.prepaid.journal.chart import ENERGY_RECOVERY, UnknownLedgerAccount
from plugins.prepaid.journal.records import AMOUNT_MAX_MINOR, POSTINGS_MAX
from plugins.prepaid.journal.schema import FINAL_TABLES


def entry(*postings: Posting, corrects: str | None = None) -> Entry:
    return Entry("energy", "k", 5, postings, corrects=corrects)


def test_an_entry_gets_the_next_number_and_moves_the_balances(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        assert await stage.post(topup("t1", 5_000)) == [1]
        assert await stage.post(charge("c1", 1_234), charge("c2", 66, BAKERY)) == [2, 3]
        found = await stage.read(balances)
        assert found == {CASH: 5_000, ENERGY_RECOVERY: -1_300, BAKERY: 66, NOODLES: -3_766}
        assert await stage.read(lambda reader: balances(reader, "liability:tenant:n")) == {NOODLES: -3_766}
        assert await stage.read(lambda reader: balance(reader, "asset:bank")) == 0

    play(tmp_path, scene)


def test_an_entry_keeps_everything_that_was_said_and_who_said_it(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        with use(Context("c7", "os:mei", None)):
            await stage.post(charge("c1", 10)._replace(note="第一"))
        (row,) = await stage.read(lambda reader: reader.all("SELECT * FROM prepaid__journal"))
        assert (row["kind"], row["key"], row["effective_us"], row["recorded_us"], row["note"]) == (
            "energy", "c1", 2_000, stage.clock.now_us(), "第一",
        )  # fmt: skip
        assert (row["actor"], row["context_id"], row["ref"], row["corrects"]) == ("os:mei", "c7", None, None)
        first, second = await stage.read(lambda reader: reader.all("SELECT * FROM prepaid__postings ORDER BY n"))
        assert tuple(first) == (1, 0, NOODLES, 10, 20, '{"band":"尖","component":"energy"}')
        assert tuple(second) == (1, 1, ENERGY_RECOVERY, -10, None, "")

    play(tmp_path, scene)


def test_the_hashes_are_what_the_documentation_says_they_are(tmp_path: Path) -> None:
    """Computed here once more with nothing but the standard library, as somebody else's program would."""

    async def scene(stage: Stage) -> None:
        with use(Context('c"7', "user:梅", None)):
            await stage.post(topup("t1", 500), charge("c\n1 尖", 10))
        everything = await stage.read(
            lambda reader: reader.all("SELECT * FROM prepaid__postings ORDER BY entry, n")
        )
        prev = bytes(32)
        for row in await stage.read(lambda reader: reader.all("SELECT * FROM prepaid__journal ORDER BY seq")):
            seq = row["seq"]
            postings = [each for each in everything if each["entry"] == seq]
            asked = [row["kind"], row["effective_us"], row["ref"], row["corrects"], row["note"]]
            payload = hashlib.sha256(_json([*asked, [list(each)[2:] for each in postings]])).digest()
            assert payload == row["payload_sha"]
            own = [seq, row["recorded_us"], row["key"], row["actor"], row["context_id"], payload.hex()]
            prev = hashlib.sha256(prev + _json(own)).digest()
            assert prev == row["hash"]

    play(tmp_path, scene)


def _json(value: object) -> bytes:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":"), sort_keys=True).encode()


class TestTheSameKey:
    def test_with_the_same_payload_is_the_same_entry(self, tmp_path: Path) -> None:
        async def scene(stage: Stage) -> None:
            await stage.post(topup("t1", 500))
            again = await stage.write(lambda tx: stage.journal.post(tx, topup("t1", 500)))
            assert again == Posted(1, is_new=False)
            assert await stage.read(lambda reader: balance(reader, CASH)) == 500

        play(tmp_path, scene)

    def test_twice_in_one_transaction_is_posted_once(self, tmp_path: Path) -> None:
        async def scene(stage: Stage) -> None:
            assert await stage.post(topup("t1", 500), charge("c1", 1), topup("t1", 500)) == [1, 2, 1]
            assert await stage.read(lambda reader: balance(reader, CASH)) == 500

        play(tmp_path, scene)

    @pytest.mark.parametrize(
        "other",
        [
            pytest.param(topup("t1", 501), id="another amount"),
            pytest.param(topup("t1", 500, BAKERY), id="another account"),
            pytest.param(topup("t1", 500, effective_us=1_001), id="another time"),
            pytest.param(topup("t1", 500)._replace(kind="goodwill"), id="another kind"),
            pytest.param(topup("t1", 500)._replace(ref="receipt:9"), id="another reference"),
            pytest.param(topup("t1", 500)._replace(note="oops"), id="another note"),
            pytest.param(topup("t1", 500)._replace(corrects="statement:1"), id="another target"),
        ],
    )
    def test_with_another_payload_is_an_alarm(self, tmp_path: Path, other: Entry) -> None:
        async def scene(stage: Stage) -> None:
            await stage.post(topup("t1", 500))
            with pytest.raises(KeyReused, match=r"'t1' was used before, for entry 1 .* needs a key of its own"):
                await stage.post(charge("c1", 1), other)
            with pytest.raises(KeyReused, match="for entry 2"):
                await stage.post(topup("t2", 1), topup("t2", 2))
            assert await stage.read(lambda reader: reader.value("SELECT count(*) FROM prepaid__journal")) == 1
            assert (await stage.report()).is_clean

        play(tmp_path, scene)


@dataclass
class Refused:
    entry: Entry
    error: type[HubError]
    text: str


def _amount(value: object) -> Posting:
    return Posting(NOODLES, cast(MinorUnits, value))


REFUSED = {
    "postings that do not sum to zero": Refused(
        entry(_amount(5), Posting(CASH, MinorUnits(-4))),
        Unbalanced,
        r"entry k: postings sum to 1, not to zero: liability:tenant:noodle_bar:prepaid \+5, asset:cash -4",
    ),
    "no postings": Refused(entry(), Unpostable, "entry k: 0 postings; it takes 1 to 2000"),
    "too many postings": Refused(
        entry(*[_amount(0)] * (POSTINGS_MAX + 1)), Unpostable, "2001 postings; it takes 1 to 2000"
    ),
    "a float that is whole": Refused(
        entry(_amount(0.0)), Unpostable, "0.0 on .* is no whole number of minor units"
    ),
    "a bool": Refused(entry(_amount(value=False)), Unpostable, "False on .* is no whole number of minor units"),
    "a sum beyond all reason": Refused(entry(_amount(AMOUNT_MAX_MINOR + 1)), Unpostable, "within 10000000000000"),
    "a debt beyond all reason": Refused(entry(_amount(-AMOUNT_MAX_MINOR - 1)), Unpostable, "within 10000000000000"),
    "energy that is no whole number": Refused(
        entry(Posting(NOODLES, MinorUnits(0), cast(WattHours, 1.5))), Unpostable, "1.5 on .* whole number of watt"
    ),
    "an account that is not in the chart": Refused(
        entry(Posting("cash", MinorUnits(0))), UnknownLedgerAccount, "'cash' is no account of the ledger.* asset, "
    ),
    "an account with a space": Refused(
        entry(Posting("asset:the till", MinorUnits(0))), UnknownLedgerAccount, "lower-case words joined by colons"
    ),
    "a float in meta": Refused(
        entry(Posting(NOODLES, MinorUnits(0), None, cast(Any, {"reads": [{"price": 0.5}]}))),
        Unpostable,
        "0.5 in meta is a float; give whole numbers and text",
    ),
    "a decimal in meta": Refused(
        entry(Posting(NOODLES, MinorUnits(0), None, cast(Any, {"price": Decimal(1)}))),
        Unpostable,
        "in meta is a Decimal",
    ),
    "half a character": Refused(entry(_amount(0))._replace(note="\ud83d"), Unpostable, "is half a character"),
    "a correction of itself": Refused(
        entry(_amount(0), corrects="entry:2"), Unpostable, "there is no 'entry:2' to correct"
    ),
    "a correction of no number": Refused(entry(_amount(0), corrects="entry:x"), Unpostable, "no 'entry:x' to"),
}


@pytest.mark.parametrize("case", REFUSED.values(), ids=REFUSED)
def test_what_may_not_be_posted_is_refused_and_nothing_is_written(tmp_path: Path, case: Refused) -> None:
    async def scene(stage: Stage) -> None:
        with pytest.raises(case.error, match=case.text):
            await stage.post(topup("t1", 1), case.entry)
        assert await stage.read(balances) == {}
        assert await stage.post(topup("t1", 1)) == [1]

    play(tmp_path, scene)


def test_an_entry_of_one_posting_may_note_energy_that_costs_nothing(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(
            entry(Posting(NOODLES, MinorUnits(0), WattHours(7), {"reads": [1, None, (True, {"a": "b"})]}))
        )
        meta = await stage.read(lambda reader: reader.value("SELECT meta FROM prepaid__postings"))
        assert meta == '{"reads":[1,null,[true,{"a":"b"}]]}'

    play(tmp_path, scene)


class TestAClosedPeriod:
    def test_takes_nothing_that_does_not_say_what_it_corrects(self, tmp_path: Path) -> None:
        async def scene(stage: Stage) -> None:
            await stage.post(charge("c1", 10, effective_us=999))
            assert await stage.read(lambda reader: closed_until(reader, NOODLES)) is None
            await stage.write(lambda tx: close_period(tx, NOODLES, 1_000, "statement:2026-10", 5))
            assert await stage.read(lambda reader: closed_until(reader, NOODLES)) == 1_000
            with pytest.raises(
                PeriodClosed, match=r"c2 is dated 999, but .*noodle_bar.* until 1000 by statement:2026"
            ):
                await stage.post(charge("c2", 1, effective_us=999))
            late = charge("c3", 1, effective_us=999)
            assert await stage.post(
                late._replace(corrects="statement:2026-10"), charge("c4", 1), charge("c5", 1, BAKERY, 999)
            ) == [2, 3, 4]
            assert await stage.post(charge("c1", 10, effective_us=999)) == [1], "a repeat is no new entry"
            assert (await stage.report()).is_clean

        play(tmp_path, scene)

    def test_is_closed_once_by_a_statement(self, tmp_path: Path) -> None:
        async def scene(stage: Stage) -> None:
            for _ in range(2):
                await stage.write(lambda tx: close_period(tx, NOODLES, 1_000, "s1", 5))
            assert await stage.read(lambda reader: reader.value("SELECT count(*) FROM prepaid__closings")) == 1
            with pytest.raises(KeyReused, match=r"s1 closed .*noodle_bar.* until 1000 before, not until 2000"):
                await stage.write(lambda tx: close_period(tx, NOODLES, 2_000, "s1", 5))

        play(tmp_path, scene)


NEW_ROWS = {
    "journal": "INSERT OR REPLACE INTO prepaid__journal SELECT * FROM prepaid__journal WHERE seq = 1",
    "postings": "INSERT OR REPLACE INTO prepaid__postings SELECT * FROM prepaid__postings WHERE entry = 1",
    "seals": "INSERT OR REPLACE INTO prepaid__seals SELECT * FROM prepaid__seals",
    "checkpoints": "INSERT OR REPLACE INTO prepaid__checkpoints SELECT * FROM prepaid__checkpoints",
    "assertions": "INSERT OR REPLACE INTO prepaid__assertions SELECT * FROM prepaid__assertions",
    "closings": "INSERT OR REPLACE INTO prepaid__closings SELECT * FROM prepaid__closings",
}


@pytest.mark.parametrize("table", FINAL_TABLES)
def test_what_is_written_can_neither_be_changed_nor_removed_nor_replaced(tmp_path: Path, table: str) -> None:
    column = "kind = 'x'" if table == "journal" else "n = n"
    statements = (f"UPDATE prepaid__{table} SET {column}", f"DELETE FROM prepaid__{table}", NEW_ROWS[table])

    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 1))
        await stage.write(lambda tx: close_period(tx, NOODLES, 1, "s1", 5))
        await stage.write(lambda tx: checkpoint(tx, stage.clock.now().date(), 5, {}))
        for sql in statements:
            with pytest.raises(ConstraintViolated, match=f"{table}: append-only, .*write a correction"):
                await stage.write(partial(Tx.execute, sql=sql))

    play(tmp_path, scene)


def test_no_posting_can_be_added_to_an_entry_and_no_entry_replaced_through_its_key(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        await stage.post(topup("t1", 1))
        with pytest.raises(ConstraintViolated, match="this number is taken"):
            await stage.write(
                lambda tx: tx.execute("INSERT INTO prepaid__postings VALUES (1, 2, ?, 0, NULL, '')", (CASH,))
            )
        columns = "2, effective_us, 0, kind, key, payload_sha, ref, corrects, note, actor, context_id, hash"
        with pytest.raises(ConstraintViolated):
            await stage.write(
                lambda tx: tx.execute(
                    f"INSERT OR REPLACE INTO prepaid__journal SELECT {columns} FROM prepaid__journal"
                )
            )

    play(tmp_path, scene)


def test_money_columns_take_whole_numbers_only(tmp_path: Path) -> None:
    play(tmp_path, lambda stage: stage.post(topup("t1", 1)))
    with raw(tmp_path) as file, pytest.raises(Exception, match="cannot store REAL value in INTEGER column"):
        file.execute("UPDATE prepaid__postings SET amount_minor = 0.5")


def test_another_plugin_does_not_reach_the_journal(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> None:
        def reach(tx: Tx) -> None:
            stage.journal.post(tx, topup("t1", 1))

        with pytest.raises(StorageRefused, match="'kpm_modbus' may not touch table 'prepaid__heads'"):
            await stage.db.write(reach, owner="kpm_modbus")

    play(tmp_path, scene)
