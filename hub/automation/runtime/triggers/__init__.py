"""What starts rules and ends waits: one module for each kind of trigger, attached by `attach_trigger`."""

from __future__ import annotations

from hub.automation.language.model import (
    EventTrigger,
    HubTrigger,
    NumericTrigger,
    ProviderTrigger,
    StateTrigger,
    TemplateTrigger,
    TimePatternTrigger,
    TimeTrigger,
)
from hub.automation.runtime.triggers.events import EventHeard
from hub.automation.runtime.triggers.hub_events import HubStartOrStop, Provided
from hub.automation.runtime.triggers.numeric import ArmedNumbers
from hub.automation.runtime.triggers.setting import Live, Setting, Shot, Start, Surroundings
from hub.automation.runtime.triggers.states import attach_state
from hub.automation.runtime.triggers.templates import TemplateEdge
from hub.automation.runtime.triggers.threshold import Threshold
from hub.automation.runtime.triggers.times import AtPattern, AtTimes

__all__ = ["Live", "Setting", "Shot", "Start", "Surroundings", "attach_trigger"]


def attach_trigger(setting: Setting) -> Live:
    """Attach a trigger; raises `TriggerError`. Call `first_look` on it once its rule's others are attached too."""
    trigger = setting.trigger
    match trigger:
        case NumericTrigger():
            kind = Threshold if setting.around.strategies.latches else ArmedNumbers
            return kind(setting, trigger)
        case StateTrigger():
            return attach_state(setting, trigger)
        case TemplateTrigger():
            return TemplateEdge(setting, trigger)
        case EventTrigger():
            return EventHeard(setting, trigger)
        case TimeTrigger():
            return AtTimes(setting, trigger)
        case TimePatternTrigger():
            return AtPattern(setting, trigger)
        case HubTrigger():
            return HubStartOrStop(setting, trigger)
        case ProviderTrigger():
            return Provided(setting, trigger)
