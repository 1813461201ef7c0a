"""The YAML parser: libyaml when PyYAML has it, else pure Python; and its complaints in plain words."""

from __future__ import annotations

import re
from typing import Protocol, cast

from yaml import Mark, MarkedYAMLError, YAMLError
from yaml.events import Event, ScalarEvent
from yaml.parser import Parser
from yaml.reader import Reader
from yaml.scanner import Scanner

try:
    from yaml._yaml import CParser
except ImportError:  # PyYAML was built without libyaml
    has_c_parser = False
else:
    has_c_parser = True


_BAD_ESCAPE = "found an escape that is no character"
_LINE_BREAK = re.compile("\r\n|[\n\r\x85\u2028\u2029]")  # as both parsers count lines
_SURROGATE = re.compile("[\ud800-\udfff]")


class EventSource(Protocol):
    """Gives the events of a YAML text one by one."""

    def get_event(self) -> Event | None:
        """The next event, None after the last; raises YAMLError."""


class PythonParser(Reader, Scanner, Parser):
    """The same events without libyaml, some ten times slower."""

    def __init__(self, text: str) -> None:
        """Parse a text."""
        Reader.__init__(self, text)
        Scanner.__init__(self)
        Parser.__init__(self)

    def get_event(self) -> Event | None:
        """The next event; half a surrogate pair, which libyaml refuses, is refused here too."""
        try:
            event = cast("Event | None", super().get_event())  # type: ignore[no-untyped-call]
        except (ValueError, OverflowError) as error:  # from chr(): an escape beyond the last character
            raise MarkedYAMLError(problem=_BAD_ESCAPE, problem_mark=self.get_mark()) from error
        if isinstance(event, ScalarEvent) and _SURROGATE.search(event.value):
            mark = cast("Mark", event.start_mark)
            raise MarkedYAMLError(problem=_BAD_ESCAPE, problem_mark=mark)
        return event


def new_parser(text: str) -> EventSource:
    """The fastest parser there is, over a text."""
    return cast("EventSource", CParser(text) if has_c_parser else PythonParser(text))


_TAB_HINT = "Indent with spaces, not with tabs."
_HINTS = (
    ("tab character", _TAB_HINT),
    ("cannot start any token", "Put a text that starts with such a character in quotes."),
    ("mapping values are not allowed", "Check the indentation, or put a text that contains ': ' in quotes."),
    ("could not find expected ':'", "Check the indentation and the colon of the line before."),
    ("did not find expected key", "Check the indentation of this line and the quotes of the line before."),
    ("found unexpected end of stream", "A quote is not closed."),
)


def explain(error: YAMLError, text: str) -> tuple[str, int, int]:
    """What is wrong with the syntax of a text, and the line and column, both from 0, where it was noticed."""
    if not isinstance(error, MarkedYAMLError):
        return f"this is not YAML: {error}", 0, 0
    problem = error.problem or error.context or "syntax error"
    message = f"this is not YAML: {problem}"
    mark = error.problem_mark or error.context_mark
    if mark is None:
        return message, 0, 0
    begin = error.context_mark
    if error.context and begin is not None and begin.line != mark.line:
        message += f" ({error.context} that starts at line {begin.line + 1}, column {begin.column + 1})"
    elif error.context:
        message += f" ({error.context})"
    hint = next((hint for sign, hint in _HINTS if sign in problem), "")
    if _character_at(text, mark.line, mark.column) == "\t":
        hint = _TAB_HINT
    return f"{message}. {hint}".rstrip(), mark.line, mark.column


def _character_at(text: str, line: int, column: int) -> str:
    lines = _LINE_BREAK.split(text)
    return lines[line][column : column + 1] if line < len(lines) else ""
