"""Triggers by events: those of rules, those of the hub's domain, its start and stop, and those of providers."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from decimal import Decimal

import pytest
from rule_house import House

from hub.automation.runtime.contract import TriggerError, TriggerErrors
from hub.automation.runtime.triggers.events import event_classes, fits
from hub.contracts.custom_events import CustomEvent
from hub.contracts.providers import PROVIDERS, Fire, provider_key
from hub.contracts.supply import GuardHeld
from hub.core.context import Context
from hub.core.housekeeping import DiskLow
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.testing.harness import HubHarness

FIT: list[tuple[object, object, bool]] = [
    (1, 1, True), (1, 1.0, True), (1, "1", False), ("1", 1, False), (True, True, True), (True, 1, True),
    ("a", "a", True), (None, None, True), (None, 0, False),
    ({"a": 1}, {"a": 1, "b": 2}, True), ({"a": {"b": 1}}, {"a": {"b": 1, "c": 2}}, True), ({"a": 1}, {}, False),
    ({"a": 1}, 5, False), ([1, 2], [1, 2], True), ([1, 2], [1, 2, 3], False), ([1], (1,), True),
]  # fmt: skip


@pytest.mark.parametrize(("wanted", "found", "does"), FIT)
def test_what_fits_what_is_asked_for(wanted: object, found: object, does: bool) -> None:
    assert fits(wanted, found) is does


def test_a_number_of_yaml_fits_a_float() -> None:
    assert fits(Decimal("0.1"), 0.1)
    assert not fits(Decimal("0.1"), 0.2)


def rule(trigger: str, more: str = "") -> str:
    """A rule with one trigger."""
    return f"- id: a\n  triggers: [{{{trigger}}}]\n{more}  actions: [{{action: test.fired}}]\n"


@pytest.fixture
def house(hub: HubHarness) -> House:
    """A hub without rules yet."""
    return House(hub)


async def fire(house: House, kind: str, data: Mapping[str, object] | None = None, actor: str = "system") -> None:
    """An event of rules."""
    house.hub.fire(CustomEvent(event_type=kind, data=data or {}, context=Context("c1", actor)))
    await house.settle()


async def test_an_event_of_one_of_the_types_with_the_data(house: House) -> None:
    await house.start(rule("trigger: event, event_type: [go, come], event_data: {to: {door: '{{ 1 + 1 }}'}}"))
    for kind, data in [
        ("go", {"to": {"door": 2, "hall": 1}}),
        ("come", {"to": {"door": 2}}),
        ("go", {}),
        ("other", {}),
    ]:
        await fire(house, kind, data)
    shown = [firing.trigger_data["event"] for firing in house.fired.firings]
    assert [(one["event_type"], one["data"]) for one in shown] == [  # type: ignore[index]
        ("go", {"to": {"door": 2, "hall": 1}}), ("come", {"to": {"door": 2}}),
    ]  # fmt: skip
    assert house.fired.firings[0].context == Context("c1", "system")


async def test_by_who_caused_it(house: House) -> None:
    await house.start(rule("trigger: event, event_type: go, context: {user_id: [ann, ben]}"))
    for actor in ("user:ann", "user:eve", "plugin:x", "os:ben"):
        await fire(house, "go", actor=actor)
    assert [firing.context.actor for firing in house.fired.firings] == ["user:ann", "os:ben"]


async def test_a_typed_event_of_the_domain_goes_by_the_name_of_its_class_and_its_fields(house: House) -> None:
    assert event_classes()["guard_held"] is GuardHeld
    assert "state_reported" not in event_classes()
    assert not [name for name in event_classes() if name.startswith("_")]
    await house.start(rule("trigger: event, event_type: disk_low, event_data: {detail: red}"))
    house.hub.fire(DiskLow(detail="yellow"))
    house.hub.fire(DiskLow(detail="red"))
    await house.settle()
    event = house.fired.data()["event"]
    assert (event["event_type"], event["data"]) == ("disk_low", {"detail": "red"})  # type: ignore[index]


async def test_state_changed_has_both_states(house: House) -> None:
    await house.set("sensor.a", 1)
    await house.start(rule("trigger: event, event_type: state_changed, event_data: {entity_id: sensor.a}"))
    await house.set("sensor.b", 2)
    await house.set("sensor.a", 2)
    data = house.fired.data()["event"]["data"]  # type: ignore[index]
    assert (data["old_state"].read("state"), data["new_state"].read("state")) == ("1", "2")


async def test_nobody_listens_to_every_reading(house: House) -> None:
    await house.start("[]")
    [bad] = house.read(rule("trigger: event, event_type: state_reported")).values()
    with pytest.raises(TriggerError, match="rule a, trigger 0: a rule cannot listen to `state_reported`"):
        house.triggers.attach(bad, "reload")


async def test_a_rule_is_attached_whole_or_not_at_all(house: House) -> None:
    await house.start("[]")
    text = rule(
        "trigger: event, event_type: go}, {trigger: state, entity_id: sensor.a}, {trigger: webhook, webhook_id: x"
    )
    [bad] = house.read(text).values()
    before = len(house.hub.kernel.bus.listeners_of("automation"))
    with pytest.raises(TriggerError, match="no plugin provides the trigger `webhook` now"):
        house.triggers.attach(bad, "reload")
    assert len(house.hub.kernel.bus.listeners_of("automation")) == before
    await fire(house, "go")
    assert house.fired.considered == 0


LOW = "- id: low\n  triggers: [{trigger: numeric_state, id: low, entity_id: sensor.a, below: BOUND, for: 60}]\n"


async def test_rules_are_attached_all_or_none_and_the_old_ones_go_on_as_if_nothing_had_been(house: House) -> None:
    actions = "  actions: [{action: test.fired}]\n"
    await house.set("sensor.a", 150)
    await house.start(LOW.replace("BOUND", "100") + actions)
    await house.set("sensor.a", 50)
    await house.advance(30)
    before = house.rules
    rules = house.read(LOW.replace("BOUND", "60") + actions + rule("trigger: webhook, webhook_id: x"))
    house.attached["low"].detach()
    with pytest.raises(TriggerErrors, match="no plugin provides the trigger `webhook` now") as raised:
        house.triggers.attach_many(list(rules.values()), "reload")
    assert list(raised.value.by_rule) == ["a"]
    house.triggers.attach_many(list(before.values()), "reload")
    assert house.fired.notes == []
    await house.advance(29)
    assert house.fired.take() == []
    await house.advance(1)
    assert house.fired.take() == ["sensor.a"]


HUB = rule("trigger: homeassistant, event: start, id: up}, {trigger: hub, event: shutdown, id: down")


async def test_start_and_shutdown_fire_once_and_not_at_a_reload(house: House) -> None:
    await house.start(HUB)
    await house.reload(HUB)
    assert not house.fired.firings
    await house.hub.restart()
    assert [firing.trigger.id for firing in house.fired.firings] == ["down"]


class Post:
    """A provider of triggers that hears of what a test delivers; there is one like it for each kind."""

    def __init__(self, required: str) -> None:
        """Watch what `required` names in a trigger's configuration."""
        self.required = required
        self.watched: list[tuple[str, Fire]] = []

    def attach(self, config: Mapping[str, object], fire: Fire) -> Callable[[], None]:
        """Watch; refuses what is forbidden."""
        place = str(config[self.required])
        if place == "forbidden":
            raise ValueError(f"{place} is taken")
        entry = (place, fire)
        self.watched.append(entry)
        return lambda: self.watched.remove(entry)

    def deliver(self, place: str, what: Mapping[str, object]) -> None:
        """Something happened."""
        for watched, fire_one in list(self.watched):
            if watched == place:
                fire_one(what, Context("c1", "plugin:post"))


