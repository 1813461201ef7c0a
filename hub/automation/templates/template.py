"""Operators' templates: compiled when a rule is loaded, bounded when they are rendered, aware of what they read."""

from __future__ import annotations

from collections.abc import Mapping
from types import TracebackType
from typing import Any

import jinja2
from jinja2.nodes import EvalContext
from jinja2.runtime import Context

from hub.automation.templates.budget import LIMIT, PRESENT, TEXT_MAX, Limit
from hub.automation.templates.compiling import FILE, Compiled, Wrong, compiled
from hub.automation.templates.dependencies import Dependencies
from hub.automation.templates.environment import FULL
from hub.automation.templates.errors import TemplateError, TemplateTooCostly
from hub.automation.templates.reading import Reading, Rendered, rendered
from hub.automation.templates.results import as_truth, native
from hub.automation.templates.world import World
from hub.core.config import ConfigError, ConfigErrors, Mark
from hub.core.states import State

NO_VARIABLES: Mapping[str, object] = {}
_NOTHING_READ = Dependencies()


def is_template(text: str) -> bool:
    """Whether a text has anything to render in it."""
    return "{{" in text or "{%" in text or "{#" in text


def compile_template(text: str, where: str | Mark, *, is_limited: bool = False) -> Template:
    """The template that a text spells; raises `ConfigErrors` with its place and each line that is wrong.

    `where` is the mark of the text in its file, or words for it. A limited template reads variables only: no
    state, no place, no clock.
    """
    stripped = text.strip()
    if not is_template(stripped):
        return Template(stripped, where, None, is_limited=is_limited)
    skipped = text[: len(text) - len(text.lstrip())].count("\n")
    try:
        code = compiled(stripped, is_limited=is_limited)
    except Wrong as wrong:
        raise ConfigErrors(_config_error(where, line + skipped, said) for line, said in wrong.faults) from None
    return Template(stripped, where, code, is_limited=is_limited, skipped_lines=skipped)


def _config_error(where: str | Mark, line: int, said: str) -> ConfigError:
    message = f"line {line} of the template: {said}"
    return ConfigError(message, where) if isinstance(where, Mark) else ConfigError(f"{where}: {message}")


class _Context(Context):
    """Jinja's context without copying 150 names for every render: variables stand before the names of all."""

    def __init__(self, code: Compiled, variables: Mapping[str, object]) -> None:
        self.parent = code.globals
        self.vars = dict(variables) if variables else {}
        self.environment = code.env
        self.eval_ctx = _EVAL_CONTEXT
        self.exported_vars = set()
        self.name = None
        self.globals_keys = set()
        self.blocks = {}


_EVAL_CONTEXT = EvalContext(FULL, None)


class _Kept:
    """The text of a render that entities alone decide, and their states then."""

    __slots__ = ("reading", "states", "text", "world")

    def __init__(self, reading: Reading, text: str) -> None:
        self.world = reading.world
        self.states: list[tuple[str, State | None]] = [
            (entity_id, reading.world.state(entity_id)) for entity_id in reading.entities
        ]
        self.reading = reading
        self.text = text

    def is_still_so(self, world: World) -> bool:
        if world is not self.world:
            return False
        state_of = world.state
        return all(state_of(entity_id) is state for entity_id, state in self.states)


