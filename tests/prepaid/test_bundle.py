"""Proof bundles: a true one verifies from the register words up; whatever is changed in one is found and named."""

from __future__ import annotations

import copy
import hashlib
import io
import json
import zipfile
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from books_stage import Books, at
from statement_stage import DAY, a_november, play

from hub.contracts.ids import AccountId
from plugins.prepaid.journal.chain import canonical
from plugins.prepaid.journal.chart import arrival, prepaid
from plugins.prepaid.journal.records import Entry, Posting
from plugins.prepaid.statements.bundle import EVIDENCE, PROOF, STATEMENT, NoBundle, pack, unpack
from plugins.prepaid.statements.verdict import Verdict
from plugins.prepaid.statements.verify import verify

NAMES = (STATEMENT, EVIDENCE, PROOF)
Way = tuple[str | int, ...]
"""Names and places that lead to a leaf of a record."""


@dataclass(frozen=True, slots=True)
class Made:
    """A bundle of a closed and sealed statement, as bytes and as what its files say."""

    data: bytes
    files: dict[str, bytes]
    sha: str
    checkpoint: str

    def records(self) -> dict[str, Any]:
        """The files' content, to be changed."""
        return {name: json.loads(self.files[name]) for name in NAMES}


def written(records: dict[str, Any]) -> dict[str, bytes]:
    """The files with changed content."""
    return {name: canonical(record) for name, record in records.items()}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> Made:
    """One closed November, with a cost that several tenants shared, under a checkpoint of two seals."""

    async def scene(books: Books) -> Made:
        office = await a_november(books, hours=72)
        await office.seal(at("2026-11-15 12:00"))
        other, own = prepaid(AccountId("secret_neighbour")), prepaid(AccountId("noodles"))
        postings = (Posting(arrival("bank"), -30), Posting(own, 10), Posting(other, 20))  # type: ignore[arg-type]
        shared = Entry("shared", "pool:1", at("2026-11-20 00:00"), postings)
        await books.write(lambda tx: books.journal.post(tx, shared))
        await office.close("noodles", "2026-11", at("2026-12-01 08:00"))
        await office.seal(at("2026-12-01 09:00"))
        data = await office.bundle(await office.closed())
        files = unpack(data)
        found = verify(files)
        return Made(data, files, found.sha, found.checkpoint)

    return play(tmp_path_factory.mktemp("bundle"), scene)


def test_a_true_bundle_verifies(made: Made) -> None:
    verdict = verify(made.files)
    assert [str(one) for one in verdict.findings] == []
    assert (verdict.statement, verdict.sha) == (
        "noodles:2026-11",
        hashlib.sha256(made.files[STATEMENT]).hexdigest(),
    )
    assert verdict.reads == 22
    assert verdict.segments > 200
    assert verdict.withheld == 1
    assert verdict.checkpoint.startswith("2026-12-01 ")


def test_the_same_statement_gives_the_same_bundle_and_names_no_other_tenant(made: Made) -> None:
    assert pack({**{name: text.decode() for name, text in made.files.items()}, **_readme(made)}) == made.data
    assert b"secret" not in b"".join(made.files.values())


def _readme(made: Made) -> dict[str, str]:
    with zipfile.ZipFile(io.BytesIO(made.data)) as archive:
        return {"README.txt": archive.read("README.txt").decode()}


def leaves(value: object, path: Way) -> Iterator[Way]:
    """The path of everything that is neither an object nor a list."""
    if isinstance(value, dict):
        for name, one in value.items():
            yield from leaves(one, (*path, name))
    elif isinstance(value, list):
        for place, one in enumerate(value):
            yield from leaves(one, (*path, place))
    else:
        yield path


