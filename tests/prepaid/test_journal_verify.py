"""Verification finds every tampering and says where; it goes in pages, and it can begin at a checkpoint."""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import pytest
from journal_stage import BAKERY, CASH, NOODLES, Stage, charge, play, raw, topup

from hub.contracts.units import MinorUnits
from plugins.prepaid.journal import (
    Entry,
    Finding,
    Posting,
    Report,
    Verification,
    assert_balance,
    chained_check,
    checkpoint,
    close_period,
    findings,
    last_checkpoint,
    projections,
    reverse,
    verify,
    verify_in_pages,
    walk,
)
from plugins.prepaid.journal.chain import GENESIS, link
from plugins.prepaid.journal.chart import ROUNDING
from plugins.prepaid.journal.records import payload_sha, row_payload

DAY = date(2026, 11, 20)


async def furnish(stage: Stage) -> None:
    """Ten entries, two days, a reversal, a closed period and counted cash; no seal covers the tenth entry."""
    await stage.post(topup("t1", 900), charge("c2", 100), charge("c3", 7, BAKERY), charge("c4", 11))
    await stage.write(lambda tx: checkpoint(tx, DAY, 5, {}))
    await stage.write(lambda tx: close_period(tx, NOODLES, 3_000, "s1", 6))
    await stage.post(topup("t5", 300, BAKERY), charge("c6", 50, effective_us=4_000))
    await stage.write(lambda tx: reverse(stage.journal, tx, 2, "r7", "misread", 5_000))
    await stage.post(charge("c8", 60, effective_us=4_000))
    await stage.write(lambda tx: assert_balance(tx, CASH, MinorUnits(1_200), 7))
    await stage.post(charge("c9", 70, effective_us=4_000))
    await stage.write(lambda tx: checkpoint(tx, DAY + timedelta(days=1), 8, {"reads:1": bytes(32)}))
    await stage.post(topup("t10", 400, effective_us=4_000))


@dataclass
class Tampering:
    sql: str
    rule: str
    says: str


