"""Hostile templates end in an error, soon and without filling the memory; large but honest ones do not."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from hostile_templates import CORPUS, chosen
from template_world import TinyWorld

from hub.automation.templates import Limit, TemplateError, TemplateTooCostly, compile_template
from hub.automation.templates.budget import TEXT_MAX
from hub.core.config import ConfigErrors

HERE = Path(__file__).parent
CPU_MS_MAX = 100
GROWTH_KB_MAX = 50_000


@pytest.fixture(scope="module")
def outcomes() -> list[dict[str, Any]]:
    """What each template of the corpus used, in a process of its own with a limit on its memory."""
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}
    done = subprocess.run(
        [sys.executable, str(HERE / "hostile_template_runner.py")],
        capture_output=True, text=True, timeout=55, check=False, env=environment,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr[-2000:]
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_the_corpus_is_large_and_every_template_was_run(outcomes: list[dict[str, Any]]) -> None:
    assert sum(map(len, CORPUS.values())) >= 300
    assert len(outcomes) == len(chosen())


def test_every_hostile_template_ends_in_an_error(outcomes: list[dict[str, Any]]) -> None:
    assert [each for each in outcomes if not each["ended"].startswith(("refused at load", "stopped: "))] == []


def test_every_hostile_template_ends_within_its_time(outcomes: list[dict[str, Any]]) -> None:
    # Of the processor: what a busy machine does meanwhile is not the template's.
    assert [each for each in outcomes if each["cpu_ms"] > CPU_MS_MAX] == []


def test_no_hostile_template_fills_the_memory(outcomes: list[dict[str, Any]]) -> None:
    assert [each for each in outcomes if each["kb"] > GROWTH_KB_MAX] == []


def test_no_error_shows_the_insides_of_the_hub(outcomes: list[dict[str, Any]]) -> None:
    texts = " ".join(each["ended"] for each in outcomes)
    assert "root:" not in texts
    assert "0x7f" not in texts


ESCAPES_AND_HUGE = [(kind, text) for kind in ("escape", "huge", "pattern") for text in CORPUS[kind]]


@pytest.mark.parametrize("text", [text for _, text in ESCAPES_AND_HUGE], ids=lambda text: text[:60])
def test_a_clock_that_stands_still_stops_nothing_less(text: str) -> None:
    """In a rehearsal time does not pass while a template renders: the steps alone have to stop it."""
    world = TinyWorld()
    world.put("sensor.a", 1, attributes={"list": [1, 2]})
    world.freeze()
    with pytest.raises((TemplateError, ConfigErrors)):
        compile_template(text, "hostile").render(world, {"trigger": {"id": "x"}})


def test_a_template_is_stopped_at_the_same_step_every_time() -> None:
    world = TinyWorld()
    world.freeze()
    template = compile_template("{% for i in range(99999) %}{{ i }} {% endfor %}", "t")
    errors = {str(template.look(world, limit=Limit(units=100_000)).error) for _ in range(3)}
    assert errors == {
        "t: line 1 of the template: it takes too many steps; walk over fewer entities, loop less, make less text"
    }


def test_time_alone_stops_what_costs_more_than_was_thought() -> None:
    world = TinyWorld()
    template = compile_template(
        "{% for i in range(99999) %}{% for j in range(99999) %}{% endfor %}{% endfor %}", "t"
    )
    with pytest.raises(TemplateTooCostly, match="it takes more than 5 ms"):
        template.render(world, limit=Limit(units=10**12, time_s=0.005))


def test_items_that_share_a_hash_pay_for_being_compared() -> None:
    """They make a set of n items cost n times n, with nothing in between at which the clock could be asked."""
    world = TinyWorld()
    world.freeze()
    for make in ("set(same) | length", "same | unique | list | length", "dict(zip(same, same)) | length"):
        same = "{% set same = range(0, 2305843009213693951 * 5000, 2305843009213693951) %}"
        template = compile_template(same + "{{ " + make + " }}", "t")
        with pytest.raises(TemplateTooCostly, match="too many steps"):
            template.render(world)
    assert compile_template("{{ set(range(5000)) | length }}", "t").render(world) == "5000"


def test_an_output_of_many_parts_is_stopped_where_it_gets_too_long() -> None:
    template = compile_template("{{ 'a' * n }}{{ 'b' * n }}", "t")
    assert len(template.render(TinyWorld(), {"n": TEXT_MAX // 2})) == TEXT_MAX
    with pytest.raises(TemplateTooCostly, match="the result gets longer than 262144 characters"):
        template.render(TinyWorld(), {"n": TEXT_MAX // 2 + 1})


LEGITIMATE = {
    "a scan of 5,000 sensors": "{{ states.sensor | map(attribute='state') | map('float', 0) | sum | round }}",
    "a loop over 2,000 sensors": "{% for s in (states.sensor | list)[:2000] %}{{ s.name }};{% endfor %}",
    "counting in a namespace": (
        "{% set ns = namespace(n=0) %}{% for s in states.sensor %}{% set ns.n = ns.n + 1 %}{% endfor %}{{ ns.n }}"
    ),
    "collecting 300 names": (
        "{% set ns = namespace(a=[]) %}{% for i in range(300) %}{% set ns.a = ns.a + ['n' ~ i] %}{% endfor %}"
        "{{ ns.a | join }}"
    ),
    "a loop in a loop": "{% for i in range(100) %}{% for j in range(100) %}{{ i * j }} {% endfor %}{% endfor %}",
    "a pattern on a message": "{{ ('U=230.5V I=5.2A ' * 15) | regex_findall('-?\\d+(?:\\.\\d+)?') | length }}",
    "a pattern for each entity": (
        "{{ states.sensor | map(attribute='entity_id') | select('search', '_1\\d*$') | list | length }}"
    ),
    "a table of 200 rows": "{% for i in range(200) %}{{ '%-20s|%8.2f' % ('row ' ~ i, i * 1.5) }}\n{% endfor %}",
    "sorting 3,000": "{{ range(3000) | map('string') | sort | last }}",
    "big JSON": "{{ range(2000) | list | to_json | from_json | length }}",
}


@pytest.mark.parametrize("text", LEGITIMATE.values(), ids=LEGITIMATE.keys())
def test_what_a_rule_may_well_do_is_not_stopped(text: str) -> None:
    world = TinyWorld()
    for number in range(5_000):
        world.put(f"sensor.s_{number}", number)
    world.freeze()
    assert compile_template(text, "t").render(world)


@pytest.mark.parametrize("length", [TEXT_MAX, TEXT_MAX + 1])
def test_the_longest_text_is_made_and_one_letter_more_is_not(length: int) -> None:
    template = compile_template("{{ 'a' * n }}", "t")
    if length <= TEXT_MAX:
        assert len(template.render(TinyWorld(), {"n": length})) == length
    else:
        with pytest.raises(TemplateTooCostly):
            template.render(TinyWorld(), {"n": length})
