"""The same configuration by PyYAML's C loader: no places, no duplicate keys noticed, YAML 1.1."""

from __future__ import annotations

import time

import yaml

from bench import yaml_texts
from bench.timing import Params, whole

Figures = dict[str, object]


def rules(params: Params) -> Figures:
    """A file of rules."""
    return _parse(yaml_texts.rules(whole(params, "count")), params)


def meters(params: Params) -> Figures:
    """A file of meters."""
    return _parse(yaml_texts.meters(whole(params, "count")), params)


def _parse(text: str, params: Params) -> Figures:
    best_s = float("inf")
    for _ in range(whole(params, "repetitions")):
        began = time.perf_counter()
        value = yaml.load(text, Loader=yaml.CSafeLoader)
        best_s = min(best_s, time.perf_counter() - began)
        assert len(value) == whole(params, "count")
    return {"parse_ms": best_s * 1e3}
