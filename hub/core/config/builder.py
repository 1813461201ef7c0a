"""YAML events to plain values with their places: within limits, and with all errors of the document at once.

Keys are text: `1:` and `on:` are the keys "1" and "on", as written. Aliases share the value they name.
The merge key `<<` works as in YAML 1.1, since rules written for other hubs use it.
"""

from __future__ import annotations

from collections.abc import Callable
from decimal import Decimal
from typing import NamedTuple

from yaml import YAMLError
from yaml.events import (
    AliasEvent,
    DocumentStartEvent,
    Event,
    MappingEndEvent,
    MappingStartEvent,
    ScalarEvent,
    SequenceEndEvent,
    SequenceStartEvent,
)

from hub.core.config.document import (
    ALIASES_MAX,
    DEPTH_MAX,
    ERRORS_MAX,
    NODES_MAX,
    Budget,
    Document,
    LimitReached,
    Tags,
)
from hub.core.config.errors import ConfigError
from hub.core.config.nodes import COLUMN_BITS, ConfigDict, ConfigList, ConfigValue, Place, pack_place, unpack_place
from hub.core.config.parser import explain, new_parser
from hub.core.config.scalars import NumberOutOfRange, Scalar, resolve_scalar
from hub.core.config.show import show
from hub.core.config.suggest import did_you_mean

_YAML_TAG = "tag:yaml.org,2002:"
_TEXT_TAGS = (None, "!", _YAML_TAG + "str")
_SCALAR_TAGS: dict[str, tuple[type, ...]] = {
    _YAML_TAG + "null": (type(None),),
    _YAML_TAG + "bool": (bool,),
    _YAML_TAG + "int": (int,),
    _YAML_TAG + "float": (Decimal, float, int),
}
_CONTAINERS: dict[type, tuple[type[ConfigDict | ConfigList], tuple[str | None, ...]]] = {
    MappingStartEvent: (ConfigDict, (None, "!", _YAML_TAG + "map")),
    SequenceStartEvent: (ConfigList, (None, "!", _YAML_TAG + "seq")),
}


class _Abandoned(Exception):
    """The rest of this document makes no sense; the reason is recorded."""


class _Anchored(NamedTuple):
    value: ConfigValue
    size: int
    height: int  # levels of lists and mappings, 0 for a scalar


class _Frame:
    """A list or mapping that is being filled."""

    __slots__ = (
        "anchor",
        "container",
        "deepest",
        "drops_value",
        "key",
        "key_place",
        "merges",
        "merges_value",
        "nodes_before",
    )

    def __init__(self, container: ConfigDict | ConfigList, anchor: str | None, depth: int, nodes: int) -> None:
        self.container = container
        self.anchor = anchor
        self.deepest = depth
        self.nodes_before = nodes
        self.key: str | None = None  # None while the mapping awaits a key
        self.key_place: Place = 0
        self.drops_value = False  # its key was wrong
        self.merges_value = False  # its key is <<
        self.merges: list[ConfigDict] | None = None


