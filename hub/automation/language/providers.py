"""Reads the keys of triggers that other plugins provide; what they mean is the provider's business."""

from __future__ import annotations

from hub.automation.language.block import Block
from hub.automation.language.model import Value
from hub.automation.language.refusals import PROVIDED_TRIGGERS
from hub.automation.language.targets import entity_at
from hub.automation.language.times import offset_at

_METHODS = ("GET", "HEAD", "POST", "PUT")
_QOS_MAX = 2


def read_provider_config(block: Block, provider: str) -> dict[str, Value]:
    """What is given for a provider, by key; offsets are in seconds."""
    required = {"webhook": "webhook_id", "mqtt": "topic", "calendar": "entity_id", "sun": "event"}[provider]
    block.require(required)
    config: dict[str, Value] = {}
    for key in PROVIDED_TRIGGERS[provider]:
        if key in block:
            config[key] = _read(block, provider, key)
        else:
            block.raw(key)
    return config


def _read(block: Block, provider: str, key: str) -> Value:
    if key == "entity_id":
        return entity_at(block, key)
    if key == "offset":
        return int(offset_at(block, key).total_seconds())
    if key == "event":
        return block.choice(key, ("sunrise", "sunset") if provider == "sun" else ("start", "end"), "")
    if key == "allowed_methods":
        return _methods(block, key)
    if key == "local_only":
        return block.flag(key, default=True)
    if key == "qos":
        qos = block.integer(key, 0)
        if qos > _QOS_MAX:
            block.problem(f"`qos` is 0, 1 or 2, got {qos}", key)
        return qos
    if key == "value_template":
        return block.template(key)
    return block.value(key)


def _methods(block: Block, key: str) -> list[Value]:
    methods: list[Value] = []
    for method in block.texts(key):
        if method.upper() not in _METHODS:
            block.problem(f"`{key}` takes {', '.join(_METHODS)}, got {method!r}", key)
        methods.append(method.upper())
    return methods