def other(value: object) -> object:
    """Another value of the same type."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, str):
        return ("0" if value[:1] != "0" else "1") + value[1:]
    return "x"


def changed(records: dict[str, Any], path: Way, change: Callable[[object], object]) -> dict[str, Any]:
    """Records with one leaf changed."""
    fresh = copy.deepcopy(records)
    place: Any = fresh
    for step in path[:-1]:
        place = place[step]
    place[path[-1]] = change(place[path[-1]])
    return fresh


def one_of_each_kind(records: dict[str, Any]) -> list[Way]:
    """For every kind of field the first and the last place where it stands."""
    kinds: dict[tuple[str, ...], list[Way]] = {}
    for path in leaves(records, ()):
        kinds.setdefault(tuple("#" if str(step).isdecimal() else str(step) for step in path), []).append(path)
    return [path for paths in kinds.values() for path in {paths[0], paths[-1]}]


@pytest.mark.parametrize("name", NAMES)
def test_every_kind_of_field_is_covered(made: Made, name: str) -> None:
    records = made.records()
    paths = [path for path in one_of_each_kind(records) if path[0] == name]
    assert len(paths) > 20
    assert [path for path in paths if verify(written(changed(records, path, other))).is_good] == []


def forged(made: Made, change: Callable[[dict[str, Any]], object]) -> Verdict:
    """What is found in a bundle that somebody changed and then mended: the statement's hash fits again."""
    records = made.records()
    change(records)
    records[PROOF]["sha"] = hashlib.sha256(canonical(records[STATEMENT])).hexdigest()
    return verify(written(records))


def rows(records: dict[str, Any]) -> list[dict[str, Any]]:
    """The reads of the first meter."""
    found: list[dict[str, Any]] = records[EVIDENCE]["reads"]["1"]["rows"]
    return found


def raise_raw(records: dict[str, Any]) -> None:
    """The meter is said to have counted more."""
    rows(records)[5]["raw"] += 1_000


def raise_total(records: dict[str, Any]) -> None:
    """The energy of a read is said to be more than its raw count."""
    rows(records)[5]["total_wh"] += 1_000


def other_words(records: dict[str, Any]) -> None:
    """The words of the wire are others."""
    rows(records)[5]["words"][1] ^= 0x40


def drop_a_read(records: dict[str, Any]) -> None:
    """A read is left out."""
    del rows(records)[5]


def drop_the_last_read(records: dict[str, Any]) -> None:
    """The last read is left out."""
    del rows(records)[-1]


def cheaper_tariff(records: dict[str, Any]) -> None:
    """The tariff's price is another."""
    [sha] = records[EVIDENCE]["documents"]
    records[EVIDENCE]["documents"][sha] = records[EVIDENCE]["documents"][sha].replace("1.0231", "0.0231")


def another_tariff_under_its_own_hash(records: dict[str, Any]) -> None:
    """The tariff is another, and the frame names it."""
    [body] = records[EVIDENCE]["documents"].values()
    body = body.replace("1.0231", "0.0231")
    fresh = hashlib.sha256(body.encode()).hexdigest()
    records[EVIDENCE]["documents"] = {fresh: body}
    for one in records[STATEMENT]["frame"]["versions"]:
        one["sha"] = fresh


def move_a_segment(records: dict[str, Any]) -> None:
    """A segment's energy is moved into a cheaper one."""
    records[STATEMENT]["segments"][3][2] -= 10
    records[STATEMENT]["segments"][4][2] += 10


def smaller_posting(records: dict[str, Any]) -> None:
    """A charge is said to have posted less."""
    entry = _charge(records)
    entry["postings"][0][1] -= 1
    entry["postings"][1][1] += 1


def drop_an_entry(records: dict[str, Any]) -> None:
    """An entry is left out."""
    records[EVIDENCE]["entries"].remove(_charge(records))


def another_total(records: dict[str, Any]) -> None:
    """The statement asks for more."""
    records[STATEMENT]["due_minor"] += 100


def another_balance(records: dict[str, Any]) -> None:
    """The statement opens with less."""
    records[STATEMENT]["frame"]["opening"]["balance_minor"] -= 100
    records[STATEMENT]["money"]["opening_minor"] -= 100
    records[STATEMENT]["money"]["closing_minor"] -= 100


