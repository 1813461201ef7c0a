"""The scripts of every day (test, check, bench) and .ci/run, really run on a toy project."""

import os
import re
import shutil
import subprocess
from pathlib import Path

import pytest
from project_trees import PROJECT, Tree, give_tools, offline_environment, toy_tree

SCRIPTS = sorted(
    path
    for path in [*(PROJECT / "script").rglob("*"), PROJECT / ".ci/run"]
    if path.is_file() and path.suffix in ("", ".sh")
)

# All that .ci/run calls by name, so that a PATH can be made in which the optional tools are missing.
CI_TOOLS = ("bash", "cat", "env", "grep", "id", "mktemp", "rm", "sed", "tail", "tee", "timeout")


@pytest.fixture
def toy(tmp_path: Path) -> Tree:
    """A toy project with the developers' tools at hand."""
    tree = toy_tree(tmp_path / "a toy")
    give_tools(tree)
    return tree


@pytest.fixture
def environment(tmp_path: Path) -> dict[str, str]:
    """Nothing can be installed, neither by pip nor by apt-get; the inner pytest leaves our own plugin out."""
    environment = offline_environment()
    del environment["HUB_PYTHON"]
    apt_get = tmp_path / "bin" / "apt-get"
    apt_get.parent.mkdir()
    apt_get.write_text("#!/bin/sh\necho 'E: no such package'\nexit 100\n")
    apt_get.chmod(0o755)
    return environment | {
        "PATH": f"{apt_get.parent}:{environment['PATH']}",
        "PYTEST_ADDOPTS": "-p no:prepaid_hub -p no:cacheprovider",
        "PYTEST_XDIST_AUTO_NUM_WORKERS": "1",
    }


def last_lines(text: str, count: int) -> list[str]:
    return text.rstrip("\n").split("\n")[-count:]


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_scripts_are_sound_shell_and_can_be_started(script: Path) -> None:
    subprocess.run(["bash", "-n", str(script)], check=True)
    if script.suffix == "":
        assert script.stat().st_mode & 0o111, "not executable"
        assert script.read_text().startswith("#!/usr/bin/env bash\n")


@pytest.mark.parametrize("script", SCRIPTS, ids=lambda path: str(path.relative_to(PROJECT)))
def test_scripts_pass_shellcheck(script: Path) -> None:
    if shutil.which("shellcheck") is None:
        pytest.skip("shellcheck is not installed (apt install shellcheck)")
    checked = subprocess.run(
        ["shellcheck", "--external-sources", str(script)], cwd=PROJECT, capture_output=True, text=True, check=False
    )
    assert checked.stdout == ""
    assert checked.returncode == 0


def test_script_test_names_the_quick_suite_and_passes_pytest_its_arguments(
    toy: Tree, environment: dict[str, str], tmp_path: Path
) -> None:
    ran = toy.run("script/test", "-rP", "-k", "suite_is_named", environment=environment, cwd=tmp_path)
    assert ran.returncode == 0, ran.stdout + ran.stderr
    assert "suite quick" in ran.stdout
    assert re.search(r"1 passed in", ran.stdout)
    assert toy.run("script/test", "-k", "nothing_has_this_name", environment=environment).returncode == 5


def test_script_check_runs_every_part_and_names_those_that_failed(toy: Tree, environment: dict[str, str]) -> None:
    assert toy.run("script/check", environment=environment).returncode == 0
    toy.write("toy/wrong.py", "import os\nx: int = 'text'\n")
    failed = toy.run("script/check", environment=environment)
    assert (failed.returncode, last_lines(failed.stdout, 1)) == (1, ["script/check: failed: lint format types"])
    only_types = toy.run("script/check", "types", environment=environment)
    assert last_lines(only_types.stdout, 1) == ["script/check: failed: types"]


def test_script_check_fix_mends_what_can_be_mended(toy: Tree, environment: dict[str, str]) -> None:
    file = toy.write("toy/mendable.py", "import os\nx: int = int( '1' )\n")
    assert toy.run("script/check", "--fix", environment=environment).returncode == 0
    assert file.read_text() == 'x: int = int("1")\n'


def test_script_check_refuses_what_it_does_not_know(toy: Tree, environment: dict[str, str]) -> None:
    refused = toy.run("script/check", "--fxi", environment=environment)
    assert refused.returncode == 2
    assert "unknown argument '--fxi'; it takes --fix, lint, format, types" in refused.stderr


