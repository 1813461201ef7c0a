"""The name under which the program asks to be called again."""

from pathlib import Path

import pytest

from hub.cli.program import program


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """A folder with an installed `hub`."""
    file = tmp_path / ".venv/bin/hub"
    file.parent.mkdir(parents=True)
    file.touch(mode=0o755)
    return tmp_path


@pytest.mark.parametrize(
    ("case", "cwd", "path", "expected"),
    [
        ("from the folder of the project", ".", "/nowhere", ".venv/bin/hub"),
        ("from its own folder, where a bare name is not found", ".venv/bin", "/nowhere", "./hub"),
        ("with the environment activated", ".", "{}/.venv/bin", "hub"),
        ("from far away, where the way back is no shorter", "/", "/nowhere", None),
    ],
)
def test_it_is_named_as_the_shell_would_find_it(
    installed: Path, monkeypatch: pytest.MonkeyPatch, case: str, cwd: str, path: str, expected: str | None
) -> None:
    monkeypatch.setattr("sys.argv", [str(installed / ".venv/bin/hub"), "demo"])
    monkeypatch.setenv("PATH", path.format(installed))
    monkeypatch.chdir(installed / cwd)
    file = installed / ".venv/bin/hub"
    assert program() == (expected or str(file).removeprefix("/"))
    assert expected == "hub" or Path(program()).samefile(file)
