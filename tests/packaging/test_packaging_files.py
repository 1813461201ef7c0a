"""Files that only run elsewhere (systemd, docker, pre-commit) name verbs, files and folders that exist."""

import configparser
import re
import shlex
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path

import click
import pytest
import yaml
from project_trees import PROJECT

import hub
from hub.core.hub import LAST_STEPS_S, STOP_BUDGET_S
from hub.core.plugins.host import STOP_LIMIT_S as PLUGINS_STOP_LIMIT_S

UNIT = PROJECT / "packaging/hub.service"
DOCKERFILE = PROJECT / "packaging/Dockerfile"
ENVIRONMENT = PROJECT / "script/lib/environment.sh"


def read_ini(file: Path) -> configparser.ConfigParser:
    """Read systemd's or an editor's dialect: keys keep their case and may repeat, `%` is nothing special."""
    parser = configparser.ConfigParser(strict=False, interpolation=None, default_section="")
    parser.optionxform = str  # type: ignore[assignment,method-assign] # the documented way to keep the case
    text = file.read_text()
    parser.read_string(text if text.startswith(("[", "#")) else "[top]\n" + text)
    return parser


def assert_hub_understands(arguments: list[str]) -> None:
    """Let the real command line parse these arguments, without running what they name."""
    from hub.cli import main

    command: click.Command = main
    rest = list(arguments)
    while isinstance(command, click.Group):
        verb = rest.pop(0)
        found = command.get_command(click.Context(command), verb)
        assert found is not None, f"hub has no verb {verb!r} for {arguments}"
        command = found
    command.make_context(command.name, rest)


def test_the_unit_starts_a_verb_that_exists_and_waits_for_its_readiness() -> None:
    service = read_ini(UNIT)["Service"]
    program, *arguments = shlex.split(service["ExecStart"])
    assert program.endswith("/bin/hub")
    assert_hub_understands(arguments)
    assert (service["Type"], service["Restart"]) == ("notify", "always")
    assert int(service["WatchdogSec"]) <= 60
    assert service["User"] not in ("root", "0")


def test_nobody_kills_a_stop_that_is_within_its_own_budget() -> None:
    spare_s = 10  # the process itself ends after the hub
    assert int(read_ini(UNIT)["Service"]["TimeoutStopSec"]) >= STOP_BUDGET_S + spare_s
    assert PLUGINS_STOP_LIMIT_S + LAST_STEPS_S < STOP_BUDGET_S
    instructions = (PROJECT / "packaging/README.md").read_text()
    (container_s,) = re.findall(r"--stop-timeout (\d+)", instructions)
    assert int(container_s) >= STOP_BUDGET_S + spare_s
    assert f"it takes {STOP_BUDGET_S:g} s at most" in instructions


def test_the_unit_is_confined_to_its_own_folder() -> None:
    service = read_ini(UNIT)["Service"]
    assert service["WorkingDirectory"] == f"/var/lib/{service['StateDirectory']}"
    assert service["ProtectSystem"] == "strict"
    assert service["CapabilityBoundingSet"] == ""
    assert service["NoNewPrivileges"] == "yes"


def test_systemd_finds_nothing_to_say_about_the_unit(tmp_path: Path) -> None:
    if shutil.which("systemd-analyze") is None:
        pytest.skip("systemd-analyze is not installed")
    unit = tmp_path / UNIT.name
    program = shlex.split(read_ini(UNIT)["Service"]["ExecStart"])[0]
    # The program stands where it is only once the package is installed.
    unit.write_text(UNIT.read_text().replace(program, sys.executable))
    verified = subprocess.run(["systemd-analyze", "verify", str(unit)], capture_output=True, text=True, check=False)
    complaints = [line for line in verified.stderr.splitlines() if UNIT.name in line]
    assert (complaints, verified.returncode) == ([], 0)


def test_the_installation_instructions_make_what_the_unit_uses() -> None:
    service = read_ini(UNIT)["Service"]
    instructions = (PROJECT / "packaging/README.md").read_text()
    program = Path(shlex.split(service["ExecStart"])[0])
    assert f"python3 -m venv {program.parents[1]}" in instructions
    assert f"-m 0700 {service['WorkingDirectory']}" in instructions
    assert f"--groups {service['SupplementaryGroups']} {service['User']}" in instructions


