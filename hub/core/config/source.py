"""Bytes of a configuration file to text: UTF-8 without control characters, or an error that says where."""

from __future__ import annotations

import os
import re
import stat
from pathlib import Path

from hub.core.config.errors import ConfigError
from hub.core.config.nodes import Mark

FILE_BYTES_MAX = 5_000_000

_BOM_UTF8 = b"\xef\xbb\xbf"
_BOMS_UTF16 = (b"\xff\xfe", b"\xfe\xff")
# What YAML allows in a file; everything else would stop the parser without a position.
_NOT_PRINTABLE = re.compile("[^\t\n\r\x20-\x7e\x85\xa0-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


class Unreadable(Exception):
    """The file has no text that could be parsed."""

    def __init__(self, message: str, mark: Mark) -> None:
        """Say what is wrong and where."""
        super().__init__(message)
        self.error = ConfigError(message, mark)


def read_bytes(path: Path, file: str) -> tuple[bytes, int]:
    """The content and the permission bits of a regular file; raises Unreadable."""
    start = Mark(file, 1, 1)
    try:
        if path.exists() and not path.is_file():  # opening a pipe would wait for its writer
            raise Unreadable("this is not a file", start)
        with path.open("rb") as stream:
            mode = stat.S_IMODE(os.fstat(stream.fileno()).st_mode)
            data = stream.read(FILE_BYTES_MAX + 1)
    except FileNotFoundError as error:
        raise Unreadable("there is no such file", start) from error
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}", start) from error
    if len(data) > FILE_BYTES_MAX:
        limit_mb = FILE_BYTES_MAX // 1_000_000
        raise Unreadable(f"the file is larger than {limit_mb} MB; split it and use !include", start)
    return data, mode


def decode(data: bytes, file: str) -> str:
    """The text of a file; raises Unreadable."""
    if data.startswith(_BOMS_UTF16):
        raise Unreadable("the file is in UTF-16; save it as UTF-8", Mark(file, 1, 1))
    data = data.removeprefix(_BOM_UTF8)
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        before = data[: error.start].decode("utf-8")
        message = f"byte 0x{data[error.start]:02x} is not UTF-8; save the file as UTF-8"
        raise Unreadable(message, _mark_after(before, file)) from error
    bad = _NOT_PRINTABLE.search(text)
    if bad is not None:
        message = f"character U+{ord(bad[0]):04X} is not allowed here; remove it or, in double quotes, escape it"
        raise Unreadable(message, _mark_after(text[: bad.start()], file))
    return text


def _mark_after(before: str, file: str) -> Mark:
    lines = before.replace("\r\n", "\n").replace("\r", "\n").split("\n")
    return Mark(file, len(lines), len(lines[-1]) + 1)
