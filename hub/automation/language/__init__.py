"""The language of rules: from YAML to frozen dataclasses, with every error at once."""

from hub.automation.language.check import Known, check
from hub.automation.language.finding import Finding
from hub.automation.language.loader import (
    load_rules_file,
    load_site_rules,
    rule_from_content,
    script_from_content,
)
from hub.automation.language.model import Invalid, Loaded, Rule, Script
from hub.automation.language.walk import parts_of, templates_of

__all__ = [
    "Finding",
    "Invalid",
    "Known",
    "Loaded",
    "Rule",
    "Script",
    "check",
    "load_rules_file",
    "load_site_rules",
    "parts_of",
    "rule_from_content",
    "script_from_content",
    "templates_of",
]