TAMPERED = {
    "an amount": Tampering(
        "UPDATE prepaid__postings SET amount_minor = amount_minor + 1 WHERE entry = 3 AND n = 0",
        "I1", "I1: entry 3: 2 postings sum to 1, not to zero",
    ),
    "both amounts of an entry": Tampering(
        "UPDATE prepaid__postings SET amount_minor = amount_minor * 2 WHERE entry = 3",
        "chain", "chain: entry 3: what was posted is not what its hash says",
    ),
    "the energy of a posting": Tampering(
        "UPDATE prepaid__postings SET qty_wh = qty_wh + 1 WHERE entry = 8 AND n = 0",
        "chain", "chain: entry 8: what was posted is not what its hash says",
    ),
    "the explanation of a posting": Tampering(
        "UPDATE prepaid__postings SET meta = '{}' WHERE entry = 8 AND n = 0",
        "chain", "chain: entry 8: what was posted is not what its hash says",
    ),
    "two accounts swapped": Tampering(
        "UPDATE prepaid__postings SET account = 'liability:tenant:bakery:prepaid' WHERE entry = 6 AND n = 0",
        "I3", "liability:tenant:bakery:prepaid: the balance is -293, the postings sum to -243",
    ),
    "a posting removed": Tampering(
        "DELETE FROM prepaid__postings WHERE entry = 4 AND n = 0",
        "chain", "chain: entry 4: posting 0 is numbered 1",
    ),
    "all postings of an entry removed": Tampering(
        "DELETE FROM prepaid__postings WHERE entry = 4", "I1", "I1: entry 4: 0 postings sum to 0, not to zero"
    ),
    "a date": Tampering(
        "UPDATE prepaid__journal SET effective_us = 1 WHERE seq = 1",
        "chain", "chain: entry 1: what was posted is not what its hash says",
    ),
    "who did it": Tampering(
        "UPDATE prepaid__journal SET actor = 'user:nobody' WHERE seq = 10",
        "chain", "chain: entry 10: its hash does not follow from the entry and the hash before it",
    ),
    "an entry removed": Tampering(
        "DELETE FROM prepaid__journal WHERE seq = 6", "chain", "chain: entry 7: entries 6 to 6 are missing"
    ),
    "an entry removed, its postings left": Tampering(
        "DELETE FROM prepaid__journal WHERE seq = 6", "chain", "chain: entry 6: postings without their entry"
    ),
    "an entry removed that a checkpoint speaks of": Tampering(
        "DELETE FROM prepaid__journal WHERE seq = 4",
        "I3", "I3: entry 4: checkpoint 1 speaks of this entry, which is missing",
    ),
    "the last entry removed": Tampering(
        "DELETE FROM prepaid__journal WHERE seq = 10",
        "chain", "chain: entry 9: the journal's head does not stand at its last entry (it says 10)",
    ),
    "the last entry removed, and what it posted left": Tampering(
        "DELETE FROM prepaid__journal WHERE seq = 10", "chain", "chain: entry 10: postings without their entry"
    ),
    "the end of the journal removed with its head set back": Tampering(
        "DELETE FROM prepaid__postings WHERE entry > 8; DELETE FROM prepaid__journal WHERE seq > 8;"
        " UPDATE prepaid__heads SET (n, hash) = (SELECT seq, hash FROM prepaid__journal WHERE seq = 8)"
        " WHERE chain = 'journal'",
        "chain", "chain: entry 8: seals row 2 speaks of entries behind the last",
    ),
    "the whole journal removed": Tampering(
        "DELETE FROM prepaid__postings; DELETE FROM prepaid__journal",
        "chain", "chain: entry 0: seals row 1 speaks of entries behind the last",
    ),
    "the head of the journal removed": Tampering(
        "DELETE FROM prepaid__heads WHERE chain = 'journal'",
        "chain", "chain: entry 10: the journal's head does not stand at its last entry (it is missing)",
    ),
    "a balance": Tampering(
        "UPDATE prepaid__balances SET amount_minor = 0 WHERE account = 'asset:cash'",
        "I3", "I3: asset:cash: the balance is 0, the postings sum to 1600",
    ),
    "two balances that still sum to zero": Tampering(
        "UPDATE prepaid__balances SET amount_minor = amount_minor + iif(account = 'asset:cash', 1, -1)"
        " WHERE account IN ('asset:cash', 'clearing:energy_recovery')",
        "I3", "I3: asset:cash: the balance is 1601, the postings sum to 1600",
    ),
    "one balance, so that all do not sum to zero": Tampering(
        "UPDATE prepaid__balances SET amount_minor = amount_minor + 1 WHERE account = 'asset:cash'",
        "I2", "I2: all accounts together hold 1, not zero",
    ),
    "the last entry of a balance": Tampering(
        "UPDATE prepaid__balances SET last_seq = 2 WHERE account = 'asset:cash'",
        "I3", "I3: entry 2 asset:cash: the balance names another entry as the last",
    ),
    "a balance removed": Tampering(
        "DELETE FROM prepaid__balances WHERE account = 'asset:cash'",
        "I3", "I3: asset:cash: it has postings and no balance",
    ),
    "a balance invented": Tampering(
        "INSERT INTO prepaid__balances VALUES ('asset:bank', 5, 2)",
        "I3", "I3: asset:bank: the balance is 5, the postings sum to 0",
    ),
    "a seal's root": Tampering(
        "UPDATE prepaid__seals SET merkle_root = zeroblob(32) WHERE n = 2",
        "I13", "I13: entry 9: seal 2 over entries 5 to 9 does not fit them",
    ),
    "a seal's link": Tampering(
        "UPDATE prepaid__seals SET at_us = 0 WHERE n = 2",
        "chain", "chain: seals row 2: its hash does not follow from it and the row before",
    ),
    "a seal's span": Tampering(
        "UPDATE prepaid__seals SET from_seq = 6 WHERE n = 2",
        "I13", "I13: entry 9: seal 2 over entries 6 to 9 does not fit them",
    ),
    "a seal removed": Tampering(
        "DELETE FROM prepaid__seals WHERE n = 1", "chain", "chain: seals rows 1 to 1 are missing"
    ),
    "the last seal removed with its head set back": Tampering(
        "DELETE FROM prepaid__seals WHERE n = 2; UPDATE prepaid__heads SET (n, hash) = (SELECT n, hash FROM"
        " prepaid__seals WHERE n = 1) WHERE chain = 'seals'",
        "I13", "I13: seals: a checkpoint knows 2 rows, there are 1",
    ),
    "a checkpoint": Tampering(
        "UPDATE prepaid__checkpoints SET day = '2026-01-01' WHERE n = 1",
        "chain", "chain: checkpoints row 1: its hash does not follow from it and the row before",
    ),
    "a checkpoint's head of the journal": Tampering(
        "UPDATE prepaid__checkpoints SET head_hash = zeroblob(32) WHERE n = 1",
        "I13", "I13: entry 4: checkpoint 1 knows it by another hash",
    ),
    "a checkpoint's heads, unreadable": Tampering(
        "UPDATE prepaid__checkpoints SET heads = '{' WHERE n = 1",
        "unreadable", "unreadable: checkpoints cannot be read further: Expecting property name",
    ),
    "the last checkpoint removed": Tampering(
        "DELETE FROM prepaid__checkpoints WHERE n = 2",
        "chain", "chain: the head of checkpoints does not stand at its last row, 1",
    ),
    "a checkpoint that knows another head of the seals": Tampering(
        "UPDATE prepaid__checkpoints SET heads = replace(heads, 'seals\":\"', 'seals\":\"00')",
        "I13", "I13: seals row 1: a checkpoint knows it by another hash",
    ),
    "an assertion": Tampering(
        "UPDATE prepaid__assertions SET amount_minor = 1 WHERE seq = 8",
        "I3", "I3: entry 8 asset:cash: assertion 5 says 1, the postings sum to 1200",
    ),
    "an assertion's account": Tampering(
        "UPDATE prepaid__assertions SET account = 'asset:bank' WHERE seq = 8",
        "chain", "chain: assertions row 5: its hash does not follow from it and the row before",
    ),
    "an assertion before the first entry": Tampering(
        "UPDATE prepaid__assertions SET seq = 0 WHERE seq = 8",
        "I3", "I3: entry 0 asset:cash: assertion 5 says 1200, the postings sum to 0",
    ),
    "a closing removed with its head set back": Tampering(
        "DELETE FROM prepaid__closings;"
        " UPDATE prepaid__heads SET n = 0, hash = zeroblob(32) WHERE chain = 'closings'",
        "I13", "I13: closings: a checkpoint knows 1 rows, there are 0",
    ),
    "a closing that comes before what was posted": Tampering(
        "UPDATE prepaid__closings SET until_us = 9000",
        "I14", "I14: entry 8 liability:tenant:noodle_bar:prepaid: dated before a closed statement without saying",
    ),
    "what an entry corrects": Tampering(
        "UPDATE prepaid__journal SET corrects = 'entry:9' WHERE seq = 7",
        "I14", "I14: entry 7: it corrects entry:9, which is not before it",
    ),
    "what an entry corrects, into nonsense": Tampering(
        "UPDATE prepaid__journal SET corrects = 'entry:nine' WHERE seq = 7",
        "I14", "I14: entry 7: it corrects entry:nine, which is not before it",
    ),
}  # fmt: skip


