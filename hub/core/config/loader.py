"""Reads a configuration file with all that it includes: values that know their places, or all errors at once."""

from __future__ import annotations

import os
from collections.abc import Callable
from dataclasses import dataclass
from itertools import islice
from pathlib import Path

from hub.core.config.builder import build
from hub.core.config.document import Budget, Document, LimitReached
from hub.core.config.errors import ConfigError, ConfigErrors
from hub.core.config.nodes import ConfigDict, ConfigList, ConfigValue, Mark
from hub.core.config.secret_store import SECRETS_FILE, SecretMissing, SecretStore
from hub.core.config.show import show
from hub.core.config.source import Unreadable, decode, read_bytes
from hub.core.config.suggest import did_you_mean

TOTAL_BYTES_MAX = 20_000_000
FILES_MAX = 2_000
INCLUDE_LEVELS_MAX = 10
_SUFFIXES = (".yaml", ".yml")


@dataclass(frozen=True, slots=True)
class Loaded:
    """What a configuration file holds, with its includes in place."""

    value: ConfigValue
    mark: Mark
    root: Path
    files: tuple[Path, ...]  # all that were read, in order; watch these to notice a change


def load(path: Path, *, root: Path | None = None, secrets: SecretStore | None = None) -> Loaded:
    """Read a YAML file; raises ConfigErrors with everything that is wrong in it and in its includes.

    `root` is the folder that includes may not leave and that marks are relative to; by default the file's own.
    """
    root = Path(os.path.realpath(path.parent if root is None else root))
    return _Loading(root, secrets or SecretStore(root / SECRETS_FILE)).load(path)


