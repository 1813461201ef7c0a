"""A wrong tariff is refused whole: every error at once, each where it is written, with what to do."""

from __future__ import annotations

from pathlib import Path

import pytest
from rated import HEAD

from hub.core.config import ConfigErrors
from plugins.prepaid.tariffs import tariff_from_text

GOOD = f"{HEAD}time_zone: Asia/Shanghai\n"
"""Four lines: what a case writes begins at line 5."""


def _cases() -> dict[str, tuple[str, list[str]]]:
    """Each `=== name`, what it writes, and after `---` the errors that it has."""
    found = {}
    for part in Path(__file__).with_name("wrong_tariffs.txt").read_text().split("=== ")[1:]:
        name, rest = part.split("\n", 1)
        text, errors = rest.split("\n---\n")
        found[name] = text, errors.splitlines()
    return {name: (text, [line for line in errors if line]) for name, (text, errors) in found.items()}


CASES = _cases()


@pytest.mark.parametrize("case", CASES)
def test_every_error_is_told_at_its_place(case: str) -> None:
    text, expected = CASES[case]
    with pytest.raises(ConfigErrors) as caught:
        tariff_from_text(GOOD + text, "t.yaml")
    found = str(caught.value).splitlines()
    assert found == expected


def test_a_wrong_head_is_told_too() -> None:
    text = (
        "tariff: Mall 1\nname: 5\ncurrency: yuan\ntime_zone: Asia/Shanghia\nscale: 9\ngroup: X\nrounding: even\n"
        "energy: {price: 1}"
    )
    with pytest.raises(ConfigErrors) as caught:
        tariff_from_text(text, "t.yaml")
    assert str(caught.value).splitlines() == [
        (
            "t.yaml:1:9: tariff at tariff: expected a name of a-z, 0-9 and _, such as north_wing_2, got 'Mall 1'."
            " Did you mean 'mall_1'?"
        ),
        "t.yaml:2:7: tariff at name: expected a name for people, got 5; put it in quotes",
        "t.yaml:3:11: tariff at currency: expected a currency of three capitals such as CNY, got 'yuan'",
        "t.yaml:4:12: tariff at time_zone: unknown time zone 'Asia/Shanghia'. Did you mean 'Asia/Shanghai'?",
        "t.yaml:5:8: tariff at scale: expected decimals from 0 to 4, got 9",
        (
            "t.yaml:6:8: tariff at group: expected a name of a-z, 0-9 and _, such as north_wing_2, got 'X'."
            " Did you mean 'x'?"
        ),
        (
            "t.yaml:7:11: tariff at rounding: expected 'half_even', 'half_up', 'half_down', 'up' or 'down', got"
            " 'even'. Did you mean 'half_even'?"
        ),
    ]


def test_nothing_at_all_is_told_too() -> None:
    with pytest.raises(ConfigErrors) as caught:
        tariff_from_text("{}", "t.yaml")
    assert [error.message for error in caught.value.errors] == [
        f"tariff: missing key '{key}'" for key in ("currency", "energy", "name", "tariff", "time_zone")
    ]
    with pytest.raises(ConfigErrors, match="expected a mapping with tariff, name"):
        tariff_from_text("- 1", "t.yaml")


def test_errors_of_all_sections_come_at_once() -> None:
    text = (
        "day_types: {work: workday, free: [weekend, holiday]}\nholidays: [2026-10-01, 2026-10-01]\n"
        "times: [{bands: {a: 00:00-12:00, b: 11:00-23:00}}]\nenergy: {prices: {a: 1}}\n"
        "adders: {x: {kind: volume, blocks: [{up_to: 5, price: 1}, {up_to: 4, price: 1}, {price: 1}]}}\n"
    )
    with pytest.raises(ConfigErrors) as caught:
        tariff_from_text(GOOD + text, "t.yaml")
    lines = [error.mark.line for error in caught.value.errors if error.mark is not None]
    assert lines == [6, 7, 7, 8, 9]


def test_a_text_that_is_too_much_is_refused() -> None:
    bomb = "a: &a [1,1,1,1,1,1,1,1]\n" + "\n".join(
        f"b{i}: &b{i} [{','.join(['*a' if i == 0 else f'*b{i - 1}'] * 9)}]" for i in range(8)
    )
    with pytest.raises(ConfigErrors, match="more than"):
        tariff_from_text(GOOD + bomb, "t.yaml")
