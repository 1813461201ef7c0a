"""Configuration: YAML 1.2 with `file:line:column` on every node, includes, secrets, and all errors at once."""

from hub.core.config.duration import parse_duration
from hub.core.config.errors import ConfigError, ConfigErrors
from hub.core.config.loader import Loaded, load
from hub.core.config.nodes import ConfigDict, ConfigList, ConfigValue, Mark, mark_of
from hub.core.config.secret_store import SecretStore
from hub.core.config.secrets import REDACTOR, RedactingFilter, Redactor, Secret, redact
from hub.core.config.suggest import did_you_mean
from hub.core.config.validation import validate

__all__ = [
    "REDACTOR",
    "ConfigDict",
    "ConfigError",
    "ConfigErrors",
    "ConfigList",
    "ConfigValue",
    "Loaded",
    "Mark",
    "RedactingFilter",
    "Redactor",
    "Secret",
    "SecretStore",
    "did_you_mean",
    "load",
    "mark_of",
    "parse_duration",
    "redact",
    "validate",
]