CASES: dict[str, tuple[str, str, str, dict[str, object]]] = {
    "webhook": ("webhook_id", "paid", "webhook_id: paid", {"webhook_id": "paid", "json": {"amount": 5}}),
    "mqtt": ("topic", "m/7", "topic: 'm/{{ 3 + 4 }}'", {"topic": "m/7", "payload": "on", "qos": 0}),
    "calendar": ("entity_id", "calendar.rent", "entity_id: calendar.rent, event: start, offset: '-00:15:00'",
                 {"entity_id": "calendar.rent", "calendar_event": {"summary": "Rent"}}),
    "sun": ("event", "sunset", "event: sunset, offset: 600", {"event": "sunset", "offset": 600}),
}  # fmt: skip


def plugin_of(post: Post, provider: str) -> type[Plugin]:
    """A plugin that provides a trigger."""

    class Provider(Plugin):
        """Provides a trigger."""

        manifest = Manifest(name=f"{provider}_plugin", version="1", description="Provides a trigger.",
                            provides=(provider_key(provider),))  # fmt: skip

        async def setup(self, hub: PluginHub) -> None:
            """Offer it."""
            hub.provide(provider_key(provider), post)

    return Provider


@pytest.mark.parametrize("provider", PROVIDERS)
async def test_what_a_provider_tells_stands_in_the_trigger(house: House, provider: str) -> None:
    required, place, keys, what = CASES[provider]
    post = Post(required)
    await house.hub.load_plugin(plugin_of(post, provider))
    await house.start(rule(f"trigger: {provider}, {keys}"))
    post.deliver(place, what)
    post.deliver("elsewhere", what)
    await house.settle()
    data = house.fired.data()
    assert data | what == data
    assert data["platform"] == provider
    house.attached["a"].detach()
    assert post.watched == []


async def test_a_provider_that_was_restarted_is_followed(house: House) -> None:
    first, second = Post("webhook_id"), Post("webhook_id")
    await house.hub.load_plugin(plugin_of(first, "webhook"))
    await house.start(rule("trigger: webhook, webhook_id: paid"))
    await house.hub.unload_plugin("webhook_plugin")
    assert house.fired.told()[-1] == ("error", "no plugin provides the trigger `webhook` now")
    await house.hub.load_plugin(plugin_of(second, "webhook"))
    second.deliver("paid", {})
    await house.settle()
    assert len(house.fired.take()) == 1


async def test_what_a_provider_refuses_is_the_rules_error(house: House) -> None:
    await house.hub.load_plugin(plugin_of(Post("webhook_id"), "webhook"))
    await house.start("[]")
    [bad] = house.read(rule("trigger: webhook, webhook_id: forbidden")).values()
    with pytest.raises(TriggerError, match="rule a, trigger 0: webhook: forbidden is taken"):
        house.triggers.attach(bad, "reload")
