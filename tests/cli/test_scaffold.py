"""`hub plugin new`: what it writes can be installed, passes its own tests, and runs."""

import re
import subprocess
import sys
import sysconfig
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sites import environment, make_site

from hub.cli import exits, main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_it_writes_a_package_and_says_what_comes_next(tmp_path: Path) -> None:
    shown = run("plugin", "new", "door_bell", "--dir", tmp_path)
    assert shown.exit_code == 0, shown.stderr
    package = tmp_path / "hub-door-bell"
    files = sorted(str(path.relative_to(package)) for path in package.rglob("*") if path.is_file())
    assert files == ["README.md", "pyproject.toml", "src/hub_door_bell/__init__.py", "tests/test_door_bell.py"]
    assert "pip install --editable ." in shown.output
    text = (package / "src/hub_door_bell/__init__.py").read_text()
    assert max(map(len, text.splitlines())) <= 100
    assert not re.search(r"\{\w*\}", text.replace('{"count": self._count}', ""))


@pytest.mark.parametrize(
    ("name", "said"),
    [
        ("Door", "lower case words"),
        ("door-bell", "lower case words"),
        ("../door", "lower case words"),
        ("core", "not 'core'"),
        ("class", "word of Python"),
        ("taken", "exists already"),
    ],
)
def test_a_name_that_cannot_be_writes_nothing(tmp_path: Path, name: str, said: str) -> None:
    (tmp_path / "hub-taken").mkdir()
    refused = run("plugin", "new", name, "--dir", tmp_path)
    assert refused.exit_code == exits.ERRORS
    assert said in refused.stderr
    assert [path.name for path in tmp_path.rglob("*")] == ["hub-taken"]


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_new_plugin_installs_passes_its_tests_and_is_listed(tmp_path: Path) -> None:
    run("plugin", "new", "door_bell", "--dir", tmp_path)
    package = tmp_path / "hub-door-bell"
    venv = tmp_path / "venv"
    step(sys.executable, "-m", "venv", "--without-pip", str(venv))
    (site_packages,) = venv.glob("lib/python3*/site-packages")
    # `addsitedir` and not the bare path: Hub itself may be installed there by a .pth file.
    ours = sysconfig.get_path("purelib")
    (site_packages / "dependencies.pth").write_text(f"import site; site.addsitedir({ours!r})\n")
    python = str(venv / "bin/python")
    step(
        sys.executable, "-m", "pip", "--python", python, "install", "-qq", "--no-index", "--no-deps",
        "--no-build-isolation", "--editable", str(package),
    )  # fmt: skip
    tested = step(python, "-m", "pytest", "-p", "no:cacheprovider", cwd=package)
    assert re.search(r"\b[6-9] passed", tested), tested
    site = make_site(tmp_path / "site", "site: {name: T, time_zone: UTC}\nplugins: {door_bell: {step: 2}}\n")
    listed = step(python, "-P", "-m", "hub.cli", "plugin", "list", "--folder", str(site))
    assert re.search(r"^door_bell +0\.1\.0 +enabled", listed, re.MULTILINE), listed
    called = step(python, "-P", "-m", "hub.cli", "action", "call", "door_bell.count", "--folder", str(site))
    assert re.search(r"^count +2$", called, re.MULTILINE), called


def step(*command: str, cwd: Path | None = None) -> str:
    ran = subprocess.run(
        command, cwd=cwd or "/", env=environment(), capture_output=True, text=True, check=False, timeout=120
    )
    assert ran.returncode == 0, f"{command}\n{ran.stdout}\n{ran.stderr}"
    return ran.stdout