class _Builder:
    def __init__(
        self,
        file: str,
        tags: Tags,
        budget: Budget,
        errors: list[ConfigError],
        depth: int,
        resolve: Callable[[str], Scalar],
    ) -> None:
        self._file = file
        self._tags = tags
        self._budget = budget
        self._errors = errors
        self._depth = depth  # of the list or mapping that includes this document
        self._deepest = depth
        self._resolve = resolve
        self._resolved: dict[str, Scalar] = {}  # texts repeat: this spares time and memory
        self._anchors: dict[str, _Anchored | None] = {}  # None while the node is still open
        self._stack: list[_Frame] = []
        self._documents = 0
        self._root: tuple[ConfigValue, Place] = (None, 0)

    def build(self, text: str) -> Document:
        handlers: dict[type[Event], Callable[..., None]] = {
            ScalarEvent: self._on_scalar,
            MappingStartEvent: self._on_start,
            SequenceStartEvent: self._on_start,
            MappingEndEvent: self._on_end,
            SequenceEndEvent: self._on_end,
            AliasEvent: self._on_alias,
            DocumentStartEvent: self._on_document,
        }
        try:
            next_event = new_parser(text).get_event
            while (event := next_event()) is not None:
                handler = handlers.get(type(event))
                if handler is not None:
                    handler(event)
        except YAMLError as error:
            message, line, column = explain(error, text)
            self._fail(message, pack_place(line, column))
        except _Abandoned:
            pass
        value, place = self._root
        return Document(value, unpack_place(self._file, place), self._deepest)

    def _fail(self, message: str, place: Place) -> None:
        mark = unpack_place(self._file, place)
        if len(self._errors) >= ERRORS_MAX:
            raise LimitReached(f"more than {ERRORS_MAX} errors; the rest was not read", mark)
        self._errors.append(ConfigError(message, mark))

    def _count_nodes(self, nodes: int, place: Place) -> None:
        self._budget.nodes += nodes
        if self._budget.nodes > NODES_MAX:
            message = f"the configuration has more than {NODES_MAX:,} values, counting what each alias stands for"
            raise LimitReached(message, unpack_place(self._file, place))

    def _on_document(self, event: DocumentStartEvent) -> None:
        self._documents += 1
        if self._documents > 1:
            self._fail("a second document starts here; a file holds one, so split it at '---'", _place(event))
            raise _Abandoned

    def _on_scalar(self, event: ScalarEvent) -> None:
        place: Place = _place(event)
        budget = self._budget
        nodes_before = budget.nodes
        budget.nodes += 1
        if budget.nodes > NODES_MAX:
            self._count_nodes(0, place)
        if self._stack:
            top = self._stack[-1]
            if top.key is None and type(top.container) is ConfigDict:
                self._take_key(top, top.container, event, place)
                return
        text, tag = event.value, event.tag
        value: ConfigValue = text
        height = 0
        if tag is None:
            if event.implicit[0]:
                value = self._resolved[text] if text in self._resolved else self._resolve_plain(text, place)
        elif tag not in _TEXT_TAGS:
            value, place, height = self._read_tag(tag, text, place)
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(value, budget.nodes - nodes_before, height)
        self._put(value, place)

    def _resolve_plain(self, text: str, place: Place) -> Scalar:
        try:
            value = self._resolve(text)
        except NumberOutOfRange as error:
            self._fail(str(error), place)
            return None
        self._resolved[text] = value
        return value

    def _read_tag(self, tag: str, text: str, place: Place) -> tuple[ConfigValue, Place, int]:
        """The value of a tagged scalar, where it is written, and its levels of lists and mappings."""
        if tag in _SCALAR_TAGS:
            value = self._resolve_plain(text, place)
            if type(value) not in _SCALAR_TAGS[tag]:
                self._fail(f"this text is no {tag.removeprefix(_YAML_TAG)} as its tag says", place)
            return value, place, 0
        if tag not in self._tags.names:
            self._fail(self._unknown_tag(tag), place)
            return None, place, 0
        depth = self._depth + len(self._stack)
        document = self._tags.read(tag, text, unpack_place(self._file, place), depth)
        if document is None:
            return None, place, 0
        self._reach(document.deepest)
        return document.value, document.mark, document.deepest - depth

    def _reach(self, depth: int) -> None:
        self._deepest = max(self._deepest, depth)
        if self._stack:
            self._stack[-1].deepest = max(self._stack[-1].deepest, depth)

    def _unknown_tag(self, tag: str) -> str:
        names = self._tags.names
        if not names:  # the text may be a secret, so it is not repeated
            return "tags mean nothing in this file; put a text that starts with '!' in quotes"
        shown = tag.replace(_YAML_TAG, "!!")
        return f"unknown tag {shown!r}; there are {', '.join(names)}.{did_you_mean(shown, names)}"

    def _take_key(self, frame: _Frame, mapping: ConfigDict, event: ScalarEvent, place: Place) -> None:
        key = event.value
        is_plain = event.implicit[0] and event.tag is None
        frame.key = key
        frame.key_place = place
        frame.merges_value = frame.drops_value = False
        if event.tag not in _TEXT_TAGS:
            self._fail("a key cannot have a tag", place)
            frame.drops_value = True
        elif is_plain and key == "<<":
            frame.merges_value = True
            if frame.merges is not None:
                self._fail("duplicate key '<<'; merge several with <<: [*a, *b]", place)
            frame.merges = frame.merges or []
        elif is_plain and key in ("", "~", "null"):
            self._fail("this key is empty; write a name before the colon", place)
            frame.drops_value = True
        elif key in mapping:
            self._fail(f"duplicate key {show(key)}; it is already at {mapping.key_mark(key)}", place)
            frame.drops_value = True
        if event.anchor is not None:
            self._anchors[event.anchor] = _Anchored(key, 1, 0)

    def _on_start(self, event: MappingStartEvent | SequenceStartEvent) -> None:
        place = _place(event)
        self._count_nodes(1, place)
        depth = self._depth + len(self._stack) + 1
        if depth > DEPTH_MAX:
            self._fail(f"more than {DEPTH_MAX} lists and mappings in each other", place)
            raise _Abandoned
        make, tags = _CONTAINERS[type(event)]
        if event.tag not in tags:
            self._fail(self._misplaced_tag(str(event.tag)), place)
        container = make()
        container.file = self._file
        container.place = place
        if event.anchor is not None:
            self._anchors[event.anchor] = None
        self._stack.append(_Frame(container, event.anchor, depth, self._budget.nodes - 1))

    def _misplaced_tag(self, tag: str) -> str:
        if tag in self._tags.names:
            return f"{tag} needs a text after it, not a list or mapping"
        return self._unknown_tag(tag)

    def _on_end(self, _: MappingEndEvent | SequenceEndEvent) -> None:
        frame = self._stack.pop()
        container = frame.container
        if frame.merges and type(container) is ConfigDict:
            _merge(container, frame.merges)
        self._reach(frame.deepest)
        if frame.anchor is not None:
            size = self._budget.nodes - frame.nodes_before
            height = frame.deepest - self._depth - len(self._stack)
            self._anchors[frame.anchor] = _Anchored(container, size, height)
        self._put(container, container.place or 0)

    def _on_alias(self, event: AliasEvent) -> None:
        place = _place(event)
        self._budget.aliases += 1
        if self._budget.aliases > ALIASES_MAX:
            raise LimitReached(f"more than {ALIASES_MAX:,} aliases", unpack_place(self._file, place))
        name = event.anchor or ""
        anchored = self._anchors.get(name)
        value: ConfigValue = None
        if anchored is None:
            # The name is not repeated: it may be a password that starts with '*'.
            problem = "stands inside the value it names" if name in self._anchors else "names nothing before it"
            self._fail(f"this alias {problem}; put a text that starts with '*' in quotes", place)
        else:
            self._count_nodes(anchored.size, place)
            depth = self._depth + len(self._stack) + anchored.height
            if depth > DEPTH_MAX:
                self._fail(f"more than {DEPTH_MAX} lists and mappings in each other, through this alias", place)
            self._reach(depth)
            value = anchored.value
        self._put(value, place)

    def _put(self, value: ConfigValue, place: Place) -> None:
        if not self._stack:
            self._root = (value, place)
            return
        frame = self._stack[-1]
        container = frame.container
        if type(container) is ConfigList:
            container.append(value)
            container.places.append(place)
        elif type(container) is ConfigDict:
            key = frame.key
            if key is None:
                message = "a key must be a text; put a template such as '{{ ... }}' in quotes"
                self._fail(message, place)
                frame.key = ""
                frame.drops_value, frame.merges_value = True, False
                return
            if frame.merges_value:
                self._take_merge(frame, value, place)
            elif not frame.drops_value:
                container[key] = value
                container.places[key] = (frame.key_place, place)
            frame.key = None

    def _take_merge(self, frame: _Frame, value: ConfigValue, place: Place) -> None:
        merges = frame.merges if frame.merges is not None else []
        sources = value if isinstance(value, ConfigList) else [value]
        for source in sources:
            if isinstance(source, ConfigDict):
                merges.append(source)
            elif source is not None or not self._errors or self._errors[-1].mark != unpack_place(self._file, place):
                self._fail("<< merges mappings; give it an alias of one, or a list of such aliases", place)


def build(
    text: str,
    file: str,
    *,
    tags: Tags,
    budget: Budget,
    errors: list[ConfigError],
    depth: int = 0,
    resolve: Callable[[str], Scalar] = resolve_scalar,
) -> Document:
    """The document in a text, its errors added to `errors`; raises LimitReached when all is too much."""
    return _Builder(file, tags, budget, errors, depth, resolve).build(text)


def _place(event: Event) -> int:
    mark = event.start_mark
    return 0 if mark is None else mark.line << COLUMN_BITS | mark.column  # pack_place, without its call


def _merge(mapping: ConfigDict, sources: list[ConfigDict]) -> None:
    """Add the keys that the mapping does not have itself; an earlier source wins over a later one."""
    for source in sources:
        for key, value in source.items():
            if key not in mapping:
                mapping[key] = value
                key_place, value_place = source.places[key]
                if source.file != mapping.file:
                    key_place = unpack_place(source.file, key_place)
                    value_place = unpack_place(source.file, value_place)
                mapping.places[key] = (key_place, value_place)
