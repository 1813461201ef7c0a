"""What docs/device-profiles.md tells is what happens."""

from __future__ import annotations

import re
from decimal import Decimal
from pathlib import Path

import pytest
from profile_texts import SMALL, load_text
from rtu_frames import write_request

from hub.contracts.profiles import Order, Profile, decode, load_profile, relay_position

PAGE = (Path(__file__).parents[2] / "docs" / "device-profiles.md").read_text()
EXAMPLE, CHANNELS = re.findall(r"```yaml\n(.*?)```", PAGE, re.DOTALL)
SHIPPED = Path(__file__).parents[2] / "plugins" / "kpm_modbus" / "profiles"


@pytest.fixture
def example(tmp_path: Path) -> Profile:
    return load_text(tmp_path, EXAMPLE, "example_em3r")


def words_of(reply: bytes) -> tuple[int, ...]:
    return tuple(int.from_bytes(reply[place : place + 2]) for place in range(3, len(reply) - 2, 2))


def test_the_worked_example_loads_and_decodes_its_frames(example: Profile) -> None:
    energy, relay, opens = example.frames
    point = example.point("energy_import")
    assert point.order is Order.CDAB
    decoded = decode(point, words_of(energy.reply))
    assert (decoded.value, decoded.raw) == (Decimal("1234.56"), 123_456)
    assert example.relay is not None
    assert relay_position(example.relay, words_of(relay.reply)).value == "closed"
    assert opens.request == write_request(example.actions["open"])


def test_the_example_of_circuits_makes_what_the_page_says(tmp_path: Path) -> None:
    profile = load_text(
        tmp_path, SMALL.replace("type: f32}", "type: f32, counter: {rate_max_per_h: 9}}") + CHANNELS
    )
    assert profile.point("c1_power").address == 0x1000
    assert profile.point("c2_power").address == 0x1100
    assert len(profile.channels) == 3


def test_the_page_lists_every_shipped_profile_with_its_status() -> None:
    listed = dict(re.findall(r"^\| `(\w+)` \|(.*)\|$", PAGE, re.MULTILINE))
    for file in SHIPPED.glob("*.yaml"):
        assert load_profile(file).status.value in listed[file.stem]


def test_every_field_is_on_the_page() -> None:
    from hub.contracts.profiles.schema import SCHEMA

    def names(node: object) -> set[str]:
        if isinstance(node, dict):
            own = {str(key) for key in node if not isinstance(key, type)}
            return own.union(*(names(value) for value in node.values()))
        inner = getattr(node, "validators", None) or (node if isinstance(node, list) else ())
        return set().union(*(names(one) for one in inner))

    wanted = names(SCHEMA.schema)
    assert {"points", "at", "each", "rate_max_per_h", "armed", "bit_step", "origin"} <= wanted
    assert not [name for name in sorted(wanted) if not re.search(rf"\b{name}\b", PAGE)]


def test_the_page_says_why_some_meters_have_none() -> None:
    assert "There is no profile for Compere KPM31, KPM37 and KPM312" in PAGE
