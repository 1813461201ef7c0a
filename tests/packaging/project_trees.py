"""Copies of the project, and a toy project with the same scripts, on which the scripts are really run."""

import os
import shutil
import subprocess
import sys
import sysconfig
import textwrap
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

PROJECT = Path(__file__).resolve().parents[2]
NOT_COPIED = shutil.ignore_patterns("__pycache__", "*.egg-info", ".venv*", ".git")
# What a distribution is built from; hatchling reads .gitignore too.
BUILT_FROM = (
    *("pyproject.toml", "README.md", "LICENSE", "CHANGELOG.md", "CONTRIBUTING.md", ".gitignore"),
    *("hub", "plugins", "automations", "docs"),
)

# A build backend without any requirement: pip installs the toy with no index at all. It notes each build, fails
# when told to, and can be held in the middle of an installation.
TOY_BACKEND = """
import os, pathlib, time, zipfile

here = pathlib.Path(__file__).parent

def build_editable(wheel_directory, config_settings=None, metadata_directory=None):
    with open(here / "builds", "a") as file:
        file.write("built\\n")
    if (here / "broken").exists():
        raise RuntimeError("the toy backend is broken")
    while (here / "hold").exists():
        time.sleep(0.02)
    name = "toy-0.1-py3-none-any.whl"
    files = {
        "toy.pth": str(here) + "\\n",
        "toy-0.1.dist-info/METADATA": "Metadata-Version: 2.1\\nName: toy\\nVersion: 0.1\\n",
        "toy-0.1.dist-info/WHEEL": "Wheel-Version: 1.0\\nRoot-Is-Purelib: true\\nTag: py3-none-any\\n",
        "toy-0.1.dist-info/entry_points.txt": "[console_scripts]\\nhub = toy:main\\n",
    }
    with zipfile.ZipFile(os.path.join(wheel_directory, name), "w") as wheel:
        for path, text in files.items():
            wheel.writestr(path, text)
        record = "".join(path + ",,\\n" for path in [*files, "toy-0.1.dist-info/RECORD"])
        wheel.writestr("toy-0.1.dist-info/RECORD", record)
    return name
"""

TOY_FILES = {
    "pyproject.toml": """
        [build-system]
        requires = []
        build-backend = "toy_backend"
        backend-path = ["."]

        [project]
        name = "toy"
        version = "0.1"

        [dependency-groups]
        dev = []

        [tool.mypy]
        files = ["toy"]

        [tool.ruff]
        extend-exclude = ["toy_backend.py"]

        [tool.pytest.ini_options]
        addopts = ["-ra"]
        testpaths = ["tests"]
        markers = ["long: sampled"]
    """,
    "toy/__init__.py": """
        import os
        import sys


        def main() -> None:
            print(*sys.argv[1:], "in", os.getcwd())
    """,
    "bench/__main__.py": """
        import os
        import sys

        print("bench", *sys.argv[1:], os.environ.get("HUB_SUITE"))
    """,
    "tests/test_toy.py": """
        import os


        def test_suite_is_named() -> None:
            print("suite", os.environ["HUB_SUITE"])
    """,
}


@dataclass(frozen=True)
class Tree:
    """A folder with the project's scripts in it, and how to run one."""

    root: Path

    def start(
        self, *command: str, environment: Mapping[str, str], cwd: Path | None = None
    ) -> subprocess.Popen[str]:
        """Start a script of this tree in a process group of its own."""
        return subprocess.Popen(
            [str(self.root / command[0]), *command[1:]],
            cwd=cwd or self.root,
            env=dict(environment),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            start_new_session=True,
        )

    def run(
        self, *command: str, environment: Mapping[str, str], cwd: Path | None = None
    ) -> subprocess.CompletedProcess[str]:
        """Run a script of this tree to its end."""
        process = self.start(*command, environment=environment, cwd=cwd)
        stdout, stderr = process.communicate()
        return subprocess.CompletedProcess(command, process.returncode, stdout, stderr)

    def write(self, path: str, text: str) -> Path:
        """Write a file of this tree, with its folders."""
        file = self.root / path
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_text(textwrap.dedent(text).lstrip("\n"))
        return file


def online_environment() -> dict[str, str]:
    """The environment of the tests without what would change how the scripts or an inner pytest behave."""
    dropped = ("HUB_", "PYTEST_", "COV", "PYTHON", "VIRTUAL_ENV", "CI")
    return {name: value for name, value in os.environ.items() if not name.startswith(dropped)}


def copy_tree(target: Path, names: Sequence[str]) -> None:
    """Copy these files and folders of the project, as far as they exist, into a folder."""
    target.mkdir(parents=True, exist_ok=True)
    for name in names:
        source = PROJECT / name
        if source.is_dir():
            shutil.copytree(source, target / name, ignore=NOT_COPIED)
        elif source.exists():
            shutil.copy2(source, target / name)


def link_dependencies(venv: Path) -> None:
    """Let a virtual environment see the packages the tests run with, after its own."""
    (site_packages,) = venv.glob("lib/python3*/site-packages")
    (site_packages / "dependencies.pth").write_text(sysconfig.get_path("purelib") + "\n")


def offline_environment() -> dict[str, str]:
    """An environment in which pip has an index that nobody listens at, and nothing else."""
    kept = {name: value for name, value in online_environment().items() if not name.startswith("PIP_")}
    index = {"PIP_CONFIG_FILE": os.devnull, "PIP_INDEX_URL": "http://127.0.0.1:9/", "PIP_RETRIES": "0"}
    return kept | index | {"HUB_PYTHON": sys.executable}


def project_tree(root: Path) -> Tree:
    """Copy the real project with its scripts; nothing of it is installed."""
    copy_tree(root, [*BUILT_FROM, "script", ".ci"])
    return Tree(root)


def toy_tree(root: Path) -> Tree:
    """Make a project of a few lines under the real scripts; nothing of it is installed."""
    tree = Tree(root)
    copy_tree(root, ["script", ".ci"])
    tree.write("toy_backend.py", TOY_BACKEND)
    for path, text in TOY_FILES.items():
        tree.write(path, text)
    return tree


def give_tools(tree: Tree) -> None:
    """Leave a tree as after `script/test` installed the developers' tools, without installing them."""
    venv = tree.root / ".venv"
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", str(venv)], check=True)
    link_dependencies(venv)
    (venv / "bin" / "ruff").symlink_to(Path(sysconfig.get_path("scripts")) / "ruff")
    stamp = 'source script/lib/environment.sh && venv_fingerprint >"$venv/hub-installed-dev"'
    subprocess.run(["bash", "-c", stamp], cwd=tree.root, check=True)