class Template:
    """A text with places to fill; equal to another of the same text."""

    __slots__ = ("_code", "_kept", "_skipped_lines", "is_limited", "text", "where")

    def __init__(
        self, text: str, where: str | Mark, code: Compiled | None, *, is_limited: bool, skipped_lines: int = 0
    ) -> None:
        """Made by `compile_template`."""
        self.text = text
        self.where = where
        self.is_limited = is_limited
        self._code = code
        self._skipped_lines = skipped_lines
        self._kept: _Kept | None = None

    def __eq__(self, other: object) -> bool:
        """Whether both render the same text in the same way."""
        return isinstance(other, Template) and (self.text, self.is_limited) == (other.text, other.is_limited)

    def __hash__(self) -> int:
        """By text."""
        return hash((self.text, self.is_limited))

    def __repr__(self) -> str:
        """Its text and place."""
        return f"Template({self.text!r}, {str(self.where)!r})"

    @property
    def is_static(self) -> bool:
        """Whether there is nothing to render: the text is the result."""
        return self._code is None

    @property
    def depends_on(self) -> Dependencies:
        """What it reads by the look of it."""
        return _NOTHING_READ if self._code is None else self._code.depends_on

    @property
    def names(self) -> frozenset[str]:
        """The variables that it takes from outside."""
        return frozenset() if self._code is None else self._code.names - self._code.globals.keys()

    def render(self, world: World, variables: Mapping[str, object] = NO_VARIABLES, *, limit: Limit = LIMIT) -> str:
        """The text with its places filled; raises `TemplateError`."""
        return self._run(world, variables, limit)[1]

    def value(
        self, world: World, variables: Mapping[str, object] = NO_VARIABLES, *, limit: Limit = LIMIT
    ) -> object:
        """The result as Home Assistant reads it: a number, boolean, list or mapping, else text."""
        return native(self._run(world, variables, limit)[1])

    def truth(self, world: World, variables: Mapping[str, object] = NO_VARIABLES, *, limit: Limit = LIMIT) -> bool:
        """Whether the result counts as true (`true`, `yes`, `on`, `1`, numbers but 0): for triggers."""
        return as_truth(native(self._run(world, variables, limit)[1]))

    def holds(self, world: World, variables: Mapping[str, object] = NO_VARIABLES, *, limit: Limit = LIMIT) -> bool:
        """Whether the result is the word `true`: for conditions, as Home Assistant has them."""
        return self._run(world, variables, limit)[1].lower() == "true"

    def look(
        self, world: World, variables: Mapping[str, object] = NO_VARIABLES, *, limit: Limit = LIMIT
    ) -> Rendered:
        """The result and all that was read for it; an error stands in the result."""
        reading = Reading(world, limit, world.monotonic)
        try:
            reading, text = self._run(world, variables, limit, reading)
        except TemplateError as error:
            return rendered(reading, "", error)
        return rendered(reading, text, None)

    def _run(
        self, world: World, variables: Mapping[str, object], limit: Limit, reading: Reading | None = None
    ) -> tuple[Reading, str]:
        code, kept = self._code, self._kept
        is_plain = code is not None and (not variables or code.names.isdisjoint(variables))
        if kept is not None and is_plain and kept.is_still_so(world):
            return kept.reading, kept.text
        if reading is None:
            reading = Reading(world, limit, world.monotonic)
        if code is None:
            return reading, self.text
        before, PRESENT.reading = PRESENT.reading, reading
        try:
            text = _text_of(code, variables)
        except TemplateError as error:
            raise type(error)(self._said(error)) from error.__cause__
        except Exception as error:
            raise TemplateError(self._said(error)) from error
        finally:
            PRESENT.reading = before
        if is_plain:
            self._kept = _Kept(reading, text) if reading.reads_entities_only else None
        return reading, text

    def _said(self, error: BaseException) -> str:
        """The error with the place and the line of the template."""
        line = self._line_of(error.__traceback__)
        where = f"{self.where}: " if line is None else f"{self.where}: line {line} of the template: "
        if isinstance(error, TemplateError):
            return f"{where}{error}"
        if isinstance(error, RecursionError):
            return f"{where}it calls itself, or is nested, too deeply"
        if isinstance(error, jinja2.UndefinedError):
            return f"{where}{error}; check the name, or use |default(...)"
        return f"{where}{type(error).__name__}: {str(error)[:500] or 'failed'}"

    def _line_of(self, traceback: TracebackType | None) -> int | None:
        line = None
        while traceback is not None:
            if self._code is not None and traceback.tb_frame.f_code.co_filename == FILE:
                line = self._code.line_of(traceback.tb_lineno) + self._skipped_lines
            traceback = traceback.tb_next
        return line


def _text_of(code: Compiled, variables: Mapping[str, object]) -> str:
    parts: list[str] = []
    size = 0
    # The output comes in pieces, so that one too long is stopped before it is put together.
    root: Any = code.root
    for part in root(_Context(code, variables)):
        size += len(part)
        if size > TEXT_MAX:
            raise TemplateTooCostly(f"the result gets longer than {TEXT_MAX} characters; print less")
        parts.append(part)
    return "".join(parts).strip()
