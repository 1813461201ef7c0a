"""Every command that the docs name can be typed: scripts are files, verbs and options exist, actions too."""

from __future__ import annotations

import importlib
import os
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import click
import pytest
from demo_facts import demo
from markdown_blocks import ROOT, blocks, code_spans, pages, prose

from bench.catalogue import MEASUREMENTS
from hub import contracts
from hub.cli import main
from hub.core.services import ServiceKey

# What stands in for a value in the docs: `hub plugin new NAME`, `hub check my-site`.
OTHERS = {"pip", "python", "python3", "cd", "export", "sudo", "docker", "journalctl", "systemctl"}


def typed(page: Path) -> Iterator[str]:
    """Every command line of a page's console blocks, and every `hub ...` in its text."""
    for block in [*blocks(page, "console"), *blocks(page, "sh")]:
        joined = block.text.replace("\\\n", " ")
        for line in joined.splitlines():
            if block.language == "sh" or line.startswith("$ "):
                yield line.removeprefix("$ ")
    for span in code_spans(prose(page)):
        if span.startswith("hub ") or re.match(r"(\.venv/bin|\./script)/", span):
            yield span


def words_of(line: str) -> list[str]:
    """A command line as a shell splits it, without its comment, variables set before it, and what follows `&&`."""
    words = shlex.split(line, comments=True)
    while words and re.fullmatch(r"[A-Z_]+=.*", words[0]):
        words.pop(0)
    return words[: words.index("&&")] if "&&" in words else words


def wrong_with(line: str) -> str | None:
    """Why a command line cannot be typed; None when it can, or when it is not one of ours."""
    words = words_of(line)
    if not words or words[0] in OTHERS:
        return None
    program = words[0]
    if program in {"hub", ".venv/bin/hub"}:
        return wrong_call(words[1:])
    if program.startswith(".venv/bin/"):
        return None if len(words) == 1 or not words[1].endswith(".py") else wrong_file(words[1])
    return wrong_file(program)


def wrong_file(name: str) -> str | None:
    path = ROOT / name
    if not path.is_file():
        return f"there is no file {name}"
    return None if path.suffix == ".py" or os.access(path, os.X_OK) else f"{name} cannot be executed"


def wrong_call(words: list[str]) -> str | None:
    """Walk the click tree as far as the words name verbs, then let the last verb read its options and arguments."""
    command: click.Command = main
    path = ["hub"]
    while isinstance(command, click.Group) and words and not words[0].startswith("-"):
        with click.Context(command) as context:
            found = command.get_command(context, words[0])
        if found is None:
            return f"{' '.join(path)} has no verb {words[0]!r}"
        command, path, words = found, [*path, words[0]], words[1:]
    if not words:  # only named
        return None
    if path[1:3] == ["action", "call"] and words[0] != "NAME" and words[0] not in demo().actions:
        return f"there is no action {words[0]!r}"
    try:
        command.make_context(" ".join(path), list(words))
    except click.exceptions.Exit:  # --help, --version
        return None
    except click.UsageError as error:
        return f"{' '.join(path)}: {error.format_message()}"
    return None


LINES = sorted({(page.relative_to(ROOT).as_posix(), line) for page in pages() for line in typed(page)})


@pytest.mark.parametrize(("page", "line"), LINES)
def test_a_command_in_the_docs_can_be_typed(page: str, line: str) -> None:
    assert wrong_with(line) is None, page


WRONG = {
    "a script that is gone": ("./script/rnu", "there is no file ./script/rnu"),
    "a verb that does not exist": ("hub plugin lsit", "hub plugin has no verb 'lsit'"),
    "an option that does not exist": (".venv/bin/hub run --sfae", "hub run: No such option"),
    "an argument too many": ("hub version 3", "hub version: Got unexpected extra argument"),
    "an action that does not exist": ("hub action call topup.cahs account=a", "there is no action 'topup.cahs'"),
}


@pytest.mark.parametrize(("line", "text"), WRONG.values(), ids=WRONG.keys())
def test_a_wrong_command_is_found(line: str, text: str) -> None:
    assert text in str(wrong_with(line))


SITE_KEYS = ("site.name", "site.time_zone")
"""Keys of `hub.yaml`, whose section has an action domain's name."""


def contract_names() -> set[str]:
    """The actions that contracts name, whether anybody offers them yet or not, and the services."""
    names: set[str] = set()
    for file in Path(contracts.__path__[0]).glob("*.py"):
        module = importlib.import_module(f"hub.contracts.{file.stem}")
        for name, value in vars(module).items():
            if name.isupper() and isinstance(value, str | ServiceKey):
                names.add(value if isinstance(value, str) else value.name)
    return names


def test_an_action_in_the_docs_exists() -> None:
    """Looked at: what is in back-quotes and begins with an action's domain, save files and the variable `hub`."""
    permissions = {action.permission for action in demo().actions.values()}
    known = {*demo().actions, *demo().queries, *contract_names(), *permissions, *SITE_KEYS}
    domains = {name.split(".")[0] for name in known if "." in name} - {"hub"}
    known |= {one.name for one in MEASUREMENTS}
    named = {
        (page.relative_to(ROOT).as_posix(), span)
        for page in pages()
        for span in code_spans(prose(page))
        if re.fullmatch(r"[a-z_]+\.(?!(?:db|py|id|json)$)[a-z_]+", span) and span.split(".")[0] in domains
    }
    assert {span for _, span in named} & set(demo().actions), "no page names any action: the search is broken"
    assert sorted(one for one in named if one[1] not in known) == []
