"""What a template reads: as its text says before any render, and as a render found in fact."""

from __future__ import annotations

import pytest
from template_world import TinyWorld

from hub.automation.templates import Dependencies, compile_template

WRITTEN = {
    "a function": ("{{ states('sensor.a') }}", {"sensor.a"}),
    "is_state and its like": (
        "{{ is_state('sensor.a', 'on') or state_attr('sensor.b', 'x') or has_value('sensor.c') }}",
        {"sensor.a", "sensor.b", "sensor.c"},
    ),
    "by attribute": ("{{ states.sensor.a.state }}", {"sensor.a"}),
    "by item": ("{{ states['sensor']['a'].state }} {{ states['sensor.b'].state }}", {"sensor.a", "sensor.b"}),
    "as a filter": ("{{ 'sensor.a' | states | float }}", {"sensor.a"}),
    "as a test": ("{{ 'sensor.a' is is_state('on') }}", {"sensor.a"}),
    "inside another call": ("{{ max(states('sensor.a'), states.sensor.b.state) }}", {"sensor.a", "sensor.b"}),
    "in branches": ("{{ states('sensor.a') if x else states('sensor.b') }}", {"sensor.a", "sensor.b"}),
    "expanded": ("{{ expand('sensor.a', ['sensor.b']) | list }}", {"sensor.a", "sensor.b"}),
    "one attribute": ("{{ states.sensor.a.attributes.limit }}", {"sensor.a"}),
}  # fmt: skip


@pytest.mark.parametrize(("text", "entities"), WRITTEN.values(), ids=WRITTEN.keys())
def test_entities_that_are_written_are_known_before_any_render(text: str, entities: set[str]) -> None:
    found = compile_template(text, "t").depends_on
    assert found.entities == entities
    assert found.is_complete
    assert not found.domains
    assert not found.all_states


INCOMPLETE = {
    "a computed id": "{{ states('sensor.' ~ name) }}",
    "an id from a variable": "{{ states(trigger.entity_id) }}",
    "an id by index": "{{ states.sensor[name].state }}",
    "an area": "{{ area_entities('hall') | map('states') | list }}",
    "everything": "{{ states | list | length }}",
    "expand of a variable": "{{ expand(members) | list }}",
}


@pytest.mark.parametrize("text", INCOMPLETE.values(), ids=INCOMPLETE.keys())
def test_what_cannot_be_known_before_makes_the_list_incomplete(text: str) -> None:
    assert not compile_template(text, "t").depends_on.is_complete


def test_domains_time_and_everything_are_seen() -> None:
    def depends_on(text: str) -> Dependencies:
        return compile_template(text, "t").depends_on

    assert depends_on("{{ states.sensor | list }}").domains == {"sensor"}
    assert depends_on("{% for s in states %}{% endfor %}").all_states
    assert depends_on("{{ now().hour }}").uses_time
    assert depends_on("{{ x | time_since }}").uses_time
    assert depends_on("plain") == Dependencies()


def test_a_reference_knows_its_line() -> None:
    found = compile_template("{{ states('sensor.a') }}\n\n{{ states.sensor.b.state }}", "t").depends_on
    assert found.references == (("sensor.a", 1), ("sensor.b", 3))


def test_the_variables_that_a_template_takes_are_known() -> None:
    template = compile_template("{% set a = b %}{{ a + trigger.id + states('sensor.x') }}{{ now() }}", "t")
    assert template.names == {"b", "trigger"}


# what a render found


def test_a_render_reports_only_the_branch_that_it_took() -> None:
    world = TinyWorld()
    world.put("sensor.switch", 1)
    template = compile_template(
        "{{ states('sensor.a') if is_state('sensor.switch', '1') else states('sensor.b') }}", "t"
    )
    assert template.look(world).entities == {"sensor.switch", "sensor.a"}
    world.put("sensor.switch", 0)
    assert template.look(world).entities == {"sensor.switch", "sensor.b"}


def test_a_kept_result_reports_the_same_reads() -> None:
    world = TinyWorld()
    world.put("sensor.a", 1)
    template = compile_template("{{ states('sensor.a') }}{{ nothing }}", "t")
    assert template.look(world) == template.look(world)
    assert template.look(world).undefined == ("nothing",)


def test_a_computed_id_is_reported_by_the_render() -> None:
    world = TinyWorld()
    found = compile_template("{{ states('sensor.' ~ name) }}", "t").look(world, {"name": "x"})
    assert found.entities == {"sensor.x"}


@pytest.mark.parametrize(
    ("text", "changes_with"),
    [
        ("{{ states('sensor.a') }}", {"sensor.a"}),
        ("{{ states.sensor | list | length }}", {"sensor.a", "sensor.b"}),
        ("{{ states | map(attribute='state') | list }}", {"sensor.a", "sensor.b", "switch.c"}),
        ("{{ states.sensor.a.entity_id }}", set()),
        ("{{ 1 }}", set()),
    ],
)
def test_a_result_says_with_which_entities_it_changes(text: str, changes_with: set[str]) -> None:
    world = TinyWorld()
    for entity_id in ("sensor.a", "sensor.b", "switch.c"):
        world.put(entity_id, 1)
    found = compile_template(text, "t").look(world)
    assert {name for name in ("sensor.a", "sensor.b", "switch.c") if found.depends_on(name)} == changes_with


def test_counting_a_domain_depends_on_which_there_are_and_not_on_their_states() -> None:
    world = TinyWorld()
    world.put("sensor.a", 1)
    found = compile_template("{{ states.sensor | length }}", "t").look(world)
    assert found.text == "1"
    assert found.domain_counts == {"sensor"}
    assert not found.domains
    assert not found.depends_on("sensor.a")
