"""What a template is to those who use it: results, errors with their place, limits of what it may read, caching."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from decimal import Decimal

import pytest
from template_world import TinyWorld

from hub.automation.templates import (
    ContextView,
    StateView,
    TemplateError,
    as_boolean,
    compile_template,
    native,
)
from hub.core.config import ConfigErrors, Mark
from hub.core.context import Context
from hub.core.states import BAD, STALE

MARK = Mark("automations/low.yaml", 12, 9)


@pytest.fixture
def world() -> TinyWorld:
    made = TinyWorld()
    made.put("sensor.balance", Decimal("100.00"), unit="CNY")
    made.put("sensor.power", 850.5, unit="W")
    made.put("binary_sensor.door", value=True, attributes={"friendly_name": "Door"})
    return made


def render(text: str, world: TinyWorld, **variables: object) -> str:
    return compile_template(text, "t").render(world, variables)


# what a state shows


def test_a_decimal_state_is_shown_with_all_its_places(world: TinyWorld) -> None:
    assert render("{{ states('sensor.balance') }}", world) == "100.00"


def test_a_boolean_state_is_on_or_off(world: TinyWorld) -> None:
    assert render("{{ states('binary_sensor.door') }}", world) == "on"


def test_a_bad_state_is_unavailable_and_one_never_seen_unknown(world: TinyWorld) -> None:
    world.put("sensor.a", 5, quality=BAD)
    world.put("sensor.b", None)
    assert render("{{ states('sensor.a') }} {{ states('sensor.b') }}", world) == "unavailable unknown"


def test_a_stale_state_keeps_its_number_and_says_that_it_is_stale(world: TinyWorld) -> None:
    world.put("sensor.a", 5, quality=STALE)
    assert render("{{ states('sensor.a') }} {{ states.sensor.a.quality }}", world) == "5 stale"


def test_the_unit_is_among_the_attributes(world: TinyWorld) -> None:
    text = "{{ state_attr('sensor.power', 'unit_of_measurement') }} {{ states.sensor.power.attributes | length }}"
    assert render(text, world) == "W 1"


def test_decimal_and_float_go_together_in_arithmetic(world: TinyWorld) -> None:
    text = "{{ limit * 1.5 }} {{ limit + 1 }} {{ 0.5 + limit }} {{ limit > 1.5 }}"
    assert render(text, world, limit=Decimal("2.50")) == "3.75 3.50 3.0 True"


def test_a_state_or_context_among_the_variables_is_read_by_home_assistants_names(world: TinyWorld) -> None:
    state = world.put("sensor.x", 5, unit="A")
    text = "{{ trigger.to_state.state }} {{ trigger.to_state.name }} {{ context.user_id }} {{ context.id }}"
    for to_state in (state, StateView(world, state)):
        for context in (Context("c1", "user:ann"), ContextView(Context("c1", "user:ann"))):
            assert render(text, world, trigger={"to_state": to_state}, context=context) == "5 x ann c1"


def test_a_state_that_a_trigger_brought_makes_no_dependency(world: TinyWorld) -> None:
    view = StateView(world, world.put("sensor.x", 5))
    found = compile_template("{{ trigger.to_state.state }}", "t").look(world, {"trigger": {"to_state": view}})
    assert (found.text, found.entities) == ("5", frozenset())


# results

TRUTHS = {
    "True": True, "true": True, "yes": True, "on": True, "enable": True, "1": True, "5": True, "-0.5": True,
    "False": False, "0": False, "0.0": False, "no": False, "off": False, "": False, "None": False, "maybe": False,
    "[1]": False, "unavailable": False,
}  # fmt: skip


@pytest.mark.parametrize(("text", "truth"), TRUTHS.items())
def test_a_result_counts_as_true_or_not(text: str, truth: bool, world: TinyWorld) -> None:
    template = compile_template("{{ x }}", "t")
    assert template.truth(world, {"x": text}) is truth
    assert template.look(world, {"x": text}).truth is truth


@pytest.mark.parametrize(
    ("text", "holds"), [("True", True), ("true", True), ("on", False), ("1", False), ("", False)]
)
def test_a_condition_holds_only_at_the_word_true(text: str, holds: bool, world: TinyWorld) -> None:
    assert compile_template("{{ x }}", "t").holds(world, {"x": text}) is holds


def test_a_text_without_braces_is_its_own_result(world: TinyWorld) -> None:
    template = compile_template(" 5 ", "t")
    assert template.is_static
    assert template.render(world) == "5"
    assert template.value(world) == 5
    assert template.names == frozenset()


def test_a_boolean_is_spelt_in_few_ways() -> None:
    values: list[object] = ["On", 0, 2.5, Decimal(0), "maybe", None, []]
    assert [as_boolean(value) for value in values] == [True, False, True, False, None, None, None]


def test_a_list_too_long_to_be_read_back_is_an_error(world: TinyWorld) -> None:
    template = compile_template("{{ range(9000) | list }}", "t")
    assert len(template.render(world)) > 32_768
    with pytest.raises(TemplateError, match="a list or mapping of 52890 characters is too long to be a value"):
        template.value(world)


def test_a_deep_literal_stays_text() -> None:
    deep = "[" * 300 + "]" * 300
    assert native(deep) == deep
    assert native("-" * 3000 + "1") == "-" * 3000 + "1"


# errors

WRONG = {
    "a brace too few": ("{{ 1 }", "line 1 of the template: unexpected '}'"),
    "on the second line": ("{{ 1 }}\n{{ 1 | }}", "line 2 of the template: expected token 'name'"),
    "an unknown filter": ("{{ 1 | flaot }}", "there is no filter 'flaot'. Did you mean 'float'?"),
    "an unknown test": ("{{ 1 is nomber }}", "there is no test 'nomber'. Did you mean 'number'?"),
    "a function about homes": ("{{ closest(states) }}", "closest is not offered: it is about people in homes"),
    "chance": ("{{ [1, 2] | random }}", "the filter random is not offered: a rule has to do the same when it is"),
    "an import": ("{% from 'x.jinja' import y %}", "{% from %} is not offered: a template stands on its own"),
    "a filter of the compiler": ("{{ 1 | _weighed }}", "there is no filter '_weighed'."),
    "too long": ("{{ 1 }}" + "a" * 40_000, "it has 40007 characters; 32768 is the most"),
    "too many words": ("{{ 1 }}" * 2000, "it has more than 3000 words and signs"),
    "too deep": ("{% for a in b %}" * 12 + "{% endfor %}" * 12, "it is nested too deeply"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_template_is_refused_at_load_with_its_place(text: str, message: str) -> None:
    with pytest.raises(ConfigErrors) as found:
        compile_template(text, MARK)
    assert str(found.value).startswith("automations/low.yaml:12:9: line ")
    assert message in str(found.value)


def test_everything_that_is_wrong_is_said_at_once() -> None:
    with pytest.raises(ConfigErrors) as found:
        compile_template("{{ 1 | flaot }}\n{{ 2 | lenght }}\n{{ 3 is nomber }}", MARK)
    assert [error.message.partition(" of")[0] for error in found.value.errors] == ["line 1", "line 2", "line 3"]


def test_lines_are_counted_from_where_the_text_starts() -> None:
    with pytest.raises(ConfigErrors, match="line 3 of the template"):
        compile_template("\n\n{{ 1 | flaot }}", "t")


FAILING = {
    "no number": (
        "{{ 1 }}\n{{ states('sensor.none') | float }}",
        "line 2 of the template: float cannot use 'unknown'; give it a default, as in float(..., 0)",
    ),
    "an attribute of nothing": ("{{ trigger.to_state.x }}", "'trigger' is undefined; check the name, or use"),
    "division": ("{{ 1 / 0 }}", "ZeroDivisionError: division by zero"),
    "text and number": ("{{ 'a' + 1 }}", "TypeError: can only concatenate str"),
    "no entity id": ("{{ states.sensor['Not an id'] }}", "'sensor.Not an id' is no entity id; write domain.name"),
    "a method that changes": ("{{ [1].append(2) }}", "'append' of a list is not offered to templates"),
    "a method that is not listed": ("{{ (5).to_bytes(2) }}", "int.to_bytes() is not offered to templates"),
    "an inner name": ("{{ ''.__class__ }}", "'__class__' of a str is not offered to templates"),
    "no function": ("{{ (5)(1) }}", "int is nothing that a template can call"),
    "a missing function": ("{{ nothing(1) }}", "'nothing' is undefined"),
    "endless recursion": ("{% macro m() %}{{ m() }}{% endmacro %}{{ m() }}", "it calls itself, or is nested"),
}  # fmt: skip


@pytest.mark.parametrize(("text", "message"), FAILING.values(), ids=FAILING.keys())
def test_an_error_in_a_render_says_where_and_what(text: str, message: str, world: TinyWorld) -> None:
    with pytest.raises(TemplateError) as found:
        compile_template(text, MARK).render(world)
    assert str(found.value).startswith("automations/low.yaml:12:9: line ")
    assert message in str(found.value)


def test_an_error_still_says_what_was_read_until_then(world: TinyWorld) -> None:
    found = compile_template("{{ states('sensor.power') | float + states('sensor.gone') | float }}", "t").look(
        world
    )
    assert found.entities == {"sensor.power", "sensor.gone"}
    with pytest.raises(TemplateError, match="float cannot use 'unknown'"):
        _ = found.value


def test_names_that_nobody_gave_are_reported(world: TinyWorld) -> None:
    found = compile_template("{{ nothing }}{% if nobody %}{% endif %}{{ known }}", "t").look(world, {"known": 1})
    assert (found.text, found.undefined) == ("1", ("nothing", "nobody"))


def test_a_failed_render_leaves_the_next_one_untouched(world: TinyWorld) -> None:
    with pytest.raises(TemplateError):
        render("{{ 1 / 0 }}", world)
    assert render("{{ states('sensor.power') }}", world) == "850.5"


# limited templates


@pytest.mark.parametrize(
    "text",
    [
        "{{ states('sensor.a') }}",
        "{{ states.sensor.a.state }}",
        "{% for s in states %}{% endfor %}",
        "{{ now() }}",
        "{{ area_entities('x') }}",
        "{{ 'sensor.a' | has_value }}",
        "{{ is_state('a', 'b') }}",
    ],
)
def test_a_limited_template_reads_neither_states_nor_places_nor_the_clock(text: str) -> None:
    with pytest.raises(ConfigErrors, match="here a template cannot read states, places or the clock"):
        compile_template(text, "t", is_limited=True)


def test_a_limited_template_computes_with_variables(world: TinyWorld) -> None:
    template = compile_template("{{ (minutes | int * 60) ~ ' s, ' ~ (name | slugify) }}", "t", is_limited=True)
    assert template.render(world, {"minutes": "5", "name": "Shop 3"}) == "300 s, shop_3"


def test_a_variable_may_bear_the_name_of_a_function(world: TinyWorld) -> None:
    assert (
        render("{{ states }} {{ version }} {{ random }}", world, states="mine", version=3, random=4) == "mine 3 4"
    )
    limited = compile_template("{{ labels }} {{ distance }}", "t", is_limited=True)
    assert limited.render(world, {"labels": "a", "distance": 5}) == "a 5"


# caching


def test_a_result_is_kept_until_a_state_that_it_read_is_written_again(world: TinyWorld) -> None:
    template = compile_template("{{ states('sensor.power') | float + states('sensor.gone') | float(0) }}", "t")
    assert template.render(world) == "850.5"
    world.lookups = 0
    assert template.render(world) == "850.5"
    assert world.lookups == 2  # only whether the two states are still the same
    world.put("sensor.power", 1)
    assert template.render(world) == "1.0"
    world.put("sensor.gone", 2)
    assert template.render(world) == "3.0"
    world.remove("sensor.power")
    with pytest.raises(TemplateError):
        template.render(world)


def test_a_result_is_not_kept_for_another_world_or_other_variables(world: TinyWorld) -> None:
    template = compile_template("{{ states('sensor.power') }} {{ x }}", "t")
    other = TinyWorld()
    other.put("sensor.power", 7)
    assert template.render(world) == "850.5"
    assert template.render(other) == "7"
    assert template.render(world, {"x": 1}) == "850.5 1"
    assert template.render(world, {"x": 2}) == "850.5 2"


def test_a_result_of_the_clock_is_never_kept(world: TinyWorld) -> None:
    template = compile_template("{{ now().minute }} {{ states('sensor.power') }}", "t")
    before = template.render(world)
    world.now += timedelta(minutes=1)
    assert template.render(world) != before


def test_a_result_of_a_whole_domain_is_never_kept(world: TinyWorld) -> None:
    template = compile_template(
        "{{ states.sensor | length }} {{ states.sensor | map(attribute='state') | list }}", "t"
    )
    assert template.render(world) == "2 ['100.00', '850.5']"
    world.put("sensor.another", 3)
    assert template.render(world) == "3 ['100.00', '850.5', '3']"


def test_a_render_that_fails_is_tried_again(world: TinyWorld) -> None:
    template = compile_template("{{ states('sensor.later') | float }}", "t")
    with pytest.raises(TemplateError):
        template.render(world)
    world.put("sensor.later", 4)
    assert template.render(world) == "4.0"


# time


def test_times_are_the_sites_and_not_the_machines() -> None:
    world = TinyWorld(datetime(2026, 11, 21, 22, 0, tzinfo=UTC), "Asia/Shanghai")
    text = (
        "{{ now() }} {{ today_at('07:00') }} {{ as_datetime('2026-11-22 06:00').timestamp() == now().timestamp() }}"
    )
    assert render(text, world) == "2026-11-22 06:00:00+08:00 2026-11-22 07:00:00+08:00 True"
    assert render("{{ as_datetime('2026-11-22 06:00').astimezone() }}", world) == "2026-11-22 06:00:00+08:00"


def test_a_set_keeps_the_order_in_which_its_items_came(world: TinyWorld) -> None:
    text = (
        "{{ set(['c', 'a', 'b', 'a']) }} {{ ['z', 'y'] | union(['x', 'z']) }} {{ ['b', 'a'] | difference(['a']) }}"
    )
    assert render(text, world) == "{'c', 'a', 'b'} ['z', 'y', 'x'] ['b']"


def test_templates_of_the_same_text_are_equal(world: TinyWorld) -> None:
    assert compile_template("{{ 1 }}", "a") == compile_template(" {{ 1 }}\n", "b")
    assert compile_template("{{ 1 }}", "a") != compile_template("{{ 1 }}", "a", is_limited=True)
    assert len({compile_template("{{ 1 }}", "a"), compile_template("{{ 1 }}", "b")}) == 1
