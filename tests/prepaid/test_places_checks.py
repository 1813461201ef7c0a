"""The rules that hold over all people and places, and areas as tables write them."""

from __future__ import annotations

from dataclasses import replace

import pytest
from hypothesis import given
from hypothesis import strategies as st

from hub.contracts.ids import AccountId, ContractId, PointId, TenantId
from hub.core.registry import Area
from plugins.prepaid.places.areas import split_names, tree_of, written
from plugins.prepaid.places.checks import PROTECTED, broken_by, check, percent
from plugins.prepaid.places.records import WHOLE_PPM, Account, Contract, Role, SupplyPoint, Tenant, Term
from plugins.prepaid.places.snapshot import Places

A, B = ContractId("a"), ContractId("b")
STALL = PointId("stall")


def mall(*terms: Term, **points: SupplyPoint) -> Places:
    """Two contracts of two tenants over some points."""
    places = Places(areas={"hall"}, points={STALL: SupplyPoint(id=STALL, name="Stall")})
    places.points.update({PointId(name): one for name, one in points.items()})
    for name in ("a", "b"):
        places.tenants[TenantId(name)] = Tenant(id=TenantId(name), name=name)
        places.accounts[AccountId(name)] = Account(
            id=AccountId(name), tenant=TenantId(name), name=name, opened_us=0
        )  # fmt: skip
        places.contracts[ContractId(name)] = Contract(
            id=ContractId(name), account=AccountId(name), tariff="flat", start_us=0
        )  # fmt: skip
    places.terms = {(term.contract, term.point, term.start_us): term for term in terms}
    return places


def hold(contract: ContractId, start_us: int, end_us: int | None = None, share_ppm: int = WHOLE_PPM) -> Term:
    return Term(contract=contract, point=STALL, start_us=start_us, end_us=end_us, share_ppm=share_ppm)


def point(name: str, parent: str | None = None, **more: object) -> SupplyPoint:
    plain = SupplyPoint(id=PointId(name), name=name, parent=None if parent is None else PointId(parent))
    return replace(plain, **more)  # type: ignore[arg-type]  # fields by name


CASES: list[tuple[str, Places, list[str]]] = [
    ("one after the other", mall(hold(A, 0, 10), hold(B, 10)), []),
    ("a gap is the landlord's", mall(hold(A, 0, 10), hold(B, 20)), []),
    ("shares of less than all", mall(hold(A, 0, None, 300_000), hold(B, 0, None, 600_000)), []),
    ("shares of all", mall(hold(A, 0, None, 300_000), hold(B, 5, None, 700_000)), []),
    ("an overlap by a microsecond", mall(hold(A, 0, 11), hold(B, 10)),
        ["contract b: from 1970-01-01 00:00:00+00:00 on stall is held to 200 %"]),
    ("shares of more than all for a while", mall(hold(A, 0, 10, 300_001), hold(B, 5, None, 700_000)),
        ["held to 100.0001 %: a 30.0001 %, b 70 %"]),
    ("one contract twice at once", mall(hold(A, 0, 10), hold(A, 5, 20)), ["contract a: it holds stall twice"]),
    ("a point that nobody knows", mall(replace(hold(A, 0), point=PointId("stal"))),
        ["there is no point 'stal'. Did you mean 'stall'?"]),
    ("a contract that nobody knows", mall(hold(ContractId("c"), 0)), ["there is no contract 'c'."]),
    ("a tree", mall(main=point("main"), stall=point("stall", "main"), store=point("store", "stall")), []),
    ("a ring is told once", mall(x=point("x", "z"), y=point("y", "x"), z=point("z", "y"), w=point("w", "x")),
        ["point x: it would feed itself: x <- z <- y <- x"]),
    ("water behind electricity", mall(tap=point("tap", "stall", commodity="water")),
        ["its parent stall carries electricity, it carries water"]),
    ("a commodity that is none", mall(tap=point("tap", commodity="wter")), ["Did you mean 'water'?"]),
    ("an area that is none", mall(x=point("x", area="hal")), ["there is no area 'hal'. Did you mean 'hall'?"]),
    ("a main meter that a tenant holds", mall(hold(A, 0), stall=point("stall", role=Role.MAIN)), ["a landlord's"]),
]  # fmt: skip


@pytest.mark.parametrize(("case", "places", "expected"), CASES, ids=[case for case, _, _ in CASES])
def test_rules_over_all_records(case: str, places: Places, expected: list[str]) -> None:
    found = [str(one) for one in check(places)]
    assert len(found) == len(expected), found
    assert [text for text, one in zip(expected, found, strict=True) if text not in one] == []


