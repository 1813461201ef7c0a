"""Templates that try to get out, to run for ever, or to fill the memory; each has to end in an error."""

from __future__ import annotations

import os
from pathlib import Path

WRITTEN = Path(__file__).parent / "hostile_templates.txt"

SYNTAX = [
    "{{ " + "(" * 5000 + "1" + ")" * 5000 + " }}",
    "{{ " + "[" * 5000 + "]" * 5000 + " }}",
    "{{ " + "-" * 5000 + "1 }}",
    "{{ " + "not " * 3000 + "1 }}",
    "{{ 1" + "+1" * 8000 + " }}",
    "{{ a" + ".b" * 8000 + " }}",
    "{{ 'a'" + "|upper" * 3000 + " }}",
    "{% if a %}" * 300 + "{% endif %}" * 300,
    "{% for a in b %}" * 100 + "{% endfor %}" * 100,
    "{{ " + "1 if 1 else " * 2000 + "1 }}",
    "{{ " + "9" * 20000 + " }}",
    "{{ 1 }}" * 20000,
    "{{ x }}" * 4600,
    "{% for a in b %}{% if a %}" * 50 + "{% endif %}{% endfor %}" * 50,
    "{{ 'a" + "a" * 40000 + "' }}",
    "{{ 0x" + "f" * 30000 + " ** 5 }}",
    "{% macro m(" + ",".join(f"a{i}" for i in range(3000)) + ") %}{% endmacro %}{{ m._func }}",
]


def _written() -> dict[str, list[str]]:
    """The templates of the text file, under the headings that say what they try."""
    found: dict[str, list[str]] = {}
    heading = ""
    for line in WRITTEN.read_text(encoding="utf-8").splitlines():
        if line.startswith("# "):
            heading = line[2:]
        elif line:
            found.setdefault(heading, []).append(line)
    return found


CORPUS: dict[str, list[str]] = {**_written(), "syntax": SYNTAX}


EVERY = 1 if os.environ.get("HUB_SUITE") == "full" else 4
"""Each template runs in a process of its own; the short suites take every fourth."""


def chosen() -> list[tuple[str, str]]:
    """The templates to run now, each with its kind."""
    return [(kind, text) for kind, texts in CORPUS.items() for text in texts][::EVERY]
