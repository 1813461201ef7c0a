"""Where the cells of a table or index lie in an SQLite file, so that a test can damage what is in use."""

from __future__ import annotations

from collections.abc import Iterator

_TABLE_LEAF, _TABLE_INTERIOR, _INDEX_INTERIOR = 13, 5, 2
_FILE_HEADER_BYTES = 100


def cells(data: bytes, root: int) -> Iterator[range]:
    """The bytes of every cell below a root page: length, row number and record; overflow is not expected."""
    page_bytes = int.from_bytes(data[16:18], "big")
    pages = [root]
    while pages:
        number = pages.pop()
        base = (number - 1) * page_bytes
        header = base + (_FILE_HEADER_BYTES if number == 1 else 0)
        kind, count = data[header], int.from_bytes(data[header + 3 : header + 5], "big")
        is_interior = kind in (_TABLE_INTERIOR, _INDEX_INTERIOR)
        if is_interior:
            pages.append(int.from_bytes(data[header + 8 : header + 12], "big"))
        pointers = header + (12 if is_interior else 8)
        for place in range(count):
            start = base + int.from_bytes(data[pointers + 2 * place : pointers + 2 * place + 2], "big")
            if is_interior:
                pages.append(int.from_bytes(data[start : start + 4], "big"))
                start += 4
            if kind == _TABLE_INTERIOR:
                continue
            length, record = _varint(data, start)
            if kind == _TABLE_LEAF:
                _, record = _varint(data, record)
            assert record + length <= base + page_bytes, "a record that overflows its page"
            yield range(start, record + length)


def _varint(data: bytes, place: int) -> tuple[int, int]:
    value = 0
    for length in range(1, 9):
        byte = data[place + length - 1]
        value = value << 7 | byte & 0x7F
        if byte < 0x80:
            return value, place + length
    return value << 8 | data[place + 8], place + 9
