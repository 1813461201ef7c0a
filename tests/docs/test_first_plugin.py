"""The commands of the page for plugin authors, typed one by one in an empty folder, end in a working plugin."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
import sysconfig
from collections.abc import Sequence
from pathlib import Path

import pytest
from markdown_blocks import ROOT, Block, blocks

PAGE = ROOT / "docs" / "plugin-authors.md"
DROPPED = ("HUB_", "PYTEST_", "COV", "PYTHON", "PIP_", "VIRTUAL_ENV", "CI")

# The page's `pip install` may fetch what a package needs; here that is there already, and there may be no network.
NO_NETWORK = ("--no-deps", "--no-build-isolation", "--no-index")


class Reader:
    """Somebody who reads the page: a virtual environment with Hub in it, and an empty folder to work in."""

    def __init__(self, home: Path) -> None:
        """Make both; the environment sees the packages that the tests run with, after its own."""
        self.folder = home / "work"
        self.folder.mkdir()
        self._venv = home / "venv"
        kept = {name: value for name, value in os.environ.items() if not name.startswith(DROPPED)}
        self._environment = kept | {"PATH": f"{self._venv / 'bin'}{os.pathsep}{os.environ['PATH']}"}
        self._run([sys.executable, "-m", "venv", "--without-pip", str(self._venv)])
        (site_packages,) = self._venv.glob("lib/python3*/site-packages")
        (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")
        self.type(f"pip install --quiet --editable {shlex.quote(str(ROOT))}")

    def do(self, block: Block) -> str:
        """Type a console block's commands, or write the file that a YAML block is; what the commands printed."""
        if block.language == "console":
            lines = [line.removeprefix("$ ") for line in block.text.splitlines() if line.startswith("$ ")]
            return "\n".join(self.type(line) for line in lines)
        if block.file is not None:
            (self.folder / block.file).write_text(block.text)
        return ""

    def type(self, line: str) -> str:
        """Run one command line in the folder; it has to end well."""
        words = shlex.split(line, comments=True)
        if words[:2] == ["pip", "install"]:
            words = ["python", "-m", *words, *NO_NETWORK]
        return self._run(words)

    def _run(self, words: Sequence[str]) -> str:
        ran = subprocess.run(
            words, cwd=self.folder, env=self._environment, stdin=subprocess.DEVNULL, capture_output=True, text=True,
            check=False,
        )  # fmt: skip
        assert ran.returncode == 0, f"{shlex.join(words)} ended with {ran.returncode}\n{ran.stdout}\n{ran.stderr}"
        return ran.stdout + ran.stderr


@pytest.mark.long
@pytest.mark.timeout(300)
def test_the_commands_for_plugin_authors_go_from_nothing_to_a_working_plugin(tmp_path: Path) -> None:
    reader = Reader(tmp_path)
    page = [block for block in blocks(PAGE) if block.language in {"console", "yaml"}]
    told = {block.where: reader.do(block) for block in page}
    everything = "\n".join(told.values())
    passed = re.search(r"(\d+) passed", everything)
    assert passed is not None, everything
    assert int(passed[1]) >= 5, "the contract alone has five tests"
    assert "my-site is fine" in everything
    assert re.search(r"^door +0\.1\.0 +enabled", everything, re.MULTILINE), everything
    assert (reader.folder / "my-site" / "hub.yaml").read_text().startswith("# my-site/hub.yaml")
