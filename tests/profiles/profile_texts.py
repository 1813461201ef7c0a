"""A small profile as text, changed by single replacements, for tests of loading."""

from __future__ import annotations

from pathlib import Path

import pytest

from hub.contracts.profiles import Profile, load_profile
from hub.core.config import ConfigErrors

SMALL = """\
profile: small
vendor: Nobody
models: [S1]
status: documented
source: made up
capabilities: {functions: [1, 3, 5, 16], registers_max: 60}
identity: {at: 0x0100, type: u32, pattern: "[1-9][0-9]*"}
defaults: {read: 3, type: f32}
points:
  voltage_{phase}: {at: 0x0030, each: [l1, l2, l3], unit: V, max: 300}
  power: {at: 0x0048, unit: W, group: fast}
  ratio: {at: 0x0060, type: u16}
  energy_import: {at: 0x0082, unit: kWh, counter: {rate_max_per_h: 69}, billing: true}
relay: {read: 1, at: 0x0001, count: 3, open: 0, closed: 7}
actions:
  open: {command: {write: 5, at: 0x0001, value: 0}, settle: 300 ms, timeout: 2 s}
  close: {command: {write: 5, at: 0x0001, value: 0xFF00}, settle: 300 ms, timeout: 2 s}
deny:
  holding_registers: [{at: 0x000C-0x000D, why: it clears the energy}]
"""


def changed(*replacements: tuple[str, str]) -> str:
    """The small profile with texts replaced, each of which is there once."""
    text = SMALL
    for old, new in replacements:
        assert text.count(old) == 1, old
        text = text.replace(old, new)
    return text


def load_text(folder: Path, text: str, name: str = "small") -> Profile:
    """The profile in a text."""
    file = folder / f"{name}.yaml"
    file.write_text(text, encoding="utf-8")
    return load_profile(file)


def faults_of(folder: Path, text: str) -> list[str]:
    """What loading a text says, one text for each fault."""
    with pytest.raises(ConfigErrors) as caught:
        load_text(folder, text)
    assert all(error.mark is not None for error in caught.value.errors)
    return [str(error) for error in caught.value.errors]