@pytest.fixture(scope="module")
def furnished(tmp_path_factory: pytest.TempPathFactory) -> bytes:
    """The file of a ledger that is as it should be."""
    folder = tmp_path_factory.mktemp("ledger")

    async def scene(stage: Stage) -> None:
        await furnish(stage)
        report = await stage.report()
        assert report.is_clean, report.findings
        assert (report.entries, report.postings, report.seals) == (10, 20, 2)
        assert (report.assertions, report.accounts) == (9, 4)

    play(folder, scene)
    return (folder / "hub.db").read_bytes()


@pytest.fixture
def folder(tmp_path: Path, furnished: bytes) -> Path:
    """A ledger of its own for each test."""
    (tmp_path / "hub.db").write_bytes(furnished)
    return tmp_path


def report_of(folder: Path) -> Report:
    return play(folder, Stage.report)


@pytest.mark.parametrize("case", TAMPERED.values(), ids=TAMPERED)
def test_a_tampering_is_found_and_its_place_named(folder: Path, case: Tampering) -> None:
    with raw(folder) as file:
        file.executescript(case.sql)
    report = report_of(folder)
    assert report.is_done
    assert case.rule in {finding.rule for finding in report.findings}
    assert any(case.says in str(finding) for finding in report.findings), [str(each) for each in report.findings]


def test_a_tamperer_who_does_all_the_sums_again_is_found_by_the_checkpoint_alone(folder: Path) -> None:
    """Somebody changes the first entry, and recomputes every hash of the journal behind it."""
    with raw(folder) as file:
        file.execute("UPDATE prepaid__journal SET note = 'never happened' WHERE seq = 1")
        head = GENESIS
        for row in file.execute("SELECT * FROM prepaid__journal ORDER BY seq").fetchall():
            seq, effective_us, recorded_us, kind, key, _, ref, corrects, note, actor, context_id, _ = row
            postings = file.execute(
                "SELECT account, amount_minor, qty_wh, meta FROM prepaid__postings WHERE entry = ? ORDER BY n",
                (seq,),
            ).fetchall()
            payload = payload_sha(kind, effective_us, ref, corrects, note, postings)
            head = link(head, row_payload(seq, recorded_us, key, actor, context_id, payload))
            values = (payload, head, seq)
            file.execute("UPDATE prepaid__journal SET payload_sha = ?, hash = ? WHERE seq = ?", values)
        file.execute("UPDATE prepaid__heads SET hash = ? WHERE chain = 'journal'", (head,))
    assert {finding.rule for finding in report_of(folder).findings} == {"I13"}