class _Loading:
    """One load: the files on the way to where it reads, and what all files used up and got wrong."""

    def __init__(self, root: Path, secrets: SecretStore) -> None:
        self._root = root
        self._secrets = secrets
        self._secrets_file = Path(os.path.realpath(secrets.file))
        self._budget = Budget()
        self._errors: list[ConfigError] = []
        self._open: list[Path] = []
        self._files: list[Path] = []
        self._bytes = 0
        self._readers: dict[str, Callable[[str, Mark, int], Document | None]] = {
            "!include": self._include,
            "!include_dir_list": self._include_dir_list,
            "!include_dir_named": self._include_dir_named,
            "!secret": self._secret,
            "!env": self._env,
        }
        self.names = tuple(self._readers)

    def load(self, path: Path) -> Loaded:
        document = Document(None, Mark("", 1, 1), 0)
        try:
            document = self._read_file(Path(os.path.realpath(path)), 0)
        except LimitReached as error:
            self._errors.append(error.error)
        errors = self._errors + self._secrets.problems
        if errors:
            raise ConfigErrors(errors)
        return Loaded(document.value, document.mark, self._root, tuple(dict.fromkeys(self._files)))

    def read(self, tag: str, argument: str, mark: Mark, depth: int) -> Document | None:
        """The value of a tag, or None with the error recorded."""
        return self._readers[tag](argument, mark, depth)

    def _fail(self, message: str, mark: Mark) -> None:
        self._errors.append(ConfigError(message, mark))

    def _name(self, path: Path) -> str:
        return path.relative_to(self._root).as_posix() if path.is_relative_to(self._root) else str(path)

    def _read_file(self, path: Path, depth: int) -> Document:
        name = self._name(path)
        start = Mark(name, 1, 1)
        if len(self._files) >= FILES_MAX:
            raise LimitReached(f"more than {FILES_MAX:,} files are included", start)
        self._files.append(path)
        try:
            data, _ = read_bytes(path, name)
            self._bytes += len(data)
            if self._bytes > TOTAL_BYTES_MAX:
                total_mb = TOTAL_BYTES_MAX // 1_000_000
                raise LimitReached(f"the included files together are larger than {total_mb} MB", start)
            text = decode(data, name)
        except Unreadable as error:
            self._errors.append(error.error)
            return Document(None, start, depth)
        self._open.append(path)
        try:
            return build(text, name, tags=self, budget=self._budget, errors=self._errors, depth=depth)
        finally:
            self._open.pop()

    def _resolve(self, argument: str, mark: Mark) -> Path | None:
        """The real path of what is included, if it lies inside the root."""
        try:
            path = Path(os.path.realpath(self._open[-1].parent / argument))
            path.exists()  # a name that is too long and a folder that may not be read raise here
        except (OSError, ValueError) as error:  # ValueError: a NUL
            reason = error.strerror if isinstance(error, OSError) else "it has a NUL in it"
            self._fail(f"{show(argument)} cannot be read: {reason}", mark)
            return None
        if not argument.strip() or not path.is_relative_to(self._root):
            self._fail(f"{argument!r} leads outside the configuration folder; move the file into it", mark)
            return None
        return path

    def _may_read(self, path: Path, mark: Mark) -> bool:
        if path == self._secrets_file:
            self._fail(f"{path.name} is not for including; write !secret NAME where the value belongs", mark)
        elif path in self._open:
            circle = [*self._open[self._open.index(path) :], path]
            self._fail(f"the file includes itself: {' -> '.join(map(self._name, circle))}", mark)
        elif len(self._open) > INCLUDE_LEVELS_MAX:
            self._fail(f"more than {INCLUDE_LEVELS_MAX} files include each other in a row", mark)
        else:
            return True
        return False

    def _include(self, argument: str, mark: Mark, depth: int) -> Document | None:
        path = self._resolve(argument, mark)
        if path is None:
            return None
        if not path.is_file():
            problem = "is not a file" if path.exists() else "does not exist"
            self._fail(f"{argument!r} {problem}.{self._close_names(path)}", mark)
            return None
        return self._read_file(path, depth) if self._may_read(path, mark) else None

    def _close_names(self, path: Path) -> str:
        try:
            return did_you_mean(path.name, (entry.name for entry in islice(path.parent.iterdir(), FILES_MAX)))
        except OSError:
            return ""

    def _include_dir_list(self, argument: str, mark: Mark, depth: int) -> Document | None:
        items = ConfigList()
        items.file, items.place = mark.file, mark
        documents = self._read_folder(argument, mark, depth)
        for _, document in documents:
            items.append(document.value)
            items.places.append(document.mark)
        return Document(items, mark, _deepest(documents, depth))

    def _include_dir_named(self, argument: str, mark: Mark, depth: int) -> Document | None:
        named = ConfigDict()
        named.file, named.place = mark.file, mark
        documents = self._read_folder(argument, mark, depth)
        for path, document in documents:
            key = path.stem
            if key in named:
                self._fail(f"two files are named {key!r}; the other is {named.key_mark(key)}", document.mark)
            named[key] = document.value
            named.places[key] = (Mark(self._name(path), 1, 1), document.mark)
        return Document(named, mark, _deepest(documents, depth))

    def _read_folder(self, argument: str, mark: Mark, depth: int) -> list[tuple[Path, Document]]:
        """Every YAML file in a folder and its subfolders, by name; hidden ones and the secrets are left out."""
        folder = self._resolve(argument, mark)
        if folder is None:
            return []
        if not folder.is_dir():
            problem = "is not a folder" if folder.exists() else "does not exist"
            self._fail(f"{argument!r} {problem}.{self._close_names(folder)}", mark)
            return []
        documents = []
        for found in self._yaml_files(folder):
            path = self._resolve(str(found), mark)
            if path is None or path == self._secrets_file or not self._may_read(path, mark):
                continue
            documents.append((found, self._read_file(path, depth + 1)))
        return documents

    def _yaml_files(self, folder: Path) -> list[Path]:
        found = islice((path for path in folder.rglob("*.y*ml") if path.suffix in _SUFFIXES), FILES_MAX + 1)
        return sorted(path for path in found if not _is_hidden(path.relative_to(folder)))

    def _secret(self, argument: str, mark: Mark, depth: int) -> Document | None:
        return self._hidden(self._secrets.secret, argument, mark, depth)

    def _env(self, argument: str, mark: Mark, depth: int) -> Document | None:
        return self._hidden(self._secrets.variable, argument, mark, depth)

    def _hidden(self, find: Callable[[str], ConfigValue], name: str, mark: Mark, depth: int) -> Document | None:
        try:
            return Document(find(name.strip()), mark, depth)
        except SecretMissing as error:
            self._fail(str(error), mark)
            return None


def _deepest(documents: list[tuple[Path, Document]], depth: int) -> int:
    return max((document.deepest for _, document in documents), default=depth + 1)


def _is_hidden(path: Path) -> bool:
    return any(part.startswith(".") for part in path.parts)
