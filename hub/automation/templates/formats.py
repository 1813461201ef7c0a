"""`str.format` for templates: no attribute that the sandbox refuses, no width that fills the memory."""

from __future__ import annotations

import re
from collections.abc import Callable
from datetime import date
from decimal import Decimal
from typing import Any

from jinja2.sandbox import SandboxedEnvironment, SandboxedFormatter

from hub.automation.templates.budget import TEXT_MAX, weigh
from hub.automation.templates.errors import TemplateTooCostly
from hub.automation.templates.methods import FORMAT_MAX
from hub.automation.templates.operators import check_width

_FIGURE = re.compile(r"\d+")
_EXPONENT_MAX = 1_000


class _Formatter(SandboxedFormatter):
    """Formats one text; counts what it makes."""

    def __init__(self, env: SandboxedEnvironment) -> None:
        super().__init__(env)
        self._made = 0

    def format_field(self, value: Any, format_spec: str) -> str:
        weigh(value)
        check_spec(value, format_spec)
        text = str(super().format_field(value, format_spec))
        self._made += len(text)
        if self._made > TEXT_MAX:
            raise TemplateTooCostly(f"the formatted text gets longer than {TEXT_MAX} characters")
        return text

    def convert_field(self, value: Any, conversion: Any) -> Any:
        weigh(value)
        return super().convert_field(value, conversion)


def check_spec(value: object, spec: str) -> None:
    """Refuse a width, precision or number whose text would be too long."""
    if len(spec) > FORMAT_MAX:
        raise TemplateTooCostly(f"a format of {len(spec)} characters is too long; {FORMAT_MAX} is the most")
    if isinstance(value, date):
        return  # its format is text with %-letters
    for figure in _FIGURE.findall(spec):
        check_width(int(figure))
    if isinstance(value, Decimal) and value.is_finite() and abs(value.adjusted()) > _EXPONENT_MAX:
        raise TemplateTooCostly(f"{value} has too many digits to be formatted")


def bounded_format(env: SandboxedEnvironment, text: str, *, takes_mapping: bool) -> Callable[..., str]:
    """`text.format` or `text.format_map` as templates may call it."""

    def formatted(*args: Any, **named: Any) -> str:
        weigh(text)
        if takes_mapping:
            if named or len(args) != 1:
                raise TypeError("format_map() takes one mapping")
            return _Formatter(env).vformat(text, (), args[0])
        return _Formatter(env).vformat(text, args, named)

    formatted.is_offered = True  # type: ignore[attr-defined]
    return formatted