class TestFromACheckpoint:
    async def _since(self, stage: Stage) -> Report:
        since = await stage.read(last_checkpoint)
        return await stage.read(lambda reader: verify(reader, stage.clock, since))

    def test_only_what_came_after_is_walked_and_every_balance_is_compared(self, folder: Path) -> None:
        report = play(folder, self._since)
        assert report.is_clean, report.findings
        assert (report.since_seq, report.entries, report.accounts) == (9, 1, 4)

    @pytest.mark.parametrize(
        ("sql", "says"),
        [
            pytest.param(
                "UPDATE prepaid__balances SET amount_minor = 1 WHERE account = 'asset:cash'",
                "asset:cash: the balance is 1, the postings sum to 1600",
                id="a balance that moved",
            ),
            pytest.param(
                "UPDATE prepaid__balances SET amount_minor = 1 WHERE account = 'liability:tenant:bakery:prepaid'",
                "bakery:prepaid: the balance is 1, the postings sum to -293",
                id="a balance that did not move",
            ),
            pytest.param(
                "UPDATE prepaid__journal SET kind = 'x' WHERE seq = 10", "entry 10: what was posted", id="the tail"
            ),
            pytest.param(
                "UPDATE prepaid__balances SET last_seq = 3 WHERE account = 'asset:cash'",
                "entry 3 asset:cash: the balance names another",
                id="the last entry of what moved",
            ),
        ],
    )
    def test_what_is_wrong_there_is_found(self, folder: Path, sql: str, says: str) -> None:
        with raw(folder) as file:
            file.executescript(sql)
        findings = [str(finding) for finding in play(folder, self._since).findings]
        assert any(says in finding for finding in findings), findings

    def test_an_account_that_nobody_asserted_begins_at_zero(self, folder: Path) -> None:
        async def scene(stage: Stage) -> Report:
            await stage.post(charge("c11", 5, "liability:tenant:tea_room:prepaid", effective_us=9_000))
            return await self._since(stage)

        report = play(folder, scene)
        assert report.is_clean, report.findings


class TestInPages:
    def test_what_is_posted_meanwhile_is_verified_too(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(walk, "PAGE_ENTRIES", 12)
        monkeypatch.setattr(projections, "PAGE_ACCOUNTS", 5)
        monkeypatch.setattr(projections, "PAGE_KEYS", 40)
        monkeypatch.setattr(chained_check, "PAGE_ROWS", 2)

        async def scene(stage: Stage) -> tuple[Report, int]:
            verification = Verification(stage.clock)
            pages = posted = 0
            while await stage.read(verification.page):
                # New accounts come in front of those already compared and behind them.
                accounts = [f"asset:psp:p{pages}", NOODLES, BAKERY, f"liability:tenant:t{pages}:prepaid"]
                for turn in range(3 if pages % 5 == 4 else 1):
                    posted += len(
                        await stage.post(*[charge(f"{pages} {turn} {each}", 5, each, 9_000) for each in accounts])
                    )
                if pages == 6:
                    await stage.write(lambda tx: close_period(tx, BAKERY, 8_000, "s9", 6))
                    await stage.write(lambda tx: checkpoint(tx, DAY + timedelta(days=3), 8, {}))
                pages += 1
                assert pages < 200
            return verification.report, posted

        report, posted = play(folder, scene)
        assert report.is_clean, [str(each) for each in report.findings]
        assert posted > 100
        assert report.entries > 100

    def test_others_have_their_turn_between_pages(self, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(walk, "PAGE_ENTRIES", 2)

        async def scene(stage: Stage) -> tuple[Report, int]:
            pages = 0

            async def count_turns() -> None:
                nonlocal pages
                while True:
                    await asyncio.sleep(0)
                    pages += 1

            other = asyncio.create_task(count_turns())
            report = await verify_in_pages(stage, stage.clock)
            other.cancel()
            return report, pages

        report, pages = play(folder, scene)
        assert report.is_clean
        assert pages > 10


def test_rounding_must_stay_at_zero(tmp_path: Path) -> None:
    async def scene(stage: Stage) -> Report:
        postings = (Posting(ROUNDING, MinorUnits(1)), Posting(CASH, MinorUnits(-1)))
        await stage.post(Entry("bug", "k", 1, postings))
        return await stage.report()

    assert [str(each) for each in play(tmp_path, scene).findings] == ["rounding: rounding: it holds 1, not zero"]


def test_findings_are_bounded_and_the_rest_is_counted(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(findings, "FINDINGS_MAX", 3)
    with raw(folder) as file:
        file.execute("UPDATE prepaid__journal SET actor = 'x'")
    report = report_of(folder)
    assert len(report.findings) == 3
    assert report.omitted == 7
    assert not report.is_clean


def test_a_report_says_how_fast_it_was() -> None:
    assert Report(postings=300, took_us=2_000).postings_per_s == 150_000
    assert Report(postings=300).postings_per_s == 300_000_000
    assert str(Finding("I1", "wrong", 5, NOODLES)) == f"I1: entry 5 {NOODLES}: wrong"