def test_the_hub_commands_in_the_instructions_exist() -> None:
    instructions = (PROJECT / "packaging/README.md").read_text()
    commands = re.findall(r"(?:bin/hub|prepaid-hub|docker exec hub hub) ([a-z][^`\n]*)", instructions)
    assert {"plugin list", "init /var/lib/hub"} == set(commands)
    for command in commands:
        assert_hub_understands(shlex.split(command))


def docker_instructions() -> list[tuple[str, str]]:
    """The instructions of the Dockerfile, comments gone and continued lines joined."""
    text = re.sub(r"^#.*\n", "", DOCKERFILE.read_text(), flags=re.MULTILINE).replace("\\\n", " ")
    return [(word, rest.strip()) for word, _, rest in (line.partition(" ") for line in text.splitlines()) if word]


def exec_form(instruction: str) -> list[str]:
    """The words of CMD, ENTRYPOINT or HEALTHCHECK in their list form."""
    (text,) = (rest for word, rest in docker_instructions() if word == instruction)
    words: list[str] = yaml.safe_load(text[text.index("[") :])
    return words


def test_the_image_starts_and_checks_itself_with_verbs_that_exist() -> None:
    entry, start, check = exec_form("ENTRYPOINT"), exec_form("CMD"), exec_form("HEALTHCHECK")
    assert entry == ["hub"]
    assert_hub_understands(start)
    assert check[0] == "hub"
    assert_hub_understands(check[1:])


def test_the_image_is_built_in_stages_and_never_runs_as_root() -> None:
    instructions = docker_instructions()
    stages = [index for index, (word, _) in enumerate(instructions) if word == "FROM"]
    assert len(stages) == 2
    last_stage = instructions[stages[-1] :]
    (user,) = (rest for word, rest in last_stage if word == "USER")
    assert int(user.split(":")[0]) > 0
    words = [word for word, _ in last_stage]
    assert words.index("USER") < words.index("ENTRYPOINT")


def test_the_image_copies_files_that_exist_and_that_docker_may_see() -> None:
    sources = [
        source
        for word, rest in docker_instructions()
        if word == "COPY" and "--from" not in rest
        for source in rest.split()[:-1]
    ]
    ignore = (PROJECT / "packaging/Dockerfile.dockerignore").read_text().splitlines()
    assert sources
    for source in sources:
        assert (PROJECT / source).exists(), f"{source} does not exist"
        assert f"!{source}" in ignore


def test_commit_hooks_run_parts_of_script_check_that_exist() -> None:
    hooks = yaml.safe_load((PROJECT / ".pre-commit-config.yaml").read_text())["repos"][0]["hooks"]
    parts = re.search(r"^\s*([a-z |]+)\) parts", (PROJECT / "script/check").read_text(), re.MULTILINE)
    assert parts is not None
    assert [hook["entry"] for hook in hooks] == [f"script/check {part}" for part in parts[1].split(" | ")]


def test_the_exit_codes_of_the_scripts_are_documented() -> None:
    codes = re.findall(r"^readonly EXIT_\w+=(\d+)$", ENVIRONMENT.read_text(), re.MULTILINE)
    documented = re.findall(r"^\| (\d+) \|", (PROJECT / "CONTRIBUTING.md").read_text(), re.MULTILINE)
    assert codes
    assert documented == codes


def test_every_script_is_named_in_contributing() -> None:
    text = (PROJECT / "CONTRIBUTING.md").read_text()
    scripts = [f"script/{file.name}" for file in (PROJECT / "script").iterdir() if file.is_file()]
    assert [script for script in [*scripts, ".ci/run"] if f"{script}" not in text] == []


def test_the_changelog_has_the_keep_a_changelog_form() -> None:
    text = (PROJECT / "CHANGELOG.md").read_text()
    titles = re.findall(r"^## (.*)$", text, re.MULTILINE)
    assert titles[0] == "[Unreleased]"
    assert all(re.fullmatch(r"\[\d+\.\d+\.\d+\] - \d{4}-\d\d-\d\d", title) for title in titles[1:])
    groups = set(re.findall(r"^### (.*)$", text, re.MULTILINE))
    assert groups <= {"Added", "Changed", "Deprecated", "Removed", "Fixed", "Security"}
    assert hub.__version__ in text


def test_editors_wrap_python_where_the_formatter_does() -> None:
    configured = tomllib.loads((PROJECT / "pyproject.toml").read_text())["tool"]["ruff"]["line-length"]
    assert read_ini(PROJECT / ".editorconfig")["*"]["max_line_length"] == str(configured)
