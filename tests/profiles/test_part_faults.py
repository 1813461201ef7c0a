"""What is wrong with relays, actions, ranges and frames is said with its place, its field and what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from profile_texts import SMALL, changed, faults_of, load_text

OPEN = "{write: 5, at: 0x0001, value: 0}"
FRAMES = """\
frames:
  - name: import
    origin: captured
    request: "01 03 00 82 00 02 64 23"
    reply: "01 03 04 42 28 00 00 6E 43"
    expect: {energy_import: 42}
"""

FAULTS = [
    (
        "a read function that is missing",
        "functions: [1, 3, 5, 16]",
        "functions: [3, 5]",
        "the relay is read by function 1, and capabilities.functions has 3 and 5 only",
    ),
    (
        "a write function that is missing",
        "functions: [1, 3, 5, 16]",
        "functions: [1, 3]",
        "actions.close.command.write: this writes by function 5, and capabilities.functions has 1 and 3 only",
    ),
    (
        "a write that is denied",
        OPEN,
        "{write: 16, at: 0x000B, values: [1, 2]}",
        (
            "actions.open.command.at: this writes 0x000B-0x000C, which deny: lists as never written "
            "(0x000C-0x000D, since it clears the energy)"
        ),
    ),
    (
        "a denied write before the command",
        "open: {command",
        "open: {before: [{write: 16, at: 0x0C, value: 1}], command",
        "profile at actions.open.before[0].at: this writes 0x000C",
    ),
    (
        "a coil of two",
        OPEN,
        "{write: 5, at: 0x0001, value: 2}",
        "a coil is written 1 (on; 0xFF00 on the wire) or 0 (off), not 2",
    ),
    (
        "a coil with two values",
        OPEN,
        "{write: 5, at: 0x0001, values: [0, 1]}",
        "function 5 writes one value, not 2",
    ),
    ("a write of nothing", OPEN, "{write: 5, at: 0x0001}", "missing key 'value': what is written"),
    (
        "a word too large",
        OPEN,
        "{write: 16, at: 0x0001, value: 65536}",
        "expected a word from 0 to 65535, got 65536",
    ),
    ("a toggle", "value: 0xFF00", "value: 0", "open and close write the same: a toggle cannot be repeated safely"),
    ("positions that are the same", "closed: 7", "closed: 0", "open, closed and armed must differ"),
    ("a position that is never seen", "closed: 7", "closed: 15", "0xF has bits outside the mask 0x7"),
    (
        "a mask wider than the read",
        "closed: 7",
        "mask: 0xF, closed: 7",
        "the mask 0xF is wider than the 3 bits that are read",
    ),
    (
        "an action without a relay check",
        "relay: {read: 1, at: 0x0001, count: 3, open: 0, closed: 7}\n",
        "",
        "an action needs a relay: section that says how its position is read back",
    ),
    (
        "an action that cannot be undone",
        "  close: {command: {write: 5, at: 0x0001, value: 0xFF00}, settle: 300 ms, timeout: 2 s}\n",
        "",
        "profile at actions: missing key 'close'",
    ),
    (
        "a range that ends before it begins",
        "0x000C-0x000D",
        "0x000D-0x000C",
        "the range '0x000D-0x000C' ends before it begins",
    ),
    ("a range that is none", "0x000C-0x000D", "0x000C-", "expected a range such as 0x0064-0x0067"),
    (
        "a table that is none",
        "holding_registers:",
        "holding_register:",
        "unknown key 'holding_register'. Did you mean 'holding_registers'?",
    ),
    ("an unknown status", "status: documented", "status: document", "Did you mean 'documented'?"),
    (
        "another name than the file's",
        "profile: small",
        "profile: smal",
        "the file is named 'small'; a profile is found by its file",
    ),
    (
        "a line format that is none",
        "models: [S1]",
        "models: [S1]\nlink: {format: 7E1}",
        "expected 8E1, 8N1, 8O1, 8E2, 8N2 or 8O2",
    ),
]


@pytest.mark.parametrize(("case", "old", "new", "fault"), FAULTS, ids=[case for case, *_ in FAULTS])
def test_a_profile_with_this_fault_is_refused(tmp_path: Path, case: str, old: str, new: str, fault: str) -> None:
    faults = faults_of(tmp_path, changed((old, new)))
    assert any(fault in one for one in faults), faults
    assert all(one.startswith("small.yaml:") for one in faults), case


FRAME_FAULTS = [
    ("a wrong checksum", "64 23", "64 24", "frames[0].request: its CRC should be 64 23, not 64 24"),
    (
        "a value that differs",
        "energy_import: 42",
        "energy_import: 43",
        "frames[0].expect.energy_import: the frame says 42",
    ),
    (
        "a value that is not in the frame",
        "energy_import: 42",
        "power: 42",
        "power is not in this frame: it is 2 from 0x0048 on",
    ),
    (
        "a point that is not there",
        "energy_import: 42",
        "energy_imprt: 42",
        "the profile has no 'energy_imprt'. Did you mean 'energy_import'?",
    ),
    ("an unknown origin", "origin: captured", "origin: capture", "Did you mean 'captured'?"),
    ("half a frame", "01 03 00 82 00 02 64 23", "01 03", "expected a whole frame in hexadecimal"),
    ("another unit", "01 03 04 42 28 00 00 6E 43", "02 03 04 42 28 00 00 5D 43", "it is from another unit"),
    (
        "too few registers",
        "01 03 04 42 28 00 00 6E 43",
        "01 03 02 42 28 88 FA",
        "2 bytes are no answer to a request for 2",
    ),
    ("no expected serial", "energy_import: 42", "serial: 42", "serial is not in this frame"),
    ("a relay in another table", "energy_import: 42", "relay: closed", "relay is not in this frame"),
]


@pytest.mark.parametrize(("case", "old", "new", "fault"), FRAME_FAULTS, ids=[case for case, *_ in FRAME_FAULTS])
def test_a_frame_that_says_something_else_is_refused(
    tmp_path: Path, case: str, old: str, new: str, fault: str
) -> None:
    assert FRAMES.count(old) == 1, case
    faults = faults_of(tmp_path, SMALL + FRAMES.replace(old, new))
    assert any(fault in one for one in faults), faults


def test_a_frame_that_writes_must_be_what_the_action_sends(tmp_path: Path) -> None:
    frame = """\
frames:
  - name: open
    origin: captured
    request: "01 05 00 01 FF 00 DD FA"
    reply: "01 05 00 01 FF 00 DD FA"
    expect: {action: open}
"""
    assert "the action open sends 05 00 01 00 00 instead" in faults_of(tmp_path, SMALL + frame)[0]
    assert load_text(tmp_path, SMALL + frame.replace("action: open", "action: close")).frames
