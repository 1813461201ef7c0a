"""What belongs to homes, or needs a plugin that is not loaded, is refused with what to use instead."""

from __future__ import annotations

from pathlib import Path

import pytest
from rule_reading import errors, one, read, with_condition, with_step, with_trigger

DEVICE = "belongs to Home Assistant's device pages; use"
PEOPLE = "follows people and phones, which this hub does not know; use a `state`"
REFUSED = {
    "device trigger": (
        with_trigger("platform: device\ndevice_id: x\ndomain: y\n"),
        (
            f"4:17: rule 'a', triggers/0: the trigger `device` {DEVICE} a `state` or `numeric_state` trigger with "
            "the device's entities"
        ),
    ),
    "zone trigger": (
        with_trigger("trigger: zone\n"),
        f"4:16: rule 'a', triggers/0: the trigger `zone` {PEOPLE} trigger with an entity that tells",
    ),
    "geo_location trigger": (
        with_trigger("trigger: geo_location\n"),
        f"4:16: rule 'a', triggers/0: the trigger `geo_location` {PEOPLE} trigger with an entity that tells",
    ),
    "tag trigger": (
        with_trigger("trigger: tag\n"),
        (
            "4:16: rule 'a', triggers/0: the trigger `tag` reads Home Assistant's NFC tags; "
            "use an `event` or `webhook` trigger"
        ),
    ),
    "conversation trigger": (
        with_trigger("trigger: conversation\n"),
        (
            "4:16: rule 'a', triggers/0: the trigger `conversation` listens to speech; "
            "use an `event` or `webhook` trigger"
        ),
    ),
    "persistent_notification trigger": (
        with_trigger("trigger: persistent_notification\n"),
        (
            "4:16: rule 'a', triggers/0: the trigger `persistent_notification` watches Home Assistant's own "
            "notices, which this hub does not have; use an `event` trigger"
        ),
    ),
    "zone condition": (
        with_condition("condition: zone\n"),
        f"5:18: rule 'a', conditions/0: the condition `zone` {PEOPLE} condition with an entity that tells",
    ),
    "device condition": (
        with_condition("condition: device\n"),
        (
            f"5:18: rule 'a', conditions/0: the condition `device` {DEVICE} a `state` or `numeric_state` condition "
            "with the device's entities"
        ),
    ),
    "device step": (
        with_step("device_id: x\ndomain: light\ntype: turn_on\n"),
        f"5:18: rule 'a', actions/0: the step `device_id` {DEVICE} an `action` step with the device's entities",
    ),
    "scene step": (
        with_step("scene: scene.evening\n"),
        (
            "5:14: rule 'a', actions/0: the step `scene` sets Home Assistant's lights; "
            "call the actions one by one, or a script"
        ),
    ),
    "conversation step": (
        with_step("set_conversation_response: hello\n"),
        (
            "5:34: rule 'a', actions/0: the step `set_conversation_response` answers speech; "
            "use `stop` with a `response_variable`, or a notify action"
        ),
    ),
    "mqtt without a plugin": (
        with_trigger("trigger: mqtt\ntopic: a\n"),
        (
            "4:16: rule 'a', triggers/0: the trigger `mqtt` needs a plugin that provides 'mqtt', and none is "
            "loaded (loaded providers: calendar); load one in hub.yaml, or use a `state` trigger on an entity"
        ),
    ),
    "sun condition without a plugin": (
        with_condition("condition: sun\nafter: sunset\n"),
        (
            "5:18: rule 'a', conditions/0: the condition `sun` needs a plugin that provides 'sun', and none is "
            "loaded (loaded providers: calendar); load one in hub.yaml, or use "
            "a `time` trigger or a `time` condition"
        ),
    ),
}


@pytest.mark.parametrize(("text", "error"), REFUSED.values(), ids=REFUSED.keys())
def test_a_refusal_says_why_and_what_to_use(text: str, error: str, tmp_path: Path) -> None:
    assert errors(read(tmp_path, text, providers=("calendar",))) == [f"automations/r.yaml:{error}"]


PROVIDED = {
    "webhook": "webhook_id: a\n",
    "mqtt": "topic: a\n",
    "calendar": "entity_id: calendar.a\n",
    "sun": "event: sunset\n",
}


@pytest.mark.parametrize(("name", "keys"), PROVIDED.items(), ids=PROVIDED.keys())
def test_a_trigger_is_taken_once_its_provider_is_loaded(name: str, keys: str, tmp_path: Path) -> None:
    text = with_trigger(f"trigger: {name}\n{keys}")
    assert read(tmp_path, text).invalid
    assert one(tmp_path, text, providers=(name,)).triggers


def test_a_provider_has_keys_of_its_own(tmp_path: Path) -> None:
    text = with_trigger("trigger: mqtt\ntopc: a\nqos: 3\n")
    assert [error.split("triggers/0: ")[1] for error in errors(read(tmp_path, text, providers=("mqtt",)))] == [
        "`topic` is missing",
        "unknown key 'topc'. Did you mean 'topic'?",
        "`qos` is 0, 1 or 2, got 3",
    ]
