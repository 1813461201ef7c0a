"""One broken plugin stops nobody: it is named with what is wrong, where, and what to do; the others are found."""

from __future__ import annotations

import subprocess
import sys
from importlib.metadata import EntryPoint, distributions
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from hub.core.config import ConfigDict
from hub.core.plugins import Broken, discover, discover_all, discover_folder
from hub.core.plugins.discovery import Registry
from hub.core.site import Site

GOOD = """
from hub.core.plugins import Manifest, Plugin
from hub.hookspecs import hookimpl

class Good(Plugin):
    manifest = Manifest(name="NAME", version="1", description="Fine.")
    async def setup(self, hub): ...

@hookimpl
def hub_plugin():
    return Good
"""

BROKEN = {
    "a syntax error": ("def hub_plugin(:\n", "SyntaxError: invalid syntax (FILE:1); mend it"),
    "an import of what is not there": ("\nimport no_such_thing\n", "No module named 'no_such_thing' (FILE:2)"),
    "sys.exit at import": ("import sys\nsys.exit(3)\n", "SystemExit: 3 (FILE:2)"),
    "an odd exception at import": ("class Odd(BaseException): ...\nraise Odd('no')\n", "Odd: no (FILE:2)"),
    "an error in the standard library": ("import json\n\n\njson.loads('{')\n", "(FILE:4)"),
    "a hook with a wrong signature": (
        "from hub.hookspecs import hookimpl\n@hookimpl\ndef hub_plugin(site): ...\n",
        "hub_plugin(site); Argument(s) {'site'} are declared in the hookimpl but can not be found in the hookspec",
    ),
    "an unknown hook": (
        "from hub.hookspecs import hookimpl\n@hookimpl\ndef hub_plugn(): ...\n",
        "unknown hook 'hub_plugn' in plugin",
    ),
    "a hook without its mark": (GOOD.replace("@hookimpl", ""), "hub_plugin() is not marked; mark a function"),
    "no hook at all": (
        "x = 1\n",
        "it implements no hook; mark a function hub_plugin() with @hub.hookspecs.hookimpl",
    ),
    "a wrapper": (
        "from hub.hookspecs import hookimpl\n@hookimpl(wrapper=True)\ndef hub_plugin():\n    yield\n",
        "hub_plugin() is a wrapper; hooks of the hub take plain functions",
    ),
    "a hook that raises": (
        GOOD.replace("return Good", "return 1 / 0"),
        "ZeroDivisionError: division by zero (FILE:11)",
    ),
    "a hook that exits": (GOOD.replace("return Good", "raise SystemExit"), "SystemExit (FILE:11)"),
    "a hook that returns an object": (
        GOOD.replace("return Good", "return 'Good'"),
        "hub_plugin() returned 'Good'; return your subclass of hub.core.plugins.Plugin",
    ),
    "a hook that returns another class": (GOOD.replace("return Good", "return dict"), "returned <class 'dict'>"),
    "a plugin without a manifest": (
        GOOD.replace("    manifest = ", "    manifst = "),
        "Good.manifest is None; make it a hub.core.plugins.Manifest",
    ),
    "another name in the manifest": (
        GOOD.replace("NAME", "other"),
        "its manifest says name 'other', but it was found as 'bad'; make them the same",
    ),
    "a name that no table could have": (GOOD.replace("NAME", "Bad-1"), "plugin name 'Bad-1': use lower case words"),
    "a newer interface": (
        GOOD.replace('version="1"', 'version="1", api=99'),
        "written for plugin interface 99, this hub offers 1; install a newer hub or an older plugin (FILE:6)",
    ),
    "no setup": (GOOD.replace("setup", "set_up"), "Good has no setup(); write `async def setup(self, hub)`"),
    "a plain setup": (GOOD.replace("async def", "def"), "Good.setup is a plain function; write `async def setup`"),
}


@pytest.mark.parametrize(("source", "expected"), BROKEN.values(), ids=BROKEN.keys())
def test_a_broken_plugin_is_named_with_its_fault_and_the_others_are_found(
    source: str, expected: str, tmp_path: Path
) -> None:
    (tmp_path / "bad.py").write_text(source.replace("NAME", "bad"))
    for name in ("able", "worthy"):
        (tmp_path / f"{name}.py").write_text(GOOD.replace("NAME", name))
    registry = Registry()
    discover_folder(registry, tmp_path)
    assert sorted(registry.found) == ["able", "worthy"]
    [broken] = registry.broken
    assert (broken.name, broken.source) == ("bad", str(tmp_path / "bad.py"))
    assert expected.replace("FILE", str(tmp_path / "bad.py")) in broken.reason
    assert broken.reason.endswith("; mend it or take it out, the rest of the hub runs without it")
    assert registry.names() == {"able", "bad", "worthy"}


