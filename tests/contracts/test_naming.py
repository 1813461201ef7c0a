"""Names: slugs in any script, entity ids, unique ids, actions, events; and money as people write it."""

from __future__ import annotations

import unicodedata
from decimal import Decimal

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from hub.contracts.ids import AccountId, BusId, PointId
from hub.contracts.metering import MeterSilent
from hub.contracts.naming import (
    SLUG,
    SLUG_LENGTH_MAX,
    account_sensor,
    action_name,
    bus_binary,
    bus_sensor,
    check_slug,
    event_name,
    point_binary,
    point_sensor,
    slugify,
    unique_id,
    unique_slug,
)
from hub.contracts.topups import ToppedUp
from hub.contracts.units import MinorUnits, major_units, minor_units
from hub.core.states import ENTITY_ID


@pytest.mark.parametrize(
    ("name", "slug"),
    [
        pytest.param("Stall 07", "stall_07", id="spaces and capitals"),
        pytest.param("  A -- B  ", "a_b", id="runs of other signs become one underscore"),
        pytest.param("Café São", "cafe_sao", id="accents are dropped"),
        pytest.param("Straße", "strasse", id="the sharp s is two letters"),
        pytest.param("３号", "3_u53f7", id="full-width digits are digits"),
        pytest.param("٣", "3", id="Arabic digits are digits"),
        pytest.param("3号店", "3_u53f7_u5e97", id="Chinese by code point"),
        pytest.param("कि", "u915_u93f", id="a vowel sign is not lost"),
        pytest.param("한", "ud55c", id="Hangul stays one syllable"),
        pytest.param("Shop 🔌 1", "shop_1", id="symbols separate"),
    ],
)
def test_a_name_in_any_script_has_a_slug(name: str, slug: str) -> None:
    assert slugify(name) == slug


@given(st.text(max_size=300))
def test_a_slug_is_always_one_and_its_own_slug(name: str) -> None:
    assume(any(unicodedata.category(letter)[0] in "LN" for letter in unicodedata.normalize("NFKC", name)))
    slug = slugify(name)
    assert SLUG.fullmatch(slug)
    assert len(slug) <= SLUG_LENGTH_MAX
    assert slugify(slug) == slug


@pytest.mark.parametrize("name", ["", "  ", "🔌", "--"])
def test_a_name_without_letter_or_digit_is_refused(name: str) -> None:
    with pytest.raises(ValueError, match="has no letter or digit to make an id of; give an id"):
        slugify(name)


def test_long_names_that_differ_at_their_end_have_different_slugs() -> None:
    left, right = slugify("楼" * 40 + "东"), slugify("楼" * 40 + "西")
    assert left != right
    assert len(left) <= SLUG_LENGTH_MAX


def test_a_taken_slug_gets_the_first_free_number() -> None:
    assert unique_slug("Stall", set()) == "stall"
    assert unique_slug("Stall", {"stall", "stall_2"}) == "stall_3"
    assert len(unique_slug("x" * 64, {"x" * 64})) == SLUG_LENGTH_MAX


def test_entity_ids_are_as_the_design_writes_them() -> None:
    point, account = PointId("stall_07"), AccountId("noodle_bar")
    ids = [point_sensor(point, "power"), account_sensor(account, "balance"), point_binary(point, "relay")]
    assert ids == ["sensor.stall_07_power", "sensor.noodle_bar_balance", "binary_sensor.stall_07_relay"]
    ids = [bus_sensor(BusId("hall"), "load"), bus_binary(BusId("hall"), "healthy")]
    assert ids == ["sensor.hall_load", "binary_sensor.hall_healthy"]
    assert all(ENTITY_ID.fullmatch(one) for one in ids)


def test_unique_ids_tell_apart_what_entity_ids_could_mix_up() -> None:
    assert point_sensor(PointId("a"), "b_power") == point_sensor(PointId("a_b"), "power")
    assert unique_id("point", "a", "b_power") != unique_id("point", "a_b", "power")


def test_an_id_that_is_no_slug_is_refused_with_one_that_is() -> None:
    with pytest.raises(ValueError, match=r"point 'Stall 07' is no id: .* for example 'stall_07'"):
        point_sensor(PointId("Stall 07"), "power")
    with pytest.raises(ValueError, match="account"):
        check_slug("", "account")


def test_actions_and_events_have_names_that_rules_can_write() -> None:
    assert action_name("supply", "disconnect") == "supply.disconnect"
    assert event_name(ToppedUp) == "topped_up"
    assert event_name(MeterSilent) == "meter_silent"


def test_money_is_written_exactly_both_ways() -> None:
    assert major_units(MinorUnits(-1234), 2) == Decimal("-12.34")
    assert str(major_units(MinorUnits(1200), 2)) == "12.00"
    assert minor_units(Decimal("12.34"), 2) == 1234
    assert minor_units(Decimal(120), 0) == 120
    for wrong in ("12.345", "NaN", "Infinity"):
        with pytest.raises(ValueError, match="write it exactly"):
            minor_units(Decimal(wrong), 2)