def half_the_share(records: dict[str, Any]) -> None:
    """The contract is said to hold half of a point."""
    records[STATEMENT]["frame"]["holdings"][0]["share_ppm"] //= 2


def no_seal(records: dict[str, Any]) -> None:
    """The seals are left out."""
    records[PROOF]["seals"] = []


def not_closed(records: dict[str, Any]) -> None:
    """The statement is said to be open, and the entry that closed it is left out."""
    records[STATEMENT]["frame"]["closed_us"] = None
    records[PROOF]["closing"] = None


def _charge(records: dict[str, Any]) -> dict[str, Any]:
    entry: dict[str, Any] = next(one for one in records[EVIDENCE]["entries"] if one["kind"] == "charge")
    return entry


FORGERIES: dict[Callable[[dict[str, Any]], object], str] = {
    raise_raw: "read 7 of epoch 1: it says",
    raise_total: "read 7 of epoch 1: it says 17085 Wh, its raw count 1016085 makes 16085 Wh",
    other_words: "read 7 of epoch 1: its words 000f 8155 do not hold the raw count 1016085",
    drop_a_read: "read 8 of epoch 1: its hash does not follow from what it says and from the read before",
    drop_the_last_read: "reads of epoch 1: their chain does not end where the checkpoint says",
    cheaper_tariff: "its document has another hash",
    another_tariff_under_its_own_hash: "statement.json: energy[1]: minor: it says",
    move_a_segment: "statement.json: segments[3][2]: it says",
    smaller_posting: "entry 2: what it posts is not what its hash says",
    drop_an_entry: "statement.json: entries: it says",
    another_total: "statement.json: due_minor: it says",
    another_balance: "proof.json: closing: the entry in the journal is about another statement, or another content",
    half_the_share: "statement.json: total_wh: it says",
    no_seal: "entry 1: no seal stands over it: the proof does not lead to a root",
    not_closed: "proof.json: steps: they lead from entry",
}


@pytest.mark.parametrize("forgery", FORGERIES, ids=lambda forgery: forgery.__doc__.rstrip("."))
def test_a_forgery_is_found_where_it_was_made(made: Made, forgery: Callable[[dict[str, Any]], object]) -> None:
    found = [str(one) for one in forged(made, forgery).findings]
    assert [one for one in found if FORGERIES[forgery] in one], found


def test_a_forger_who_mends_every_hash_is_betrayed_by_the_printed_one(made: Made) -> None:
    """Whoever writes a whole new statement has another hash than the paper."""

    def forge(records: dict[str, Any]) -> None:
        records[STATEMENT]["frame"]["tenant"] = "Somebody else"
        records[STATEMENT]["frame"]["closed_us"] = None
        records[PROOF].update(closing=None, checkpoint=None, seals=[], steps={})

    records = made.records()
    forge(records)
    records[PROOF]["sha"] = hashlib.sha256(canonical(records[STATEMENT])).hexdigest()
    assert verify(written(records)).is_good
    assert not verify(written(records), [made.sha[:16]]).is_good


@pytest.mark.parametrize(
    ("expected", "is_good"),
    [("{sha}", True), ("{sha:.16}", True), ("{sha:.4}", False), ("{checkpoint:.12}", True), ("00112233", False)],
)
def test_what_is_printed_is_compared(made: Made, expected: str, is_good: bool) -> None:
    text = expected.format(sha=made.sha, checkpoint=made.checkpoint.split()[1])
    grouped = " ".join(text[place : place + 4] for place in range(0, len(text), 4)).upper()
    assert verify(made.files, [grouped]).is_good is is_good


def test_an_open_statement_is_proven_as_far_as_it_goes(tmp_path: Path) -> None:
    async def scene(books: Books) -> Verdict:
        office = await a_november(books, hours=48)
        return verify(unpack(await office.bundle(await office.look())))

    verdict = play(tmp_path, scene)
    assert verdict.is_good
    assert verdict.checkpoint == ""


