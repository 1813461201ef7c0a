"""Where secrets come from: `secrets.yaml`, which only its owner may read, and the environment."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from hub.core.config.builder import build
from hub.core.config.document import Budget, Document, LimitReached
from hub.core.config.errors import ConfigError
from hub.core.config.nodes import ConfigDict, Mark
from hub.core.config.secrets import REDACTOR, Redactor, Secret
from hub.core.config.source import Unreadable, decode, read_bytes
from hub.core.config.suggest import did_you_mean

SECRETS_FILE = "secrets.yaml"

_OTHERS_MAY = 0o077
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*")


class SecretMissing(Exception):
    """There is no such secret or variable; the message says what to do."""


class SecretStore:
    """Gives secrets by name and tells the redactor about each; the file is read when first needed."""

    def __init__(
        self, file: Path, *, environ: Mapping[str, str] | None = None, redactor: Redactor = REDACTOR
    ) -> None:
        """Use a file and an environment, by default the process's own."""
        self.file = file
        self.problems: list[ConfigError] = []  # with the file as a whole
        self._environ = os.environ if environ is None else environ
        self._redactor = redactor
        self._texts: ConfigDict | None = None

    def secret(self, name: str) -> Secret:
        """The secret of a name in the file; raises SecretMissing."""
        texts = self._read()
        if name in texts:
            return Secret(str(texts[name]))
        if self.problems:  # they say why, once
            return Secret("")
        if not self.file.exists():
            raise SecretMissing(f"there is no {self.file.name}; create it with mode 0600 and a line '{name}: ...'")
        raise SecretMissing(f"no secret {name!r} in {self.file.name}.{did_you_mean(name, texts)}")

    def variable(self, argument: str) -> Secret:
        """The environment variable in `NAME` or `NAME default`; raises SecretMissing."""
        name, *default = argument.split(maxsplit=1)[:2] or [""]
        if not _VARIABLE.fullmatch(name):
            raise SecretMissing(f"{name!r} is no name of a variable; write !env NAME or !env NAME default")
        text = self._environ.get(name)
        if text is not None:
            self._redactor.add(text)
            return Secret(text)
        if default:  # it stands in the configuration, so it is not hidden from logs
            return Secret(default[0])
        hint = did_you_mean(name, self._environ)
        raise SecretMissing(f"environment variable {name} is not set; set it or write !env {name} default.{hint}")

    def _read(self) -> ConfigDict:
        if self._texts is None:
            self._texts = self._parse() if self.file.exists() else ConfigDict()
            for text in self._texts.values():
                self._redactor.add(str(text))
        return self._texts

    def _parse(self) -> ConfigDict:
        name = self.file.name
        start = Mark(name, 1, 1)
        try:
            data, mode = read_bytes(self.file, name)
            if mode & _OTHERS_MAY:
                message = f"others can read the secrets (mode {mode:04o}); run: chmod 600 {name}"
                self.problems.append(ConfigError(message, start))
                return ConfigDict()
            document = build(
                decode(data, name),
                name,
                tags=_NoTags(),
                budget=Budget(),
                errors=self.problems,
                resolve=_as_text,
            )
        except (Unreadable, LimitReached) as error:
            self.problems.append(error.error)
            return ConfigDict()
        if document.value is not None and not isinstance(document.value, ConfigDict):
            self.problems.append(ConfigError("secrets are written as lines 'name: value'", start))
        return self._only_texts(document.value) if isinstance(document.value, ConfigDict) else ConfigDict()

    def _only_texts(self, secrets: ConfigDict) -> ConfigDict:
        for name, value in secrets.items():
            if not isinstance(value, str):
                problem = "has no value" if value is None else "must be one text, not a list or mapping"
                self.problems.append(ConfigError(f"secret {name!r} {problem}", secrets.value_mark(name)))
        return secrets


class _NoTags:
    names = ()

    def read(self, tag: str, argument: str, mark: Mark, depth: int) -> Document | None:
        """Never asked: there are no tags."""
        raise AssertionError(f"{tag} at {mark}")


def _as_text(text: str) -> str | None:
    """A plain scalar as it is written: `0123` and `1e5` may be passwords."""
    return None if text in ("", "~", "null") else text
