"""The seam between what starts runs (latches, timers, triggers) and the runs themselves.

A trigger fires in two steps. At the instant of the edge, on the loop and inside whatever caused it, `consider` is
called: it sees the states as they are then, so conditions and variables belong there. Firings that come in one turn
of the loop then share one transaction: `begin` writes their runs beside the latches and timers that moved, so all
of it is on disk or none, and the runs start by `tx.on_commit`. Both are called in the order of the edges.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Literal, NamedTuple, Protocol, TypeAlias, TypeVar

from hub.automation.language.model import Rule, Trigger
from hub.automation.templates import Template
from hub.core.context import Context
from hub.core.storage import Tx

TriggerData: TypeAlias = dict[str, object]
"""What templates see as `trigger`: `id`, `idx`, `alias`, `platform`, `entity_id`, `from_state`, `to_state`, `for`,
`description`, `late_s`, and what the kind adds. States are `StateView`s, lengths of time `timedelta`s."""

Stop: TypeAlias = Callable[[], None]
"""Takes back what was started; harmless when called twice."""


class Firing(NamedTuple):
    """A trigger of a rule went off."""

    rule: Rule
    trigger: Trigger
    entity_id: str | None
    entity_uid: str | None
    """What the entity is called for ever (see `World.uid_of`); None where no entity is meant."""
    trigger_data: TriggerData
    variables: Mapping[str, object]
    """The rule's `trigger_variables` and the trigger's own `variables`, rendered; they stand beside `trigger`."""
    at_us: int
    """When it went off; what was missed while the hub was down goes off when the hub finds out."""
    late_us: int
    """How long after its time; also in the data, in seconds, as `trigger.late_s`."""
    context: Context
    """What caused it."""


C = TypeVar("C")


class Starter(Protocol[C]):
    """Turns firings into runs; the runs' side implements it."""

    def consider(self, firing: Firing) -> C:
        """Look at a firing at its instant, on the loop: whether it runs, and with what; what `begin` needs of it.

        A firing that is refused (conditions, a busy rule) also gives something to `begin`, to be recorded. Must not
        raise: an error of a template or condition is a refusal too.
        """

    def begin(self, tx: Tx, considered: Sequence[C]) -> None:
        """Write the runs and refusals in the transaction in which the latches move; it may be run twice.

        It runs on the writer's thread: it touches nothing but `tx`. Work starts by `tx.on_commit`.
        """

    def abandon(self, considered: Sequence[C], error: Exception) -> None:
        """None of these begins, since `begin` raised; called on the loop. A failing store is not meant: it is tried
        again until it works."""


class WaitArmer(Protocol):
    """Arms what runs wait for; the triggers' side implements it. All is in memory: a run that resumes arms anew."""

    def arm(
        self,
        triggers: Sequence[Trigger],
        variables: Mapping[str, object],
        on_fire: Callable[[TriggerData, Context], object],
        *,
        is_resumed: bool = False,
    ) -> Stop:
        """Call back on each firing of the triggers until stopped, on the loop, inside what caused it.

        As in Home Assistant a bound or template that holds already must first stop holding; for a wait that is
        resumed after a restart it counts as having come about meanwhile, and calls back at once or as soon as it is
        known. Raises `TriggerError` when a trigger cannot be armed, with nothing left armed.
        """

    def watch_template(
        self, template: Template, variables: Mapping[str, object], on_true: Callable[[], object]
    ) -> Stop:
        """Call back once, when the template is true; before this returns if it is already.

        It is rendered again only when something changes that it reads; an error counts as not true.
        """


class TriggerError(Exception):
    """A trigger cannot be attached or armed: the message says which, and why."""


class TriggerErrors(Exception):
    """Rules of which some could not be attached, so none was."""

    def __init__(self, by_rule: dict[str, TriggerError]) -> None:
        """Name the error of each rule."""
        super().__init__("; ".join(map(str, by_rule.values())))
        self.by_rule = by_rule


NoteKind: TypeAlias = Literal["adopted", "held", "missed", "error"]


@dataclass(frozen=True, slots=True)
class Note:
    """Something that a person who asks "why not?" wants to know of a trigger that did not fire."""

    rule_id: str
    trigger_key: str
    kind: NoteKind
    """`adopted`: beyond already when the rule came; `held`: doubtful data when it was due; `missed`: too late."""
    text: str
    entity_id: str | None = None


class Notes(Protocol):
    """Takes notes; the runs' side implements it. It bounds what it keeps."""

    def note(self, note: Note) -> None:
        """Keep a note; called on the loop."""


Why: TypeAlias = Literal["start", "reload", "enable"]
"""Why a rule is attached: with the hub, by a reload, or since it was switched on again.

Only with the hub are missed crossings and times made up for, and `start` triggers fire. A rule that is switched on
adopts what is beyond then, as one that is new.
"""


class LatchView(NamedTuple):
    """One entity under one threshold as it stands, for `explain`."""

    trigger_key: str
    entity_id: str
    is_set: bool
    """It has fired and waits for the way back."""
    is_adopting: bool
    """Its next good value only says on which side it is."""
    due_us: int | None
    """When a running `for` ends."""
    is_beyond: bool | None
    """Whether its value is beyond the bounds now; None when that cannot be said."""
    reason: str
    """Why it cannot be said, such as `unknown: sensor.a is stale for 12 min`."""


class Attached(Protocol):
    """A rule whose triggers are attached."""

    def detach(self) -> None:
        """Fire no more. Latches and running `for`s stay on disk for a next attach, unless they are forgotten."""

    def latches(self) -> list[LatchView]:
        """How its thresholds stand, sorted by trigger and entity."""


class Attacher(Protocol):
    """What the engine knows of triggers; the triggers' side implements it."""

    async def load(self) -> None:
        """Take up latches and timers of earlier starts; before the first `attach`."""

    def attach(self, rule: Rule, why: Why) -> Attached:
        """Attach a rule's triggers, all or none; raises `TriggerError`."""

    def attach_many(self, rules: Sequence[Rule], why: Why) -> Mapping[str, Attached]:
        """Attach rules, all or none: nothing is adopted, dropped or fired before all of them could be attached.

        Raises `TriggerErrors` with the error of each rule that could not. For a reload: detach the changed rules,
        attach their new forms by this, and on an error their old ones, which go on as if nothing had been.
        """

    def forget(self, rule_id: str) -> None:
        """Drop the latches and running `for`s of a rule that is gone or was switched off."""

    async def settled(self) -> None:
        """Wait until everything that has fired so far is on disk."""

    def stop(self) -> None:
        """Fire no more."""
