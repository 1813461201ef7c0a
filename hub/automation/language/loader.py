"""Loads a site's rules and scripts: what is broken stands apart with all its errors, and stops nobody else."""

from __future__ import annotations

import gc
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import voluptuous as vol

from hub.automation.language.blueprints import Blueprints, Domain
from hub.automation.language.content import from_text
from hub.automation.language.model import Invalid, Loaded, Rule, Script
from hub.automation.language.reading import Problems, Reading
from hub.automation.language.rules import read_rule, read_script
from hub.automation.language.spelling import respell_rule, respell_script
from hub.core.config import ConfigDict, ConfigError, ConfigErrors, ConfigList, ConfigValue, Mark, load
from hub.core.config.fields import slug
from hub.core.config.show import show

RULES_FOLDER = "automations"
RULES_FILE = "automations.yaml"
SCRIPTS_FILE = "scripts.yaml"
_TAKEN = ("turn_on", "turn_off", "toggle", "reload")


def load_site_rules(folder: Path, *, providers: Collection[str] = ()) -> Loaded:
    """All rules and scripts of a site's folder; `providers` names the triggers that loaded plugins provide."""
    loading = _Loading(folder, providers)
    files = [folder / RULES_FILE, *sorted((folder / RULES_FOLDER).glob("*.yaml"))]
    with _uncollected():
        for file in files:
            if file.is_file():
                loading.read_rules(file)
        if (folder / SCRIPTS_FILE).is_file():
            loading.read_scripts(folder / SCRIPTS_FILE)
    return loading.loaded()


def load_rules_file(file: Path, *, root: Path | None = None, providers: Collection[str] = ()) -> Loaded:
    """The rules of one file: a list of them, or a mapping with `automation:` and `script:`."""
    loading = _Loading(root or file.parent, providers)
    with _uncollected():
        loading.read_rules(file)
    return loading.loaded()


def rule_from_content(content: str, *, rule_id: str, providers: Collection[str] = ()) -> Rule:
    """The rule that a run is pinned to, from the content it had then; raises `ConfigErrors`."""
    problems = Problems(f"pinned rule {rule_id!r}", None)
    rule = read_rule(from_text(content), Reading(problems, providers))
    if problems.errors:
        raise ConfigErrors(problems.errors)
    return replace(rule, id=rule_id)


def script_from_content(content: str, *, script_id: str, providers: Collection[str] = ()) -> Script:
    """The script that a run is pinned to, from the content it had then; raises `ConfigErrors`."""
    problems = Problems(f"pinned script {script_id!r}", None)
    script = read_script(script_id, from_text(content), Reading(problems, providers))
    if problems.errors:
        raise ConfigErrors(problems.errors)
    return script


@contextmanager
def _uncollected() -> Iterator[None]:
    """Nearly all that a load makes is kept, so looking for garbage in between finds none and costs a quarter."""
    was_on = gc.isenabled()
    gc.disable()
    try:
        yield
    finally:
        if was_on:
            gc.enable()


