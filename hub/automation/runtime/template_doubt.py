"""When doubtful data makes a template unknown: always, unless it asks for availability itself."""

from __future__ import annotations

import re

from hub.automation.runtime.doubt import doubt
from hub.automation.runtime.world import RuleWorld
from hub.automation.templates import Rendered, Template

_ASKS_ITSELF = re.compile(r"unavailable|unknown|has_value|quality")


def minds_doubt(template: Template) -> bool:
    """Whether doubtful data makes a template unknown; one that looks at availability itself knows what it does."""
    return _ASKS_ITSELF.search(template.text) is None


def doubt_in(seen: Rendered, world: RuleWorld) -> str:
    """The first doubt about the entities that a render read; empty when there is none.

    Whole domains do not count: one dead meter among a thousand must not silence a rule about all.
    """
    now_us = world.now_us()
    for entity_id in sorted(seen.entities):
        why = doubt(world.state(entity_id), entity_id, now_us)
        if why:
            return why
    return ""
