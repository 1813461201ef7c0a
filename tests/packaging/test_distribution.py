"""The distribution: what is in wheel and sdist, and that a wheel and an editable install start the hub."""

import email
import os
import re
import subprocess
import sys
import tarfile
import zipfile
from collections.abc import Mapping
from email.message import Message
from pathlib import Path

import pytest
from project_trees import BUILT_FROM, PROJECT, copy_tree, link_dependencies, online_environment

import hub

# What one round of the skeleton shows, in this order, a line each.
SEEN_IN_ONE_ROUND = ("poll", "posting", "rule", "command")


@pytest.fixture(scope="module")
def source(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A copy of what the distribution is built from, so that no build leaves anything in the project."""
    root = tmp_path_factory.mktemp("source") / "prepaid-hub"
    copy_tree(root, BUILT_FROM)
    return root


@pytest.fixture(scope="module")
def built(source: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with the sdist, and with the wheel that was built from the sdist."""
    folder = tmp_path_factory.mktemp("dist")
    run(sys.executable, "-m", "build", "--no-isolation", "--outdir", str(folder), str(source))
    return folder


@pytest.fixture(scope="module")
def wheel(built: Path) -> Path:
    """The only wheel: one that runs everywhere."""
    (file,) = built.glob("*.whl")
    return file


@pytest.fixture(scope="module")
def wheel_venv(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A virtual environment with the wheel in it; its dependencies are those the tests run with."""
    venv = make_venv(tmp_path_factory.mktemp("wheel") / "venv")
    pip_install(venv, "--no-deps", str(wheel))
    return venv


def run(*command: str, cwd: Path | None = None, environment: Mapping[str, str] | None = None, code: int = 0) -> str:
    """Run a program and give what it printed; its whole output stands in the failure."""
    ran = subprocess.run(
        command,
        cwd=cwd or "/",
        env=dict(environment or online_environment()),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == code, f"{command} ended with {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout


def make_venv(folder: Path) -> Path:
    """Make a virtual environment that sees the dependencies, and the build backend, of the tests."""
    run(sys.executable, "-m", "venv", "--without-pip", str(folder))
    link_dependencies(folder)
    return folder


def pip_install(venv: Path, *arguments: str) -> None:
    """Install into a virtual environment without pip, from files only."""
    into = ("--python", str(venv / "bin/python"))
    run(sys.executable, "-m", "pip", *into, "install", "-qq", "--no-index", *arguments)


def package_files() -> set[str]:
    """Every file of the two packages, as the wheel has to hold them."""
    return {
        str(file.relative_to(PROJECT))
        for package in ("hub", "plugins")
        for file in (PROJECT / package).rglob("*")
        if file.is_file() and "__pycache__" not in file.parts
    }


def wheel_metadata(wheel: Path) -> Message:
    with zipfile.ZipFile(wheel) as archive:
        (name,) = (name for name in archive.namelist() if name.endswith(".dist-info/METADATA"))
        return email.message_from_string(archive.read(name).decode())


def test_the_wheel_holds_both_packages_whole_and_nothing_else(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = {name for name in archive.namelist() if ".dist-info/" not in name}
    assert names == package_files()
    assert {"hub/py.typed", "plugins/py.typed"} <= names


def test_the_metadata_says_name_version_licence_and_python(wheel: Path) -> None:
    metadata = wheel_metadata(wheel)
    said = [metadata[key] for key in ("Name", "Version", "License-Expression", "Requires-Python")]
    assert said == ["prepaid-hub", hub.__version__, "Apache-2.0", ">=3.11"]
    with zipfile.ZipFile(wheel) as archive:
        (licence,) = (name for name in archive.namelist() if name.endswith("/licenses/LICENSE"))
        assert archive.read(licence) == (PROJECT / "LICENSE").read_bytes()


def test_the_sdist_holds_what_a_wheel_is_built_from_and_no_leftovers(built: Path) -> None:
    (file,) = built.glob("*.tar.gz")
    with tarfile.open(file) as archive:
        names = {name.split("/", 1)[1] for name in archive.getnames()}
    assert package_files() <= names
    assert {"LICENSE", "README.md", "pyproject.toml", "CHANGELOG.md"} <= names
    strays = re.compile(r"(^|/)(\.venv|__pycache__|\.git/|dist/|site/|data/)")
    assert [name for name in names - package_files() if strays.search(name)] == []


def test_every_entry_point_of_the_wheel_can_be_loaded(wheel_venv: Path) -> None:
    program = """
        from importlib.metadata import distribution
        import pathlib, sys
        found = distribution("prepaid-hub").entry_points
        for entry in found:
            entry.load()
        print(*sorted({entry.group for entry in found}))
    """
    groups = run(str(wheel_venv / "bin/python"), "-c", "if True:" + program)
    assert groups.split() == ["console_scripts", "hub.device_profiles", "hub.plugins", "pytest11"]


def assert_one_round(venv: Path, cwd: Path) -> None:
    """`hub demo --once` shows one line for each thing that was seen, and ends well."""
    lines = run(str(venv / "bin/hub"), "demo", "--once", cwd=cwd).splitlines()
    assert len(lines) == len(SEEN_IN_ONE_ROUND), lines
    for line, seen in zip(lines, SEEN_IN_ONE_ROUND, strict=True):
        assert seen in line.lower()


def test_a_wheel_in_a_temporary_venv_starts_one_round(wheel_venv: Path, tmp_path: Path) -> None:
    assert_one_round(wheel_venv, tmp_path)


def test_a_stray_plugins_folder_where_one_stands_does_not_hide_ours(wheel_venv: Path, tmp_path: Path) -> None:
    for package in ("plugins", "hub"):
        (tmp_path / package).mkdir()
        (tmp_path / package / "__init__.py").write_text("raise SystemExit('the stray package was imported')\n")
    assert_one_round(wheel_venv, tmp_path)


def test_an_editable_install_runs_from_the_source_folder(source: Path, tmp_path: Path) -> None:
    venv = make_venv(tmp_path / "venv")
    pip_install(venv, "--no-deps", "--no-build-isolation", "--editable", str(source))
    where = run(
        str(venv / "bin/python"), "-c", "import hub, plugins; print(hub.__file__, plugins.__file__)", cwd=tmp_path
    )
    assert where.split() == [str(source / "hub/__init__.py"), str(source / "plugins/__init__.py")]
    assert_one_round(venv, tmp_path)


@pytest.mark.long
@pytest.mark.timeout(300)
@pytest.mark.skipif(
    os.environ.get("HUB_SUITE", "quick") == "quick", reason="installs from the package index: HUB_SUITE=ci or full"
)
def test_script_run_goes_from_nothing_to_one_round_and_then_needs_no_network(tmp_path: Path) -> None:
    project = tmp_path / "a fresh clone"
    copy_tree(project, [*BUILT_FROM, "script"])
    script = str(project / "script/run")
    environment = online_environment()
    first = subprocess.run(
        [script, "--once"], cwd=tmp_path, env=environment, capture_output=True, text=True, check=False
    )
    if first.returncode == 4:
        pytest.skip(f"no package index can be reached here: {first.stderr.strip().splitlines()[-1]}")
    assert first.returncode == 0, first.stderr
    nowhere = environment | {"PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_CONFIG_FILE": os.devnull}
    second = run(script, "--once", cwd=tmp_path, environment=nowhere)
    assert [line.split()[1] for line in second.splitlines()] == [
        line.split()[1] for line in first.stdout.splitlines()
    ]