class _Loading:
    """One load of many files."""

    def __init__(self, root: Path, providers: Collection[str]) -> None:
        self._root = root
        self._providers = frozenset(providers)
        self._blueprints = Blueprints(root)
        self._rules: dict[str, Rule] = {}
        self._scripts: dict[str, Script] = {}
        self._invalid: list[Invalid] = []

    def loaded(self) -> Loaded:
        return Loaded(tuple(self._rules.values()), tuple(self._scripts.values()), tuple(self._invalid))

    def read_rules(self, file: Path) -> None:
        """A list of rules, one rule, or Home Assistant's mapping with `automation:` and `script:`."""
        value, mark = self._file(file)
        if isinstance(value, ConfigDict) and value and value.keys() <= {"automation", "script"}:
            self._list(value.get("automation"), value.value_mark("automation"), mark.file)
            self._named(value.get("script"), value.value_mark("script") or mark)
        else:
            self._list(value, mark, mark.file)

    def read_scripts(self, file: Path) -> None:
        """A mapping of scripts by their names."""
        value, mark = self._file(file)
        self._named(value, mark)

    def _file(self, file: Path) -> tuple[ConfigValue, Mark]:
        try:
            loaded = load(file, root=self._root)
        except ConfigErrors as found:
            inside = file.is_relative_to(self._root)
            name = file.relative_to(self._root).as_posix() if inside else file.name
            self._invalid.append(Invalid(name, found.errors))
            return None, Mark(name, 1, 1)
        return loaded.value, loaded.mark

    def _list(self, value: ConfigValue, mark: Mark | None, name: str) -> None:
        if isinstance(value, ConfigDict):
            self._rule(value, mark)
        elif isinstance(value, ConfigList):
            for index, node in enumerate(value):
                self._rule(node, value.value_mark(index))
        elif value is not None:
            message = f"a file of rules is a list; start each rule with `- id:`; got {show(value)}"
            self._invalid.append(Invalid(name, (ConfigError(message, mark),)))

    def _named(self, value: ConfigValue, mark: Mark) -> None:
        if isinstance(value, ConfigDict):
            for name, node in value.items():
                self._script(name, node, value.key_mark(name) or mark)
        elif value is not None:
            message = f"scripts are a mapping; start each with its name, `ring_the_bell:`; got {show(value)}"
            self._invalid.append(Invalid(SCRIPTS_FILE, (ConfigError(message, mark),)))

    def _rule(self, node: ConfigValue, mark: Mark | None) -> None:
        if not isinstance(node, ConfigDict):
            message = f"a rule is a mapping with triggers and actions, got {show(node)}"
            self._invalid.append(Invalid(str(mark), (ConfigError(message, mark),)))
            return
        given = node.get("id") or node.get("alias")
        problems = Problems(f"rule {show(str(given))}" if given else "rule", node.mark or mark)
        rule = self._read_rule(node, problems)
        if rule is not None and rule.id in self._rules and not problems.errors:
            if "id" in node:
                other = self._rules[rule.id].mark
                message = f"the id {rule.id!r} is already that of the rule at {other}; give one of them another id"
                problems.add(message, node.value_mark("id"))
            else:
                rule = replace(rule, id=self._free_id(rule.id))
        if rule is None or problems.errors:
            who = str(given) if given else str(node.mark or mark)
            self._invalid.append(Invalid(who, ConfigErrors(problems.errors).errors))
        else:
            self._rules[rule.id] = rule

    def _read_rule(self, node: ConfigDict, problems: Problems) -> Rule | None:
        reading = Reading(problems, self._providers)
        filled = self._filled(node, "automation", reading)
        if filled is None:
            return None
        return read_rule(respell_rule(filled[0], problems), reading, filled[1])

    def _script(self, name: str, node: ConfigValue, mark: Mark) -> None:
        problems = Problems(f"script {show(name)}", mark)
        script: Script | None = None
        if not isinstance(node, ConfigDict):
            problems.add(f"a script is a mapping with a sequence, got {show(node)}", mark)
        elif _why_no_name(name) is not None:
            problems.add(str(_why_no_name(name)), mark)
        elif name in self._scripts:
            problems.add(f"the name is already that of the script at {self._scripts[name].mark}", mark)
        else:
            reading = Reading(problems, self._providers)
            filled = self._filled(node, "script", reading)
            if filled is not None:
                script = read_script(name, respell_script(filled[0], problems), reading, filled[1])
        if script is None or problems.errors:
            self._invalid.append(Invalid(f"script.{name}", ConfigErrors(problems.errors).errors))
        else:
            self._scripts[name] = script

    def _filled(self, node: ConfigDict, domain: Domain, reading: Reading) -> tuple[ConfigDict, str | None] | None:
        if "use_blueprint" not in node:
            return node, None
        return self._blueprints.fill(node, domain, reading)

    def _free_id(self, taken: str) -> str:
        number = 2
        while f"{taken}_{number}" in self._rules:
            number += 1
        return f"{taken}_{number}"


def _why_no_name(name: str) -> str | None:
    """What is wrong with a script's name, which becomes its action's."""
    try:
        slug(name)
    except vol.Invalid as error:
        return str(error.msg)
    return f"{name!r} is an action on all scripts; give the script another name" if name in _TAKEN else None
