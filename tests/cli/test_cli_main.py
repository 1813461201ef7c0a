"""The main group: help, unknown verbs, verbs of plugins, exit codes, and the page made from the help texts."""

import re
import subprocess
import sys
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sites import PROJECT, environment, hub, make_site

import hub as package
from hub.cli import VERBS, exits, main
from hub.cli.reference import reference
from hub.core.config import REDACTOR, ConfigError, ConfigErrors
from hub.core.control import NoHub, RemoteError
from hub.core.errors import HubError, NotAllowed
from hub.core.hub import StartFailed
from hub.core.lock import FolderInUse, FolderUnusable
from hub.core.storage import DatabaseNewer, StorageBusy, StorageCorrupt, StorageFull


def run(*arguments: str | Path, **options: object) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments], **options)  # type: ignore[arg-type]


def test_the_help_lists_every_verb_and_every_exit_code() -> None:
    shown = run("--help")
    assert shown.exit_code == 0
    for name, verb in VERBS.items():
        assert f"  {name} " in shown.output
        assert verb.summary in shown.output
    for code, meaning in exits.MEANINGS.items():
        assert f"{code:>3}  {meaning}" in shown.output


@pytest.mark.parametrize("name", VERBS)
def test_each_verb_can_be_imported_and_explains_itself(name: str) -> None:
    command = main.get_command(click.Context(main), name)
    assert isinstance(command, click.Command)
    shown = run(name, "--help")
    assert shown.exit_code == 0
    assert shown.output.startswith(f"Usage: hub {name}")
    assert command.help


def test_the_page_of_the_command_line_is_what_the_help_texts_say() -> None:
    assert (PROJECT / "docs/cli.md").read_text() == reference(), "run: python -m hub.cli.reference > docs/cli.md"


def test_asking_for_the_version_loads_neither_the_core_nor_a_plugin() -> None:
    """`--help` has to list the verbs of plugins, so it loads those that have some; nothing else does."""
    code = (
        "import sys\n"
        "from hub.cli import main\n"
        "try:\n    main(['version'], prog_name='hub')\n"
        "except SystemExit:\n    pass\n"
        "print([name for name in sys.modules if name.startswith(('hub.core', 'plugins', 'asyncio', 'rich'))])\n"
    )
    done = subprocess.run(
        [sys.executable, "-P", "-c", code],
        capture_output=True, text=True, check=True, env=environment(), cwd="/",
    )  # fmt: skip
    assert done.stdout.splitlines()[-1] == "[]"


def test_the_version_is_the_packages_own() -> None:
    assert package.__version__ in run("version").output
    assert f'"hub": "{package.__version__}"' in run("version", "--json").output


def test_an_unknown_verb_is_answered_with_a_close_one() -> None:
    shown = run("entitty", "list")
    assert shown.exit_code == exits.USAGE
    assert "there is no command 'entitty'. Did you mean 'entity'?" in shown.output


def test_a_plugin_adds_its_verb_and_its_line_of_help(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_site(tmp_path / "site")
    done = hub("bell", cwd=tmp_path / "site")
    assert (done.returncode, done.stdout) == (0, "ding\n")
    of_plugins = hub("--help", cwd=tmp_path / "site").stdout.split("Commands of plugins:")[1]
    assert re.search(r"^  bell +Ring by hand\.$", of_plugins, re.MULTILINE)


BROKEN_VERBS = """
from hub.hookspecs import hookimpl

@hookimpl
def hub_commands(cli):
    @cli.command("fine")
    def fine():
        "Never reached."
    {fault}
"""


@pytest.mark.parametrize(
    ("case", "fault", "said"),
    [
        ("it raises", "raise RuntimeError('no verbs today')", "no verbs today"),
        ("it takes one of ours", "cli.command('run')(lambda: None)", "there is a verb 'run' already"),
    ],
)
def test_a_broken_verb_of_a_plugin_is_named_and_breaks_nothing(
    tmp_path: Path, case: str, fault: str, said: str
) -> None:
    site = make_site(tmp_path / "site", plugins={"odd": BROKEN_VERBS.format(fault=fault)})
    assert hub("bell", cwd=site).stdout == "ding\n"
    listed = hub("plugin", "list", cwd=site)
    assert listed.returncode == 0
    assert said in listed.stdout
    doctor = hub("doctor", cwd=site)
    assert said in doctor.stdout
    assert "Traceback" not in doctor.stderr


@pytest.mark.parametrize(
    ("error", "code"),
    [
        (ConfigErrors([ConfigError("wrong")]), 13),
        (FolderInUse("x"), 10),
        (StorageBusy("x"), 10),
        (FolderUnusable("x"), 11),
        (StorageFull("x"), 11),
        (StorageCorrupt("x"), 12),
        (DatabaseNewer("x"), 12),
        (NoHub("x"), 14),
        (RemoteError("NotFound", "x"), 15),
        (StartFailed("x"), 1),
        (NotAllowed("x"), 1),
        (HubError("x"), 1),
    ],
)
def test_each_named_error_has_its_exit_code_and_one_message(
    error: Exception, code: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert exits.code_of(error) == code
    assert code in exits.MEANINGS
    shown = failing_with(error, monkeypatch)
    assert shown.exit_code == code
    assert "Traceback" not in shown.stderr
    assert str(error) in shown.stderr


def failing_with(error: BaseException, monkeypatch: pytest.MonkeyPatch) -> Result:
    @click.command()
    def fail() -> None:
        raise error

    monkeypatch.setattr("hub.cli.version.command", fail)
    return run("version")


def test_an_error_nobody_expected_shows_its_traceback_without_secrets(monkeypatch: pytest.MonkeyPatch) -> None:
    REDACTOR.add("sesame-4711")
    shown = failing_with(KeyError("sesame-4711"), monkeypatch)
    assert shown.exit_code == exits.UNEXPECTED
    assert "Traceback" in shown.stderr
    assert "KeyError: '***'" in shown.stderr
    assert "sesame" not in shown.stderr


def test_an_interrupt_ends_with_the_signals_code(monkeypatch: pytest.MonkeyPatch) -> None:
    shown = failing_with(KeyboardInterrupt(), monkeypatch)
    assert shown.exit_code == exits.BY_SIGNAL + 2
    assert "Traceback" not in shown.stderr
