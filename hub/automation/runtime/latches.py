"""What a threshold does with a value, as a table: the whole life of a latch."""

from __future__ import annotations

from enum import Enum

from hub.automation.runtime.truth import FALSE, TRUE, Truth


class Latch(Enum):
    """How an entity stands under a threshold."""

    OFF = "off"
    """It fires when the value goes beyond."""
    WAITING = "waiting"
    """Beyond, and its `for` runs."""
    ON = "on"
    """It has fired, and waits for the way back."""
    ADOPTING = "adopting"
    """Nothing is known of it since the rule came: the next good value fires nothing."""


class Act(Enum):
    """What is to be done."""

    NOTHING = "nothing"
    CROSS = "cross"
    """Fire, or start the `for`."""
    FIRE_LATE = "fire late"
    """The `for` was over while nobody could say whether it still held."""
    CANCEL = "cancel"
    """The `for` did not last."""
    RELEASE = "release"
    """Come off: the next crossing fires again."""
    ADOPT = "adopt"
    """Beyond already when the rule came: latched without firing."""


def act(latch: Latch, beyond: Truth, *, is_recovered: bool, is_overdue: bool = False) -> Act:
    """What a value does to a latch; an unknown one does nothing."""
    match latch, beyond:
        case Latch.OFF, Truth.TRUE:
            return Act.CROSS
        case Latch.WAITING, Truth.TRUE if is_overdue:
            return Act.FIRE_LATE
        case Latch.WAITING, Truth.FALSE:
            return Act.CANCEL
        case Latch.ON, _ if is_recovered and beyond is not TRUE:
            return Act.RELEASE
        case Latch.ADOPTING, Truth.TRUE:
            return Act.ADOPT
        case Latch.ADOPTING, Truth.FALSE:
            return Act.RELEASE
    return Act.NOTHING


def adopted(beyond: Truth) -> Latch:
    """How an entity stands when a rule is new."""
    return Latch.ON if beyond is TRUE else Latch.OFF if beyond is FALSE else Latch.ADOPTING