def test_reads_that_come_late_do_not_break_the_chain_of_a_bundle(tmp_path: Path) -> None:
    async def scene(books: Books) -> tuple[Verdict, Verdict]:
        office = await a_november(books, hours=48)
        await office.close("noodles", "2026-11", at("2026-12-01 08:00"))
        stall = next(point for point in books.epochs if point == "stall")
        await office.accept(stall, at("2026-11-10 06:00"), 4 * 3_217 + 2_000)
        await office.accept(stall, at("2026-12-02 06:00"), 16 * 3_217)
        await office.seal(at("2026-12-03 00:00"))
        frozen = verify(unpack(await office.bundle(await office.closed())))
        return frozen, verify(unpack(await office.bundle(await office.look())))

    for verdict in play(tmp_path, scene):
        assert [str(one) for one in verdict.findings] == []
        assert verdict.checkpoint.startswith("2026-12-02")


NO_BUNDLES = {
    "no zip at all": b"%PDF-1.4",
    "an empty file": b"",
    "another zip": pack({"holiday.txt": "x"}),
}


@pytest.mark.parametrize("data", NO_BUNDLES.values(), ids=NO_BUNDLES.keys())
def test_another_file_is_refused_with_what_to_give(data: bytes) -> None:
    with pytest.raises(NoBundle, match="this is no proof bundle"):
        unpack(data)


def test_a_zip_that_unpacks_to_too_much_is_refused() -> None:
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in NAMES:
            archive.writestr(name, b" " * 70_000_000)
    with pytest.raises(NoBundle, match="unpacks to more than"):
        unpack(packed.getvalue())


WRONG_SHAPES: dict[str, tuple[Way, object, str]] = {
    "a text for a number": ((EVIDENCE, "reads", "1", "rows", 0, "raw"), "5", "rows[0].raw is str, not int"),
    "a truth for a number": ((EVIDENCE, "reads", "1", "rows", 0, "raw"), True, "rows[0].raw is bool, not int"),
    "no hexadecimal": ((PROOF, "sha"), "xyz", "proof.json.sha is no text of hexadecimal digits"),
    "an unknown word": ((EVIDENCE, "reads", "1", "rows", 0, "basis"), "guess", "it is one of opening"),
    "a number beyond all": ((EVIDENCE, "reads", "1", "rows", 0, "raw"), 1 << 70, "no number that a ledger holds"),
    "a list for an object": ((STATEMENT, "frame"), [], "frame is list, not dict"),
    "no epoch": ((EVIDENCE, "reads"), {"one": {"prev_hash": "", "rows": []}}, "'one' is no number of an epoch"),
}


@pytest.mark.parametrize(("path", "value", "text"), WRONG_SHAPES.values(), ids=WRONG_SHAPES.keys())
def test_a_file_of_another_shape_is_named_by_its_place(made: Made, path: Way, value: object, text: str) -> None:
    verdict = verify(written(changed(made.records(), path, lambda _: value)))
    [finding] = verdict.findings
    assert text in str(finding)


@pytest.mark.parametrize("text", ["{", "[]", '{"due_minor": 1.5}', '{"x": NaN}', "[" * 100_000])
def test_what_is_no_json_of_whole_numbers_is_found(made: Made, text: str) -> None:
    for name in NAMES:
        assert not verify({**made.files, name: text.encode()}).is_good


def test_a_bundle_of_rubbish_is_never_a_traceback(made: Made) -> None:
    """Each leaf is replaced by things that belong nowhere."""
    records = made.records()
    paths = one_of_each_kind(records)
    for place, path in enumerate(paths[::3]):
        rubbish: object = (-1, "", [], {}, 1 << 62)[place % 5]
        assert not verify(written(changed(records, path, lambda _, to=rubbish: to))).is_good  # type: ignore[misc]


def test_the_days_of_a_november_are_thirty() -> None:
    assert at("2026-12-01 00:00") - at("2026-11-01 00:00") == 30 * DAY
