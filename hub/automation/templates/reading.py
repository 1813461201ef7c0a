"""What a render read: the entities, domains and clock on which its result depends."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from hub.automation.templates.budget import Budget, Limit
from hub.automation.templates.errors import TemplateError
from hub.automation.templates.results import as_truth, native
from hub.automation.templates.world import World


class Reading(Budget):
    """One render under way: its world, what it has left to spend, and what it read so far."""

    __slots__ = (
        "all_counts",
        "all_states",
        "domain_counts",
        "domains",
        "entities",
        "undefined",
        "uses_places",
        "uses_time",
        "world",
    )

    def __init__(self, world: World, limit: Limit, monotonic: Callable[[], float]) -> None:
        """Start having read nothing."""
        super().__init__(limit, monotonic)
        self.world = world
        self.entities: dict[str, None] = {}
        self.domains: set[str] | None = None
        self.domain_counts: set[str] | None = None
        self.undefined: dict[str, None] | None = None
        self.all_states = self.all_counts = self.uses_time = self.uses_places = False

    def read_domain(self, domain: str) -> None:
        """All states of a domain were read."""
        self.domains = self.domains or set()
        self.domains.add(domain)

    def counted_domain(self, domain: str) -> None:
        """How many entities a domain has was read."""
        self.domain_counts = self.domain_counts or set()
        self.domain_counts.add(domain)

    def missed(self, name: str) -> None:
        """A variable that nobody gave was used as if it were empty."""
        self.undefined = self.undefined or {}
        self.undefined[name] = None

    @property
    def reads_entities_only(self) -> bool:
        """Whether the states of `entities` alone decide the result."""
        return not (
            self.domains
            or self.domain_counts
            or self.all_states
            or self.all_counts
            or self.uses_time
            or self.uses_places
        )


@dataclass(frozen=True, slots=True)
class Rendered:
    """The result of a render, and all on which it depends; an error depends on what was read until then."""

    text: str
    error: TemplateError | None
    entities: frozenset[str]
    """Entities whose state was read, also those that have none."""
    domains: frozenset[str]
    """Domains all of whose states were read."""
    domain_counts: frozenset[str]
    """Domains whose entities were counted: they change only when one appears or goes."""
    all_states: bool
    all_counts: bool
    uses_time: bool
    """It read the clock: it has to be rendered again as time goes on."""
    undefined: tuple[str, ...]
    """Names that nobody gave a value and that counted as empty."""

    @property
    def value(self) -> object:
        """The result as a native value; raises the error if there was one."""
        if self.error is not None:
            raise self.error
        return native(self.text)

    @property
    def truth(self) -> bool:
        """Whether the result counts as true; raises the error if there was one."""
        return as_truth(self.value)

    def depends_on(self, entity_id: str) -> bool:
        """Whether a change of an entity's state can change the result."""
        return self.all_states or entity_id in self.entities or entity_id.partition(".")[0] in self.domains


def rendered(reading: Reading, text: str, error: TemplateError | None) -> Rendered:
    """What a finished render found."""
    return Rendered(
        text,
        error,
        frozenset(reading.entities),
        frozenset(reading.domains or ()),
        frozenset(reading.domain_counts or ()),
        reading.all_states,
        reading.all_counts,
        reading.uses_time,
        tuple(reading.undefined or ()),
    )
