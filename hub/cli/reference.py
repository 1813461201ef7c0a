"""Writes `docs/cli.md` from the help texts: `python -m hub.cli.reference > docs/cli.md`."""

from __future__ import annotations

import inspect
from collections.abc import Iterator

import click

from hub.cli import exits, main

HEAD = """\
# The command line

<!-- Made from the help texts by `python -m hub.cli.reference`; a test compares. -->

`hub` has nested verbs; plugins add theirs. A site is a folder with a `hub.yaml`, by default the current one.

- A verb that reads asks the hub that runs in the folder; when none runs, it reads the files, and says so on stderr.
- `hub action call` changes things: through the running hub, or by starting one in its process for the call alone.
- Where a verb has `--json`, its standard output is one JSON value (`entity watch`: one a line). Exact numbers and
  times are text in it. Without, it is a table in a terminal, and plain aligned columns elsewhere.
- Errors are one message on stderr that says what to do. Secrets are left out of everything that is printed.

## Exit codes
"""


def reference() -> str:
    """The whole page."""
    codes = [f"| {code} | {meaning} |" for code, meaning in exits.MEANINGS.items()]
    codes.append(f"| {exits.BY_SIGNAL} + N | ended by signal N, such as a second Ctrl-C |")
    sections = [_section(path, command) for path, command in _commands("hub", main)]
    return "\n".join([HEAD, "| Code | Meaning |", "|---|---|", *codes, "", *sections]).rstrip() + "\n"


def _commands(path: str, group: click.Group) -> Iterator[tuple[str, click.Command]]:
    """Every verb of this distribution, in the order of the help; other plugins' verbs are in their own docs."""
    context = click.Context(group)
    for name in group.list_commands(context):
        command = group.get_command(context, name)
        assert command is not None
        if not _is_ours(command):
            continue
        yield f"{path} {name}", command
        if isinstance(command, click.Group):
            yield from _commands(f"{path} {name}", command)


def _is_ours(command: click.Command) -> bool:
    return (command.callback.__module__ if command.callback is not None else "").startswith(("hub.", "plugins."))


def _section(path: str, command: click.Command) -> str:
    context = click.Context(command, info_name=path)
    lines = [f"{'#' * (path.count(' ') + 1)} `{path}`", "", inspect.cleandoc(command.help or ""), ""]
    lines += ["```", " ".join([path, *command.collect_usage_pieces(context)]), "```", ""]
    rows = [_row(option) for option in command.params if isinstance(option, click.Option)]
    if rows:
        lines += ["| Option | |", "|---|---|", *rows, ""]
    return "\n".join(lines)


def _row(option: click.Option) -> str:
    """Not click's own words for it: those change between its versions."""
    choices = "\\|".join(option.type.choices) if isinstance(option.type, click.Choice) else None
    value = "" if option.is_flag else f" {choices or option.metavar or option.type.name.upper()}"
    return f"| `{', '.join(option.opts)}{value}` | {option.help} |"


if __name__ == "__main__":
    click.echo(reference(), nl=False)
