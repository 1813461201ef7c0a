"""What a newcomer's `script/run` does: finding Python, installing, repairing, and saying why it cannot."""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import pytest
from project_trees import Tree, offline_environment, project_tree, toy_tree

# All that the scripts may need besides Python: what every system with bash has.
CORE_TOOLS = ("bash", "env", "grep", "id", "mkdir", "rm")

# Making a virtual environment takes seconds: the quick suite repairs one for one reason, the others for all.
beyond_quick = pytest.mark.skipif(
    os.environ.get("HUB_SUITE", "quick") == "quick",
    reason="makes another venv: HUB_SUITE=ci or full",
)


@pytest.fixture
def offline() -> dict[str, str]:
    """An environment without a package index."""
    return offline_environment()


@pytest.fixture
def toy(tmp_path: Path) -> Tree:
    """A toy project, not installed, in a folder with a blank in its name."""
    return toy_tree(tmp_path / "a toy")


@pytest.fixture(scope="module")
def bare_venv(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with pip alone, to be copied: making one takes seconds."""
    venv = tmp_path_factory.mktemp("bare") / ".venv"
    subprocess.run([sys.executable, "-m", "venv", str(venv)], check=True)
    return venv


@pytest.fixture
def toy_with_venv(toy: Tree, bare_venv: Path) -> Tree:
    """The toy with a .venv in which nothing is installed, as somebody may have made by hand."""
    shutil.copytree(bare_venv, toy.root / ".venv", symlinks=True)
    return toy


@pytest.fixture
def only_core_tools(tmp_path: Path, offline: dict[str, str]) -> tuple[Path, dict[str, str]]:
    """A PATH with the core tools and no Python, and the environment that uses it."""
    folder = tmp_path / "bin"
    folder.mkdir()
    for tool in CORE_TOOLS:
        (folder / tool).symlink_to(str(shutil.which(tool)))
    environment = offline | {"PATH": str(folder)}
    del environment["HUB_PYTHON"]
    return folder, environment


@pytest.fixture
def start(toy_with_venv: Tree, offline: dict[str, str]) -> Iterator[Callable[[], subprocess.Popen[str]]]:
    """Starts `script/run` of the toy in the background; what still runs at the end of the test is killed."""
    started: list[subprocess.Popen[str]] = []

    def start() -> subprocess.Popen[str]:
        started.append(toy_with_venv.start("script/run", environment=offline))
        return started[-1]

    yield start
    for process in started:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        process.communicate()


def make_old_python(file: Path, version: str) -> None:
    """Write a `python3` that runs what it is given, and says that it is of this version."""
    numbers = ", ".join(version.split("."))
    prelude = f'import sys; sys.version_info = ({numbers}, "final", 0); exec(sys.argv.pop())'
    write_program(file, f"exec '{sys.executable}' -c '{prelude}' \"$2\"")


def make_python_without_ensurepip(file: Path) -> None:
    """Write a `python3` as Debian has it without the package python3-venv."""
    library = file.parent.parent / "no ensurepip"
    library.mkdir()
    (library / "ensurepip.py").write_text('raise ModuleNotFoundError("No module named ensurepip")\n')
    write_program(file, f"PYTHONPATH='{library}' exec '{sys.executable}' \"$@\"")


def write_program(file: Path, body: str) -> None:
    file.write_text(f"#!/usr/bin/env bash\n{body}\n")
    file.chmod(0o755)


def builds(tree: Tree) -> int:
    """How often pip built this toy."""
    file = tree.root / "builds"
    return len(file.read_text().splitlines()) if file.exists() else 0


def wait_for(process: subprocess.Popen[str], text: str) -> str:
    """Read a script's messages until one has this text; fails when the script ends before."""
    assert process.stderr is not None
    heard = ""
    for line in process.stderr:
        heard += line
        if text in line:
            return heard
    pytest.fail(f"the script ended without saying {text!r}; it said: {heard}")


def test_the_first_start_needs_bash_python_and_core_tools_only(
    toy: Tree, only_core_tools: tuple[Path, dict[str, str]], tmp_path: Path
) -> None:
    tools, environment = only_core_tools
    (tools / "python3").symlink_to(sys.executable)
    started = toy.run("script/run", "--once", "two words", environment=environment, cwd=tmp_path)
    assert (started.returncode, started.stdout) == (0, f"demo --once two words in {tmp_path}\n"), started.stderr
    assert "Making" in started.stderr
    assert "Installing Hub" in started.stderr


def test_the_second_start_installs_nothing(toy_with_venv: Tree, offline: dict[str, str]) -> None:
    assert toy_with_venv.run("script/run", environment=offline).returncode == 0
    second = toy_with_venv.run("script/run", environment=offline)
    assert (second.returncode, second.stderr) == (0, "")
    assert builds(toy_with_venv) == 1


def test_a_changed_pyproject_is_installed_again_into_the_same_venv(
    toy_with_venv: Tree, offline: dict[str, str]
) -> None:
    toy_with_venv.run("script/run", environment=offline)
    with (toy_with_venv.root / "pyproject.toml").open("a") as file:
        file.write("# changed\n")
    again = toy_with_venv.run("script/run", environment=offline)
    assert again.returncode == 0
    assert "Making" not in again.stderr
    assert builds(toy_with_venv) == 2


def test_an_interrupted_installation_is_repaired_at_the_next_start(
    toy_with_venv: Tree, offline: dict[str, str], start: Callable[[], subprocess.Popen[str]]
) -> None:
    hold = toy_with_venv.write("hold", "")
    cut_off = start()
    wait_for(cut_off, "Installing Hub")
    os.killpg(cut_off.pid, signal.SIGKILL)
    cut_off.communicate()
    hold.unlink()
    repaired = toy_with_venv.run("script/run", environment=offline)
    assert repaired.returncode == 0, repaired.stderr
    assert "the last install was interrupted" in repaired.stderr
    assert repaired.stdout.startswith("demo")


def test_two_starts_at_the_same_time_install_once(
    toy_with_venv: Tree, start: Callable[[], subprocess.Popen[str]]
) -> None:
    hold = toy_with_venv.write("hold", "")
    first = start()
    wait_for(first, "Installing Hub")
    second = start()
    wait_for(second, "Another script is installing")
    hold.unlink()
    outputs = [first.communicate(), second.communicate()]
    assert [first.returncode, second.returncode] == [0, 0], outputs
    assert all(stdout.startswith("demo") for stdout, _ in outputs)
    assert builds(toy_with_venv) == 1


@pytest.mark.long
@beyond_quick
def test_a_venv_that_was_moved_with_the_project_is_made_anew(
    toy_with_venv: Tree, offline: dict[str, str], tmp_path: Path
) -> None:
    toy_with_venv.run("script/run", environment=offline)
    moved = Tree(toy_with_venv.root.rename(tmp_path / "elsewhere"))
    started = moved.run("script/run", environment=offline)
    assert started.returncode == 0, started.stderr
    assert "the project was moved" in started.stderr
    assert str(toy_with_venv.root) not in (moved.root / ".venv/bin/hub").read_text()


@pytest.mark.long
@beyond_quick
def test_a_venv_whose_python_is_gone_is_made_anew(toy_with_venv: Tree, offline: dict[str, str]) -> None:
    python = toy_with_venv.root / ".venv/bin/python"
    python.unlink()
    python.symlink_to("/nonexistent/python3")
    started = toy_with_venv.run("script/run", environment=offline)
    assert started.returncode == 0, started.stderr
    assert "there is none that works" in started.stderr


@pytest.mark.parametrize(
    ("named", "case", "message"),
    [
        pytest.param("python3", "old", "Hub needs Python 3.11 or newer; python3 is Python 3.9.18.", id="too old"),
        pytest.param(None, "none", "none of python3.13, python3.12, python3.11, python3", id="none at all"),
        pytest.param("python3.12", "no-venv", "apt install python3.", id="without ensurepip"),
        pytest.param("HUB_PYTHON", "old", "HUB_PYTHON=", id="the named one is too old"),
        pytest.param("HUB_PYTHON", "absent", "does not run", id="the named one is absent"),
    ],
)
def test_without_a_usable_python_the_exit_code_is_3(
    toy: Tree,
    only_core_tools: tuple[Path, dict[str, str]],
    named: str | None,
    case: str,
    message: str,
) -> None:
    tools, environment = only_core_tools
    file = tools / (named or "python3")
    if named == "HUB_PYTHON":
        environment["HUB_PYTHON"] = str(file)
    if case == "old":
        make_old_python(file, "3.9.18")
    elif case == "no-venv":
        make_python_without_ensurepip(file)
    refused = toy.run("script/run", environment=environment)
    assert (refused.returncode, refused.stdout) == (3, "")
    assert message in refused.stderr
    assert "HUB_PYTHON=/path/to/python3" in refused.stderr
    assert not (toy.root / ".venv").exists()


def test_an_old_python3_is_passed_over_for_a_newer_one(
    toy: Tree, only_core_tools: tuple[Path, dict[str, str]]
) -> None:
    tools, environment = only_core_tools
    make_old_python(tools / "python3.13", "3.9.18")
    make_python_without_ensurepip(tools / "python3.12")
    (tools / "python3").symlink_to(sys.executable)
    ask = 'source script/lib/environment.sh && find_python && echo "$python"'
    found = subprocess.run(
        ["bash", "-c", ask], cwd=toy.root, env=environment, capture_output=True, text=True, check=False
    )
    assert (found.returncode, found.stderr) == (0, "")
    # The interpreter itself, so that .venv does not hang on the one that the tests run in.
    assert Path(found.stdout.strip()).resolve() == Path(sys.executable).resolve()
    assert Path(found.stdout.strip()) != Path(sys.executable) or sys.prefix == sys.base_prefix


def test_without_a_network_the_exit_code_is_4_and_the_way_out_is_named(
    tmp_path: Path, bare_venv: Path, offline: dict[str, str]
) -> None:
    tree = project_tree(tmp_path / "project")
    shutil.copytree(bare_venv, tree.root / ".venv", symlinks=True)
    refused = tree.run("script/run", "--once", environment=offline)
    assert (refused.returncode, refused.stdout) == (4, ""), refused.stderr
    assert "No network: pip could not reach its package index" in refused.stderr
    assert "PIP_NO_INDEX=1 PIP_FIND_LINKS=/path/to/wheels" in refused.stderr
    assert not list((tree.root / ".venv").glob("hub-installed-*"))


def test_a_folder_of_wheels_that_lacks_one_is_named_and_the_exit_code_is_4(
    tmp_path: Path, bare_venv: Path, offline: dict[str, str]
) -> None:
    tree = project_tree(tmp_path / "project")
    shutil.copytree(bare_venv, tree.root / ".venv", symlinks=True)
    wheels = tmp_path / "wheels"
    wheels.mkdir()
    folder_only = offline | {"PIP_NO_INDEX": "1", "PIP_FIND_LINKS": str(wheels)}
    refused = tree.run("script/run", environment=folder_only)
    assert refused.returncode == 4, refused.stderr
    assert f"A package is missing from the folder of PIP_FIND_LINKS={wheels}" in refused.stderr
    assert "No matching distribution found for hatchling" in refused.stderr


def test_another_failure_of_pip_is_not_taken_for_a_missing_network(
    toy_with_venv: Tree, offline: dict[str, str]
) -> None:
    broken = toy_with_venv.write("broken", "")
    refused = toy_with_venv.run("script/run", environment=offline)
    assert refused.returncode == 6, refused.stderr
    assert "the toy backend is broken" in refused.stderr
    broken.unlink()
    repaired = toy_with_venv.run("script/run", environment=offline)
    assert repaired.returncode == 0
    # pip gave up in good order, so what was there is kept.
    assert "Making" not in repaired.stderr


@pytest.fixture
def unwritable_toy() -> Iterator[Tree]:
    """A toy that the one who starts it may read and not write; pytest's own folders are closed to other users."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        tree = toy_tree(Path(folder) / "toy")
        tree.root.chmod(0o555)
        yield tree
        tree.root.chmod(0o755)


def test_when_the_venv_cannot_be_written_the_exit_code_is_5(unwritable_toy: Tree, offline: dict[str, str]) -> None:
    command = [str(unwritable_toy.root / "script/run")]
    system_python = shutil.which("python3", path="/usr/local/bin:/usr/bin")
    if os.geteuid() == 0:
        # Nothing is unwritable for root, and root's own Python may be out of another user's sight.
        if system_python is None or not shutil.which("setpriv"):
            pytest.skip("needs setpriv and a Python of the system, to be somebody else than root")
        command = ["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups", *command]
        offline["HUB_PYTHON"] = system_python
    refused = subprocess.run(command, env=offline, cwd="/", capture_output=True, text=True, check=False)
    assert (refused.returncode, refused.stdout) == (5, ""), refused.stderr
    assert f"Cannot write to {unwritable_toy.root}/.venv" in refused.stderr
    assert f"Make {unwritable_toy.root} a folder that" in refused.stderr


def test_a_file_in_the_place_of_the_venv_is_reported_the_same_way(toy: Tree, offline: dict[str, str]) -> None:
    toy.write(".venv", "not a folder\n")
    assert toy.run("script/run", environment=offline).returncode == 5
    assert (toy.root / ".venv").read_text() == "not a folder\n"