def install(folder: Path, distribution: str, **modules: str) -> list[EntryPoint]:
    """A distribution as a package manager lays it down, with one entry point for each module."""
    info = folder / f"{distribution.replace('-', '_')}-2.0.dist-info"
    info.mkdir(parents=True)
    (info / "METADATA").write_text(f"Metadata-Version: 2.1\nName: {distribution}\nVersion: 2.0\n")
    names = [module.rpartition("__")[0] or module for module in modules]
    entries = "\n".join(f"{name} = {module}" for name, module in zip(names, modules, strict=True))
    (info / "entry_points.txt").write_text(f"[hub.plugins]\n{entries}\n")
    for module, source in modules.items():
        (folder / f"{module}.py").write_text(source)
    [installed] = distributions(path=[str(folder)])
    return list(installed.entry_points)


def test_an_entry_point_that_names_nothing_or_no_module_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path))
    points = install(tmp_path, "acme", acme_one=GOOD.replace("NAME", "acme_one"))
    points += [EntryPoint("gone", "no_such_package.x", "hub.plugins"), EntryPoint("thing", "os:sep", "hub.plugins")]
    registry = discover(points)
    assert [(one.name, one.source) for one in registry.found.values()] == [("acme_one", "acme 2.0")]
    reasons = {one.name: one.reason for one in registry.broken}
    assert reasons["gone"].startswith("ModuleNotFoundError: No module named 'no_such_package'; mend it")
    assert reasons["thing"].startswith("the entry point names '/'; let it name the module that has the hooks; ")


def test_of_two_plugins_with_one_name_ours_stays_and_the_other_is_told_why(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path / "a"))
    monkeypatch.syspath_prepend(str(tmp_path / "b"))
    theirs = install(tmp_path / "a", "acme", twin__theirs=GOOD.replace("NAME", "twin"))
    ours = install(tmp_path / "b", "prepaid-hub", twin__ours=GOOD.replace("NAME", "twin"))
    registry = discover([*theirs, *ours])
    assert (registry.found["twin"].source, registry.found["twin"].is_ours) == ("prepaid-hub 2.0", True)
    [broken] = registry.broken
    assert broken == Broken(
        "twin",
        "acme 2.0",
        "a plugin 'twin' is there already, from prepaid-hub 2.0; rename one of the two or take it out",
    )


