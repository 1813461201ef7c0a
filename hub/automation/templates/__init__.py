"""Operators' templates: Home Assistant's Jinja, sandboxed, bounded, compiled at load, aware of what it reads."""

from hub.automation.templates.budget import LIMIT, Limit
from hub.automation.templates.dependencies import Dependencies, Reference
from hub.automation.templates.errors import NotOffered, TemplateError, TemplateTooCostly
from hub.automation.templates.reading import Rendered
from hub.automation.templates.results import as_boolean, as_truth, native
from hub.automation.templates.template import Template, compile_template, is_template
from hub.automation.templates.views import ContextView, StateView
from hub.automation.templates.world import HubWorld, Places, World

__all__ = [
    "LIMIT",
    "ContextView",
    "Dependencies",
    "HubWorld",
    "Limit",
    "NotOffered",
    "Places",
    "Reference",
    "Rendered",
    "StateView",
    "Template",
    "TemplateError",
    "TemplateTooCostly",
    "World",
    "as_boolean",
    "as_truth",
    "compile_template",
    "is_template",
    "native",
]