def test_accounts_belong_to_tenants_and_contracts_to_open_accounts() -> None:
    places = mall(hold(A, 0))
    del places.tenants[TenantId("b")]
    places.accounts[AccountId("a")] = replace(places.accounts[AccountId("a")], is_open=False)
    places.contracts[B] = replace(places.contracts[B], account=AccountId("nobody"))
    assert [(one.kind, one.id, one.field) for one in check(places)] == [
        ("account", "b", "tenant"),
        ("contract", "a", "account"),
        ("contract", "b", "account"),
    ]


def test_a_landlord_may_hold_a_main_meter() -> None:
    places = mall(hold(A, 0), stall=point("stall", role=Role.MAIN))
    places.tenants[TenantId("a")] = replace(places.tenants[TenantId("a")], is_landlord=True)
    assert check(places) == []


def test_a_change_answers_for_what_it_breaks_and_for_nothing_else() -> None:
    before = mall(x=point("x", area="gone"))
    assert len(check(before)) == 1
    after = before.copy()
    after.points[PointId("y")] = point("y", "nowhere")
    assert [one.id for one in broken_by(after, before)] == ["y"]
    assert PointId("y") not in before.points


def test_the_protected_classes_are_those_of_the_facts() -> None:
    assert {"fire", "lift", "cold_storage", "server", "medical", "emergency_lighting"} == PROTECTED


@given(st.lists(st.tuples(st.integers(0, 20), st.integers(1, 20), st.integers(1, 10)), max_size=6))
def test_an_overlap_is_found_wherever_it_is(holds: list[tuple[int, int, int]]) -> None:
    """Against the plain way: look at every moment."""
    places = mall()
    for number, (start_us, length_us, tenths) in enumerate(holds):
        name = ContractId(f"c{number}")
        places.contracts[name] = replace(places.contracts[A], id=name)
        term = Term(
            contract=name, point=STALL, start_us=start_us, end_us=start_us + length_us, share_ppm=tenths * 100_000
        )
        places.terms[name, STALL, start_us] = term
    worst = max(
        (sum(t for s, n, t in holds if s <= moment < s + n) for moment in range(41)),
        default=0,
    )
    assert bool(check(places)) == (worst > 10)


def test_shares_are_written_as_people_write_them() -> None:
    assert [percent(ppm) for ppm in (1, 333_333, 500_000, WHOLE_PPM)] == ["0.0001", "33.3333", "50", "100"]


HALL = Area("hall", "Hall", None)


def test_an_area_is_found_by_its_names_and_made_where_it_is_missing() -> None:
    tree = tree_of([HALL])
    assert tree.resolve(None, "Hall") == "hall"
    assert tree.resolve(None, "Hall > Floor 1 > 美食") == "u7f8e_u98df"
    assert list(tree.made) == ["floor_1", "u7f8e_u98df"]
    assert tree.resolve(None, "Floor 1") == "floor_1_2", "another Floor 1, at the top"
    assert tree.resolve("hall/floor_1", None) == "floor_1"
    assert written(tree.areas, "u7f8e_u98df") == ("hall/floor_1/u7f8e_u98df", "Hall > Floor 1 > 美食")


AREAS = [
    ("another name", "hall", "Saal", "area hall is called 'Hall' already, not 'Saal'"),
    ("another place", "north/hall", None, "area hall lies in no other, not in north"),
    ("other lengths", "hall/x", "Hall", "area has 2 parts and area_name 1; each id has its name"),
    ("no id", "The Hall", None, "'The Hall' is no area id: write lower-case letters, digits and underscores"),
    ("an empty name", None, "Hall > > x", "'Hall > > x' has an empty name; write Mall > Floor 1 > Food court"),
    ("two of one name", "hall_b", "Hall", "there is an area 'Hall' in the same place already; its id is hall"),
]


@pytest.mark.parametrize(("case", "ids", "names", "text"), AREAS, ids=[case for case, *_ in AREAS])
def test_an_area_that_contradicts_is_refused(case: str, ids: str | None, names: str | None, text: str) -> None:
    with pytest.raises(ValueError) as error:
        tree_of([HALL]).resolve(ids, names)
    assert str(error.value) == text


@given(st.lists(st.text(st.characters(categories=["L", "N", "P"]), min_size=1), min_size=1, max_size=4))
def test_any_names_come_back_from_a_path(names: list[str]) -> None:
    areas: dict[str, Area] = {}
    parent = None
    for number, name in enumerate(names):
        areas[f"a{number}"] = Area(f"a{number}", name, parent)
        parent = f"a{number}"
    assert parent is not None
    assert split_names(written(areas, parent)[1]) == names