def test_nobody_takes_the_name_of_one_of_ours_that_is_broken(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.syspath_prepend(str(tmp_path / "b"))
    ours = install(tmp_path / "b", "prepaid-hub", safe__ours="1 / 0\n")
    registry = discover(ours)
    custom = tmp_path / "custom_plugins"
    custom.mkdir()
    (custom / "safe.py").write_text(GOOD.replace("NAME", "safe"))
    discover_folder(registry, custom)
    assert registry.found == {}
    assert [(one.name, one.is_ours) for one in registry.broken] == [("safe", True), ("safe", False)]


def site(folder: Path, *, custom_plugins: bool) -> Site:
    return Site(folder, "Test", ZoneInfo("UTC"), {}, custom_plugins=custom_plugins)


@pytest.mark.parametrize("is_allowed", [False, True], ids=["off by default", "on when hub.yaml says so"])
def test_plugins_in_a_sites_own_folder_run_only_when_its_configuration_allows_it(
    tmp_path: Path, *, is_allowed: bool
) -> None:
    custom = tmp_path / "custom_plugins"
    custom.mkdir()
    (custom / "mine.py").write_text(GOOD.replace("NAME", "mine"))
    registry = discover_all(site(tmp_path, custom_plugins=is_allowed))
    assert ("mine" in registry.found) is is_allowed
    assert {"automation", "kpm_modbus", "notify", "prepaid", "simulator"} <= set(registry.found)
    assert "mine" not in discover_all(site(tmp_path, custom_plugins=is_allowed), only_ours=True).found


def test_a_custom_plugin_may_be_a_package_with_modules_of_its_own(tmp_path: Path) -> None:
    package = tmp_path / "big"
    package.mkdir()
    (package / "__init__.py").write_text(GOOD.replace("NAME", "big") + "from .part import ANSWER\n")
    (package / "part.py").write_text("ANSWER = 42\n")
    (tmp_path / "_private.py").write_text("1 / 0\n")
    (tmp_path / "notes.txt").write_text("not Python\n")
    (tmp_path / "empty").mkdir()
    registry = Registry()
    discover_folder(registry, tmp_path)
    assert registry.broken == []
    assert registry.found["big"].folder == f"{package}/"
    assert not registry.found["big"].is_ours


def test_a_broken_package_leaves_no_half_of_itself_imported(tmp_path: Path) -> None:
    package = tmp_path / "half"
    package.mkdir()
    (package / "__init__.py").write_text("from . import part\n1 / 0\n")
    (package / "part.py").write_text("")
    registry = Registry()
    discover_folder(registry, tmp_path)
    assert [one.name for one in registry.broken] == ["half"]
    assert [name for name in sys.modules if name.startswith("hub_custom_half")] == []


def test_a_folder_that_is_not_there_or_cannot_be_read_stops_nothing(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    registry = Registry()
    discover_folder(registry, tmp_path / "none")
    assert registry.broken == []

    def refuse(path: Path) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(Path, "iterdir", refuse)
    discover_folder(registry, tmp_path)
    assert [one.reason for one in registry.broken] == ["Permission denied; check the folder's rights"]


def test_a_folder_named_plugins_in_the_working_folder_does_not_hide_ours_unseen(tmp_path: Path) -> None:
    stray = tmp_path / "plugins"
    stray.mkdir()
    (stray / "__init__.py").write_text("")
    code = (
        "from hub.core.plugins import discover, hidden_by; found = discover();"
        "print(sorted(found.found)); print(*sorted({one.reason for one in found.broken}), sep='\\n')"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, cwd=tmp_path)
    names, *reasons = done.stdout.splitlines()
    assert names == "['automation', 'notify', 'simulator']"
    assert len(reasons) == 2
    for one, name in zip(reasons, ("kpm_modbus", "prepaid"), strict=True):
        assert one.startswith(f"ModuleNotFoundError: No module named 'plugins.{name}'; Python finds {stray} as the")
        assert one.endswith("or rename that one (your own plugins belong into custom_plugins/)")


HOOKS = """
import click
from hub.core.config import ConfigError
from hub.core.plugins import Check
from hub.hookspecs import hookimpl

@hookimpl
def hub_commands(cli):
    COMMANDS

@hookimpl
def hub_checks():
    CHECKS

@hookimpl
def hub_check():
    FILES
"""


def test_the_other_hooks_of_a_plugin_that_raise_are_told_and_the_others_answer(tmp_path: Path) -> None:
    good = {
        "COMMANDS": "cli.append('a verb')",
        "CHECKS": "return [Check('disk', lambda: ('ok', 'fine'))]",
        "FILES": "return [ConfigError('no such rule')]",
    }
    bad = {"COMMANDS": "1 / 0", "CHECKS": "return ['fine']", "FILES": "raise SystemExit"}
    for name, parts in (("able", good), ("bad", bad)):
        source = HOOKS
        for word, code in parts.items():
            source = source.replace(word, code)
        (tmp_path / f"{name}.py").write_text(source)
    registry = Registry()
    discover_folder(registry, tmp_path)
    assert (registry.broken, registry.found) == ([], {})

    verbs: list[str] = []
    registry.commands(verbs)
    assert verbs == ["a verb"]
    assert [(name, check.look()) for name, check in registry.checks()] == [("able", ("ok", "fine"))]
    told = {one.source: one.reason for one in registry.broken}
    assert told["command line"].startswith("ZeroDivisionError: division by zero (")
    assert told["hub doctor"].startswith("hub_checks() gave 'fine'; return a list of Check; mend it")

    first, second = (str(error) for error in registry.check(site(tmp_path, custom_plugins=True)))
    assert first == "no such rule"
    assert second.startswith("plugin bad: its check failed: SystemExit (")


def test_only_the_files_of_plugins_that_the_site_uses_are_checked(tmp_path: Path) -> None:
    source = GOOD.replace("NAME", "idle") + "\n@hookimpl\ndef hub_check(site):\n    1 / 0\n"
    (tmp_path / "idle.py").write_text(source)
    registry = Registry()
    discover_folder(registry, tmp_path)
    unused = site(tmp_path, custom_plugins=True)
    assert registry.check(unused) == []
    used = Site(tmp_path, "Test", ZoneInfo("UTC"), {"idle": ConfigDict()})
    assert "plugin idle: its check failed: ZeroDivisionError" in str(registry.check(used)[0])
