"""Bytes of a configuration file to text: UTF-8 without control characters, or an error that says where."""

from __future__ import annotations

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
        # A pipe would block the open itself, so the kind of file is looked at before and, against a swap, after.
        if not path.is_file():
            raise Unreadable("this is not a file", start)
        with path.open("rb") as stream:
            status = path.stat() if stream.fileno() < 0 else _status(stream.fileno())
            data = stream.read(FILE_BYTES_MAX + 1)
    except OSError as error:
        raise Unreadable(f"cannot be read: {error.strerror or error}", start) from error
    if len(data) > FILE_BYTES_MAX:
        limit_mb = FILE_BYTES_MAX // 1_000_000
        raise Unreadable(f"the file is larger than {limit_mb} MB; split it with !include", start)
    return data, stat.S_IMODE(status.st_mode)
