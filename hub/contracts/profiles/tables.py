"""The four tables of a Modbus device, and what may never be written in them."""

from __future__ import annotations

from hub.contracts.links import Function
from hub.contracts.profiles.model import Profile, Range, Step

TABLES = {
    "coils": Function.READ_COILS,
    "discrete_inputs": Function.READ_DISCRETE_INPUTS,
    "holding_registers": Function.READ_HOLDING_REGISTERS,
    "input_registers": Function.READ_INPUT_REGISTERS,
}
"""Each table with the function that reads it, which stands for the table in every `Range` of a loaded profile."""

_WRITES_TO = {
    Function.WRITE_COIL: Function.READ_COILS,
    Function.WRITE_REGISTER: Function.READ_HOLDING_REGISTERS,
    Function.WRITE_REGISTERS: Function.READ_HOLDING_REGISTERS,
}


def table_of(function: Function) -> Function:
    """The function that reads the table that a function reads or writes: 6 and 16 write what 3 reads."""
    return _WRITES_TO.get(function, function)


def denied(profile: Profile, step: Step) -> Range | None:
    """The range of the deny-list that a write would touch; None when the profile does not forbid it."""
    last = step.address + max(len(step.values), 1) - 1
    for listed in profile.deny:
        if table_of(listed.function) is table_of(step.function) and listed.touches(step.address, last):
            return listed
    return None
