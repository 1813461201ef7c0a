"""Template triggers: when they are rendered again, and when they fire."""

from __future__ import annotations

import pytest
from rule_house import House

from hub.automation.templates import Template
from hub.core.states import BAD, STALE
from hub.testing.harness import HubHarness

A, B = "sensor.a", "sensor.b"


def rule(template: str) -> str:
    """A rule with a template trigger."""
    trigger = f"    - trigger: template\n      value_template: >\n        {template}\n"
    return f"- id: a\n  triggers:\n{trigger}  actions: [{{action: test.fired}}]\n"


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub without rules yet."""
    return House(hub)


class Count:
    """How often templates were rendered."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        """Count from now on."""
        self.count = 0
        look = Template.look

        def counted(template: Template, *args: object, **named: object) -> object:
            self.count += 1
            return look(template, *args, **named)  # type: ignore[arg-type]

        monkeypatch.setattr(Template, "look", counted)

    def take(self) -> int:
        """How often since the last time."""
        count, self.count = self.count, 0
        return count


@pytest.fixture(name="renders")
def _renders(monkeypatch: pytest.MonkeyPatch) -> Count:
    return Count(monkeypatch)


async def test_it_is_rendered_only_when_something_changes_that_it_reads(house: House, renders: Count) -> None:
    await house.set(A, 1)
    await house.set(B, 1)
    await house.start(rule("{{ is_state('sensor.a', '5') and is_state('sensor.b', '5') }}"))
    assert renders.take() == 1
    await house.set(B, 5)
    await house.set("sensor.c", 5)
    assert renders.take() == 0, "sensor.b was not looked at while sensor.a was another"
    await house.set(A, 5)
    assert renders.take() == 1
    assert house.fired.take() == [A]
    await house.set(B, 6)
    assert renders.take() == 1


async def test_a_domain_is_rendered_at_most_once_a_second(house: House, renders: Count) -> None:
    await house.set(A, 1)
    await house.start(rule("{{ states.sensor | selectattr('state', 'eq', '9') | list | count > 0 }}"))
    renders.take()
    await house.advance(10)
    for value in range(2, 12):
        await house.set(A, value)
    assert renders.take() == 1
    await house.set(A, 9)
    await house.advance(2)
    assert renders.take() == 1
    assert house.fired.take() == [A]
    await house.set("switch.x", 5)
    await house.advance(2)
    assert renders.take() == 0


async def test_one_with_now_is_rendered_each_full_minute(house: House, renders: Count) -> None:
    await house.start(rule("{{ now().minute == 5 }}"))
    renders.take()
    await house.advance("1 h")
    assert renders.take() == 60
    assert house.fired.take() == [None]


@pytest.mark.parametrize(
    "template", ["{{ states('sensor.a') | float(0) < 100 }}", "{{ states('sensor.a') < '5' }}"]
)
async def test_doubtful_data_is_no_edge_and_fires_nothing_twice(house: House, template: str) -> None:
    await house.set(A, 700)
    await house.start(rule(template))
    await house.set(A, None, quality=BAD)
    await house.set(A, 700)
    assert house.fired.take() == []
    await house.set(A, 40)
    assert house.fired.take() == [A]
    await house.set(A, None, quality=BAD)
    await house.set(A, 40)
    await house.set(A, 700, quality=STALE)
    await house.set(A, 40)
    assert house.fired.take() == []


async def test_one_that_asks_for_unavailable_gets_it(house: House) -> None:
    await house.set(A, 700)
    await house.start(rule("{{ is_state('sensor.a', 'unavailable') }}"))
    await house.set(A, 700, quality=BAD)
    assert house.fired.take() == [A]


async def test_an_error_is_told_and_fires_nothing(house: House) -> None:
    await house.set(A, 1)
    await house.start(rule("{{ 10 / (states('sensor.a') | int) > 5 }}"))
    await house.set(A, 0)
    assert [note.kind for note in house.fired.notes] == ["error"]
    assert house.fired.take() == []
    await house.set(A, 100)
    await house.set(A, 1)
    assert house.fired.take() == [A]


async def test_a_detached_one_listens_no_longer(house: House, renders: Count) -> None:
    await house.set(A, 1)
    await house.start(
        rule("{{ now().year > 3000 or states.sensor | list | count > 1 or is_state('sensor.a', '2') }}")
    )
    house.attached["a"].detach()
    renders.take()
    await house.set(A, 2)
    await house.set(B, 2)
    await house.advance(120)
    assert renders.take() == 0


async def test_trigger_variables_are_seen(house: House) -> None:
    await house.set(A, 1)
    text = rule("{{ states('sensor.a') | int > limit }}").replace(
        "  actions", "  trigger_variables: {limit: 5}\n  actions"
    )
    await house.start(text)
    await house.set(A, 6)
    assert [firing.variables for firing in house.fired.firings] == [{"limit": 5}]
