"""Which Python does whose work: with Home Assistant beside us, ours must be the same one, in a `.venv-bench-*`."""

from __future__ import annotations

import hashlib
import json
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
_ASK = """
import importlib.metadata, json, platform, sys
try:
    peer = importlib.metadata.version("homeassistant")
except importlib.metadata.PackageNotFoundError:
    peer = None
print(json.dumps([getattr(sys, "_base_executable", sys.executable), platform.python_version(), peer]))
"""


class PythonUnusable(Exception):
    """A Python that was named cannot do its part."""


@dataclass(frozen=True, slots=True)
class Python:
    """An interpreter and what it is called in the report."""

    executable: str
    version: str
    home_assistant: str | None = None


def own() -> Python:
    """The Python that runs this."""
    return Python(sys.executable, ".".join(map(str, sys.version_info[:3])))


def home_assistant(executable: str) -> tuple[Python, Python]:
    """Home Assistant's Python, and one of the same version with the hub in it (made at first, then reused)."""
    try:
        answer = subprocess.run([executable, "-c", _ASK], capture_output=True, text=True, check=True).stdout
    except (OSError, subprocess.CalledProcessError) as error:
        raise PythonUnusable(f"{executable} does not run: {error}") from error
    base, version, peer = json.loads(answer)
    if peer is None:
        raise PythonUnusable(f"{executable} has no Home Assistant; make one with script/ha-venv DIR")
    return Python(executable, version, peer), _same(base, version)


def _same(base: str, version: str) -> Python:
    if version == own().version:
        return own()
    folder = ROOT / f".venv-bench-{version}"
    python = Python(str(folder / "bin" / "python"), version)
    stamp = folder / "hub-bench-installed"
    wanted = hashlib.sha256((ROOT / "pyproject.toml").read_bytes() + str(folder).encode()).hexdigest()
    if stamp.is_file() and stamp.read_text() == wanted:
        return python
    print(f"Installing Hub for Python {version} into {folder.name} ...", file=sys.stderr)
    stamp.unlink(missing_ok=True)
    pip = [python.executable, "-P", "-m", "pip", "install", "-qq", "--disable-pip-version-check"]
    for command in ([base, "-P", "-m", "venv", "--clear", str(folder)], [*pip, "--editable", str(ROOT)]):
        try:
            subprocess.run(command, check=True, stdout=sys.stderr)
        except (OSError, subprocess.CalledProcessError) as error:
            raise PythonUnusable(f"{folder.name} could not be made, the message above says why: {error}") from error
    stamp.write_text(wanted)
    return python
