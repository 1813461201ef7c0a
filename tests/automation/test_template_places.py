"""Areas, labels and devices in templates, over a real registry."""

from __future__ import annotations

from datetime import UTC

import pytest
from template_world import TinyWorld

from hub.automation.templates import HubWorld, compile_template
from hub.core.bus import Bus
from hub.core.registry import Area, Device, Entity, Label
from hub.core.registry.lookups import Lookups
from hub.core.states import StateMachine
from hub.sim.clock import VirtualClock
from hub.sim.loop import VirtualLoop, run_virtual


def entity(name: str, device: str | None, area: str | None, *labels: str, called: str = "") -> Entity:
    return Entity(
        f"e-{name}", "kpm", name, f"sensor.{name}", called or name.title(), device, area, labels,
        None, None, None, None, 0,
    )  # fmt: skip


def device(id: str, name: str, area: str | None, *labels: str) -> Device:  # noqa: A002
    return Device(id, "kpm", id, name, area, labels, "Compere", "KPM33", "S-1", None, None, None)


@pytest.fixture
def world() -> TinyWorld:
    """A mall with a hall and a shop in it; two meters, one of which has an entity that hangs elsewhere."""
    places = Lookups()
    for record in (
        Area("mall", "The Mall", None),
        Area("hall", "Hall", "mall"),
        Area("shop", "Shop 3", "hall"),
        Label("vip", "VIP tenants"),
        device("d1", "Meter 1", "shop", "vip"),
        device("d2", "Meter 2", "hall"),
        entity("energy", "d1", None, called="Shop 3 energy"),
        entity("power", "d1", "mall"),
        entity("hall", "d2", None, "vip"),
        entity("loose", None, None),
    ):
        places._remember(record)
    made = TinyWorld()
    made.places = places
    made.put("sensor.energy", 5, unit="kWh")
    return made


CASES = {
    "{{ areas() }}": "['hall', 'mall', 'shop']",
    "{{ area_id('Shop 3') }} {{ area_id('sensor.energy') }}": "shop shop",
    "{{ area_id('d2') }} {{ area_id('x') }}": "hall None",
    "{{ area_name('shop') }}, {{ area_name('sensor.energy') }}": "Shop 3, Shop 3",
    "{{ area_name('d2') }} {{ area_name('x') }}": "Hall None",
    "{{ area_entities('shop') }}": "['sensor.energy']",
    "{{ area_entities('Hall') }}": "['sensor.energy', 'sensor.hall']",
    "{{ area_entities('mall') }}": "['sensor.energy', 'sensor.hall', 'sensor.power']",
    "{{ area_entities('nowhere') }}": "[]",
    "{{ area_devices('shop') }} {{ 'hall' | area_devices }}": "['d1'] ['d2']",
    "{{ device_id('sensor.energy') }} {{ device_id('Meter 2') }} {{ device_id('x') }}": "d1 d2 None",
    "{{ device_entities('d1') }}": "['sensor.energy', 'sensor.power']",
    "{{ device_attr('d1', 'model') }} {{ device_attr('d1', 'secret') }}": "KPM33 None",
    "{{ device_attr('sensor.hall', 'name') }} {{ device_attr('x', 'name') }}": "Meter 2 None",
    "{{ device_attr('d1', 'manufacturer') }} {{ device_attr('d1', 'maker') }}": "Compere Compere",
    "{{ is_device_attr('d1', 'serial_number', 'S-1') }} {{ 'd1' is is_device_attr('model', 'x') }}": "True False",
    "{{ labels() }} {{ labels('sensor.energy') }}": "['vip'] ['vip']",
    "{{ labels('d2') }} {{ labels('sensor.hall') }}": "[] ['vip']",
    "{{ label_id('VIP tenants') }} {{ label_name('vip') }} {{ label_name('x') }}": "vip VIP tenants None",
    "{{ label_entities('vip') }}": "['sensor.energy', 'sensor.hall', 'sensor.power']",
    "{{ label_entities('VIP tenants') | length }}": "3",
    "{{ label_devices('vip') }} {{ label_entities('x') }}": "['d1'] []",
    "{{ state_attr('sensor.energy', 'friendly_name') }}": "Shop 3 energy",
    "{{ states.sensor.energy.name }}": "Shop 3 energy",
    "{{ states.sensor.energy.attributes | list }}": "['unit_of_measurement', 'friendly_name']",
    "{{ area_entities('shop') | map('states') | map('float') | sum }}": "5.0",
}


@pytest.mark.parametrize(("text", "expected"), CASES.items(), ids=CASES.keys())
def test_a_template_knows_where_things_are(text: str, expected: str, world: TinyWorld) -> None:
    assert compile_template(text, "t").look(world).text == expected


@pytest.mark.parametrize("text", CASES.keys())
def test_where_nothing_is_known_of_places_nothing_is_found(text: str, world: TinyWorld) -> None:
    world.places = None
    assert compile_template(text, "t").look(world).error is None


def test_a_result_with_a_registered_name_is_not_kept(world: TinyWorld) -> None:
    """An entity is renamed without its state being written."""
    template = compile_template("{{ state_attr('sensor.energy', 'friendly_name') }}", "t")
    assert template.render(world) == "Shop 3 energy"
    assert isinstance(world.places, Lookups)
    renamed = entity("energy", "d1", None, called="Corner shop")
    world.places._remember(renamed)
    assert template.render(world) == "Corner shop"


def test_the_world_of_a_running_hub_reads_its_states_and_clock() -> None:
    async def main(loop: VirtualLoop) -> str:
        clock = VirtualClock(loop)
        states = StateMachine(Bus(lambda owner, name, work: None), clock)
        states.set("sensor.a", 1)
        states.set("switch.b", value=True)
        text = "{{ states('sensor.a') }} {{ states | length }} {{ states.switch | map(attribute='state') | list }} "
        return compile_template(text + "{{ now() }}", "t").render(HubWorld(states, clock, UTC))

    assert run_virtual(main) == "1 2 ['on'] 2026-03-02 00:00:00+00:00"
