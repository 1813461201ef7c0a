"""Writes `docs/actions.md` from a running demo hub: `.venv/bin/python tests/docs/actions_page.py`."""

from __future__ import annotations

from collections.abc import Mapping

from demo_facts import demo
from markdown_blocks import ROOT
from schema_words import keys

from hub.core.actions import Action

PAGE = ROOT / "docs" / "actions.md"

HEAD = """\
# Actions

<!-- Made from a running demo hub by `.venv/bin/python tests/docs/actions_page.py`; a test compares. -->

What rules, people and plugins can make a hub do, by name: in a rule under `actions:`, or with
`hub action call NAME field=value ...`. `hub action list` shows those of your hub, with the ones of your plugins.

**Effect** says what a repeat under the same key means; it is explained for
[plugin authors](plugin-authors.md#actions-and-what-a-repeat-means). **Permission** is what a caller needs; the
command line is the owner and has all.
"""


def page(actions: Mapping[str, Action]) -> str:
    """The whole page."""
    return "\n".join([HEAD, *(_about(actions[name]) for name in sorted(actions))])


def _about(action: Action) -> str:
    lines = [
        f"## `{action.name}`",
        "",
        action.description,
        "",
        f"From `{action.owner}` · effect `{action.effect.value}` · permission `{action.permission}`",
        "",
    ]
    fields = list(keys(dict(action.schema or {})))
    if fields:
        lines += ["| Field | Default | Takes |", "|---|---|---|"]
        lines += [f"| `{field.path}` | {field.need} | {field.kind} |" for field in fields]
        lines.append("")
    if action.returns:
        lines += [f"Returns {action.returns}.", ""]
    return "\n".join(lines)


if __name__ == "__main__":
    PAGE.write_text(page(demo().actions))
