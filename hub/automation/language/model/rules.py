"""Rules and scripts, whole."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Literal, TypeAlias

from hub.automation.language.model.conditions import Condition
from hub.automation.language.model.steps import Step
from hub.automation.language.model.triggers import Trigger
from hub.automation.language.model.values import Plain, Value
from hub.core.config import ConfigError, Mark

RunMode: TypeAlias = Literal["single", "restart", "queued", "parallel"]
Severity: TypeAlias = Literal["silent", "debug", "info", "warning", "error", "critical"]
OnRestart: TypeAlias = Literal["resume", "skip", "ask"]
RunPer: TypeAlias = Literal["rule", "entity"]


@dataclass(frozen=True, slots=True)
class RunLimit:
    """A storm brake: at most so many runs start in so many seconds."""

    runs: int
    per_s: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Runnable:
    """What rules and scripts have in common."""

    id: str
    alias: str = ""
    description: str = ""
    mode: RunMode = "single"
    max: int = 10
    """How many runs at once in parallel mode; in queued mode with those that wait."""
    max_exceeded: Severity = "warning"
    variables: Mapping[str, Value] = field(default_factory=dict)
    stored_traces: int = 5
    on_restart: OnRestart = "resume"
    max_late_s: int | None = None
    """A delay that ends later than this after its time, since the hub was down, stops the run; None resumes."""
    max_runs_per: RunLimit | None = None
    """None leaves it to the engine."""
    blueprint: str | None = None
    mark: Mark | None = field(default=None, compare=False)
    content: str = field(default="", compare=False, repr=False)
    """As written, in the new spelling, with blueprints filled in: JSON, enough to make it again."""
    settings: frozenset[str] = field(default=frozenset(), compare=False, repr=False)
    """The keys that are written; the others have their defaults."""
    version: str = field(default="", compare=False)
    """The hash of the content, which runs are pinned to."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Rule(Runnable):
    """One automation."""

    triggers: tuple[Trigger, ...]
    conditions: tuple[Condition, ...] = ()
    actions: tuple[Step, ...] = ()
    trigger_variables: Mapping[str, Value] = field(default_factory=dict)
    """Rendered when the rule is attached, in a limited environment without states."""
    initial_state: bool | None = None
    run_per: RunPer = "rule"
    catch_up_s: int = 900
    """A time trigger missed while the hub was down fires if its time is not longer ago."""


@dataclass(frozen=True, slots=True, kw_only=True)
class ScriptField:
    """One input of a script."""

    key: str
    name: str = ""
    description: str = ""
    is_required: bool = False
    default: Plain = None
    example: Plain = None
    selector: Mapping[str, Plain] | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Script(Runnable):
    """One script: a sequence that rules and people call as `script.<id>`."""

    sequence: tuple[Step, ...]
    fields: tuple[ScriptField, ...] = ()


@dataclass(frozen=True, slots=True)
class Invalid:
    """A rule or script that cannot be run, and everything that is wrong with it."""

    id: str
    """`automations/low.yaml` when a whole file cannot be read."""
    errors: tuple[ConfigError, ...]


@dataclass(frozen=True, slots=True)
class Loaded:
    """All rules and scripts of a site; broken ones stand apart and stop nobody."""

    rules: tuple[Rule, ...]
    scripts: tuple[Script, ...]
    invalid: tuple[Invalid, ...] = ()
