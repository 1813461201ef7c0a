"""Templates whose results are compared with Home Assistant's, and the states that they are rendered over."""

from __future__ import annotations

from pathlib import Path

TIME_ZONE = "Asia/Shanghai"
NOW = "2026-11-21T09:30:15.250000+00:00"

# entity id -> (state, attributes, when it last changed)
STATES: dict[str, tuple[str, dict[str, object], str]] = {
    "sensor.energy": (
        "12.50",
        {"unit_of_measurement": "kWh", "friendly_name": "Shop 3 energy", "device_class": "energy"},
        "2026-11-21T09:00:00+00:00",
    ),
    "sensor.power": (
        "850",
        {"unit_of_measurement": "W", "limit": 1000, "phases": [210, 320, 320]},
        "2026-11-21T09:30:00+00:00",
    ),
    "sensor.balance": ("100.00", {"unit_of_measurement": "CNY"}, "2026-11-20T09:30:15+00:00"),
    "sensor.offline": ("unavailable", {}, "2026-11-21T09:30:00+00:00"),
    "sensor.new": ("unknown", {}, "2026-11-21T09:30:00+00:00"),
    "binary_sensor.door": ("on", {"friendly_name": "Door", "codes": {"a": 1, "b": 2}}, "2026-11-21T08:30:00+00:00"),
    "binary_sensor.leak": ("off", {}, "2026-11-21T08:30:00+00:00"),
    "input_number.threshold": ("50.0", {"min": 0, "max": 500.5, "mode": "box"}, "2026-11-21T08:30:00+00:00"),
    "group.doors": ("on", {"entity_id": ["binary_sensor.door", "binary_sensor.leak"]}, "2026-11-21T08:30:00+00:00"),
}

VARIABLES: dict[str, object] = {
    "n": 7,
    "price": 0.62,
    "text": "Hello, World",
    "zh": "商铺三号",
    "empty": "",
    "none": None,
    "yes": True,
    "items": [3, 1, 2, 2],
    "words": ["on", "off", "on"],
    "nested": [[1, 2], [3, [4, 5]], 6],
    "rows": [
        {"name": "a", "kwh": 2.5, "on": True},
        {"name": "b", "kwh": 1, "on": False},
        {"name": "c", "kwh": 4, "on": True},
    ],
    "mapping": {"a": 1, "b": {"c": [1, 2]}, "d e": "x"},
    "response": {"sensor.a": {"events": [{"v": 1}, {"v": 2}]}, "sensor.b": {"events": [{"v": 3}]}},
    "trigger": {"id": "low", "platform": "numeric_state", "below": 100, "entity_id": "sensor.balance"},
}

EXPRESSIONS = (Path(__file__).parent / "template_expressions.txt").read_text(encoding="utf-8")
LINES = [line for line in EXPRESSIONS.split("\n") if line and not line.startswith("# ")]