def test_script_bench_passes_its_arguments_and_runs_the_long_suites_whole_when_full(
    toy: Tree, environment: dict[str, str]
) -> None:
    quick = toy.run("script/bench", "--quick", environment=environment)
    assert (quick.returncode, quick.stdout) == (0, "bench --quick None\n"), quick.stderr
    toy.write("tests/test_long.py", LONG_TEST)
    full = toy.run("script/bench", "--full", "--ha-python", "x", environment=environment)
    assert full.returncode == 1
    assert "assert 'full' == 'ci'" in full.stdout
    assert last_lines(full.stdout, 1) == ["bench --full --ha-python x full"]


LONG_TEST = """
    import os

    import pytest


    @pytest.mark.long
    def test_it_takes_its_size_from_the_suite() -> None:
        assert os.environ["HUB_SUITE"] == "ci"
"""


def test_ci_runs_every_stage_and_sums_up_all_pytest_runs(toy: Tree, environment: dict[str, str]) -> None:
    toy.write("tests/test_long.py", LONG_TEST)
    ran = toy.run(".ci/run", environment=environment)
    assert ran.returncode == 0, ran.stdout
    test_line, long_line, total = last_lines(ran.stdout, 3)
    assert re.fullmatch(r"test: 1 passed.* in .*s", test_line)
    assert re.fullmatch(r"long: 1 passed.* in .*s", long_line)
    assert total == "2 passed, 0 failed, 0 skipped"
    assert "bench --quick" in ran.stdout
    assert "all stages passed" in ran.stdout


def test_ci_reports_every_failed_stage_and_lists_what_was_skipped(toy: Tree, environment: dict[str, str]) -> None:
    toy.write("toy/wrong.py", "x: int = 'text'\n")
    toy.write("bench/__main__.py", "raise SystemExit(3)\n")
    toy.write(
        "tests/test_mixed.py",
        """
        import pytest


        @pytest.fixture
        def broken() -> None:
            raise RuntimeError


        def test_fails() -> None:
            raise AssertionError


        def test_cannot_start(broken: None) -> None:
            pass


        def test_skips() -> None:
            pytest.skip("there is no meter here")
        """,
    )
    ran = toy.run(".ci/run", environment=environment)
    assert ran.returncode == 1
    assert "FAILED: check test bench," in ran.stdout
    assert "there is no meter here" in ran.stdout.split("== skipped")[1]
    assert "note: long: no suite is marked long" in ran.stdout
    assert last_lines(ran.stdout, 1) == ["1 passed, 2 failed, 1 skipped"]


def test_ci_fails_when_no_test_was_found_at_all(toy: Tree, environment: dict[str, str]) -> None:
    (toy.root / "tests/test_toy.py").unlink()
    ran = toy.run(".ci/run", environment=environment)
    assert ran.returncode == 1
    assert "FAILED: test," in ran.stdout
    assert last_lines(ran.stdout, 1) == ["0 passed, 0 failed, 0 skipped"]


def test_ci_says_which_tools_it_could_not_install_and_goes_on(
    toy: Tree, environment: dict[str, str], tmp_path: Path
) -> None:
    tools = tmp_path / "bin"
    for tool in CI_TOOLS:
        (tools / tool).symlink_to(str(shutil.which(tool)))
    ran = toy.run(".ci/run", environment=environment | {"PATH": str(tools)})
    assert ran.returncode == 0, ran.stdout
    notes = " ".join(line for line in ran.stdout.splitlines() if line.startswith("note: not installed"))
    assert "hledger" in notes
    assert "shellcheck" in notes
    assert "no such package" in notes if os.geteuid() == 0 else "needs root" in notes


@pytest.mark.parametrize(
    ("arguments", "code", "message"),
    [
        pytest.param([], 2, "usage: script/ha-venv DIR", id="no folder"),
        pytest.param(["folder"], 3, "needs Python 3.13", id="no Python 3.13"),
    ],
)
def test_the_home_assistant_environment_says_what_it_needs(
    toy: Tree, environment: dict[str, str], arguments: list[str], code: int, message: str, tmp_path: Path
) -> None:
    nowhere = environment | {"HA_PYTHON": "/nonexistent/python3.13", "HOME": str(tmp_path)}
    refused = toy.run("script/ha-venv", *arguments, environment=nowhere)
    assert (refused.returncode, refused.stdout) == (code, "")
    assert message in refused.stderr
