"""A suite counts only once it has caught the bugs planted for it: each patch turns its suite red."""

from __future__ import annotations

import functools
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[1]
FOLDER = ROOT / "tests" / "plants"
PATCHES = sorted(path.stem for path in FOLDER.glob("*.patch"))
QUICK = ["another_owners_text", "split_transaction"]
"""What the quick size plants: one for a table of cases, one for the crash suite."""
SUITE = os.environ.get("HUB_SUITE", "quick")
CI_EVERY = 3
"""Each plant runs a suite twice: the middle tier takes every third, so that it stays within its minutes."""
CHOSEN = {"quick": QUICK, "ci": PATCHES[::CI_EVERY]}.get(SUITE, PATCHES)


def caught_by(name: str) -> list[str]:
    """The arguments to pytest that the first line of a patch names."""
    word, _, suite = (FOLDER / f"{name}.patch").read_text().partition("\n")[0].partition(": ")
    assert word == "Caught by", f"{name}.patch: the first line says `Caught by: <arguments to pytest>`"
    return suite.split()


def copy_of_the_tree(target: Path) -> Path:
    """The product and its tests, apart from where people work."""
    skipped = shutil.ignore_patterns("__pycache__", ".*_cache", "plants")
    for name in ("hub", "plugins", "tests"):
        shutil.copytree(ROOT / name, target / name, ignore=skipped)
    shutil.copy(ROOT / "pyproject.toml", target)
    return target


def run(tree: Path, suite: list[str]) -> subprocess.CompletedProcess[str]:
    """Run a suite on a tree, at its quick size."""
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-x", "-q", "-p", "no:cacheprovider", "-p", "no:xdist", *suite],
        cwd=tree,
        env={**os.environ, "PYTHONPATH": str(tree), "HUB_SUITE": "quick"},
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )


@functools.cache
def state_without_plants(*suite: str) -> str:
    """What a suite says of the tree as it is; empty when it passes."""
    done = run(ROOT, list(suite))
    return "" if done.returncode == 0 else done.stdout[-3000:] + done.stderr[-1000:]


@pytest.mark.long
@pytest.mark.timeout(600)
@pytest.mark.parametrize("name", CHOSEN)
def test_a_planted_bug_is_caught(name: str, tmp_path: Path) -> None:
    suite = caught_by(name)
    broken = state_without_plants(*suite)
    assert not broken, f"{' '.join(suite)} fails without any plant:\n{broken}"
    tree = copy_of_the_tree(tmp_path / "tree")
    planting = subprocess.run(
        ["git", "apply", str(FOLDER / f"{name}.patch")], cwd=tree, capture_output=True, text=True, check=False
    )
    assert planting.returncode == 0, f"{name}.patch does not fit the code any more; renew it: {planting.stderr}"
    done = run(tree, suite)
    assert done.returncode == 1, f"{name} was not caught by {' '.join(suite)}:\n{done.stdout[-3000:]}{done.stderr}"


def test_every_patch_names_a_suite_that_exists_and_says_what_it_plants() -> None:
    assert len(PATCHES) >= 6
    for name in PATCHES:
        _, why, empty, *_ = (FOLDER / f"{name}.patch").read_text().splitlines()
        assert (ROOT / caught_by(name)[0]).exists()
        assert len(why.split()) > 3
        assert empty == ""


def test_every_patch_fits_the_code() -> None:
    for name in PATCHES:
        checked = subprocess.run(
            ["git", "apply", "--check", str(FOLDER / f"{name}.patch")],
            cwd=ROOT,
            capture_output=True,
            text=True,
            check=False,
        )
        assert checked.returncode == 0, f"{name}.patch does not fit the code any more; renew it: {checked.stderr}"
