"""Loss of power as files see it: what a recorded run wrote, and what a disk may hold of it after a cut.

A small library around the C library's file calls writes down what SQLite does to the hub's files, in order. After a
cut, everything synced is there; of what was written since, each sector of 512 bytes is there, torn, or not, and a
file's name is there once its folder was synced. Shared memory is gone.
"""

from __future__ import annotations

import struct
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from random import Random  # noqa: TID251 - only its type: whoever calls brings a seeded one

SECTOR_BYTES = 512
_HEAD = struct.Struct("<ccqI")

NAMES = {b"d": "data/hub.db", b"w": "data/hub.db-wal", b"a": "outside.jsonl"}
"""The files that are watched, below the site's folder; the last says what was acknowledged."""

SHIM = r"""
#define _GNU_SOURCE
#include <dlfcn.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#define REAL(name) ((__typeof__(&name))dlsym(RTLD_NEXT, #name))
static pthread_mutex_t turn = PTHREAD_MUTEX_INITIALIZER;
static char files[4096];
static int record = -1;
static int ends(const char *path, const char *end) {
  size_t a = strlen(path), b = strlen(end);
  return a >= b && !strcmp(path + a - b, end);
}
static char file_of(const char *path) {
  if (ends(path, "/data/hub.db")) return 'd';
  if (ends(path, "/data/hub.db-wal")) return 'w';
  if (ends(path, "/outside.jsonl")) return 'a';
  return ends(path, "/data") ? 'f' : 0;
}
static char file_at(int fd) { return fd >= 0 && fd < 4096 ? files[fd] : 0; }
static void note(char what, char file, int64_t offset, uint32_t length, const void *bytes) {
  char head[14];
  const char *path = getenv("POWER_RECORD");
  if (record < 0 && path) record = REAL(open64)(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
  head[0] = what; head[1] = file;
  memcpy(head + 2, &offset, 8); memcpy(head + 10, &length, 4);
  if (REAL(write)(record, head, 14) != 14) abort();
  if (bytes && REAL(write)(record, bytes, length) != (ssize_t)length) abort();
}
static int opened(const char *path, int flags, int mode, int (*real)(const char *, int, ...)) {
  char file = file_of(path);
  if (!file) return real(path, flags, mode);
  pthread_mutex_lock(&turn);
  int is_new = access(path, F_OK) != 0, fd = real(path, flags, mode);
  if (fd >= 0 && fd < 4096) files[fd] = file;
  if (fd >= 0 && is_new) note('c', file, 0, 0, 0);
  pthread_mutex_unlock(&turn);
  return fd;
}
#define OPEN(name) int name(const char *path, int flags, ...) { \
  va_list rest; va_start(rest, flags); int mode = va_arg(rest, int); va_end(rest); \
  return opened(path, flags, mode, REAL(name)); }
OPEN(open) OPEN(open64)
int close(int fd) {
  if (fd >= 0 && fd < 4096) files[fd] = 0;
  return REAL(close)(fd);
}
ssize_t pwrite64(int fd, const void *bytes, size_t length, off64_t offset) {
  char file = file_at(fd);
  if (!file) return REAL(pwrite64)(fd, bytes, length, offset);
  pthread_mutex_lock(&turn);
  ssize_t done = REAL(pwrite64)(fd, bytes, length, offset);
  if (done > 0) note('w', file, offset, done, bytes);
  pthread_mutex_unlock(&turn);
  return done;
}
ssize_t write(int fd, const void *bytes, size_t length) {
  char file = file_at(fd);
  if (!file) return REAL(write)(fd, bytes, length);
  pthread_mutex_lock(&turn);
  ssize_t done = REAL(write)(fd, bytes, length);
  if (done > 0) note('w', file, -1, done, bytes);
  pthread_mutex_unlock(&turn);
  return done;
}
static int synced(int fd, int (*real)(int)) {
  char file = file_at(fd);
  int done = real(fd);
  if (!file || done) return done;
  pthread_mutex_lock(&turn);
  note('s', file, 0, 0, 0);
  pthread_mutex_unlock(&turn);
  return done;
}
int fsync(int fd) { return synced(fd, REAL(fsync)); }
int fdatasync(int fd) { return synced(fd, REAL(fdatasync)); }
int ftruncate64(int fd, off64_t size) {
  char file = file_at(fd);
  if (!file) return REAL(ftruncate64)(fd, size);
  pthread_mutex_lock(&turn);
  int done = REAL(ftruncate64)(fd, size);
  if (!done) note('t', file, size, 0, 0);
  pthread_mutex_unlock(&turn);
  return done;
}
int unlink(const char *path) {
  char file = file_of(path);
  if (!file) return REAL(unlink)(path);
  pthread_mutex_lock(&turn);
  int done = REAL(unlink)(path);
  if (!done) note('u', file, 0, 0, 0);
  pthread_mutex_unlock(&turn);
  return done;
}
"""


@dataclass(frozen=True, slots=True)
class Step:
    """One call that changed a file: created, written, truncated, unlinked or synced."""

    what: bytes
    file: bytes
    offset: int = 0
    data: bytes = b""


@dataclass(slots=True)
class Inode:
    """One file's contents: what is surely on the disk, and what has been done to it since."""

    durable: bytes = b""
    whole: bytearray = field(default_factory=bytearray)
    """What readers see while there is power."""
    pending: list[Step] = field(default_factory=list)

    def take(self, step: Step) -> None:
        """Do a step."""
        if step.what == b"s":
            self.durable = bytes(self.whole)
            self.pending.clear()
            return
        apply(self.whole, step.offset, step)
        self.pending.append(step)

    def after_cut(self, chance: Random) -> bytes:
        """What the disk may hold of it when power goes now."""
        image = bytearray(self.durable)
        kept = chance.choice((0.0, 0.05, 0.5, 0.95, 1.0))
        for step in self.pending:
            if step.what == b"t":
                if chance.random() < kept:
                    apply(image, step.offset, step)
                continue
            for begin, sector in _sectors(step):
                luck = chance.random()
                if luck < kept:
                    apply(image, begin, Step(b"w", step.file, begin, sector))
                elif luck < kept + 0.02:
                    torn = sector[: chance.randrange(len(sector))]
                    apply(image, begin, Step(b"w", step.file, begin, torn))
        return bytes(image)


class Disk:
    """The watched files, step by step."""

    def __init__(self) -> None:
        """Begin with an empty folder."""
        self._names: dict[bytes, Inode] = {}
        self._durable_names: dict[bytes, Inode] = {}
        self._renamed: list[tuple[bytes, Inode | None]] = []
        """What happened to names since the folder was synced."""
        self.said = bytearray()
        """What was acknowledged; the world outside has a disk of its own."""

    def take(self, step: Step) -> None:
        """Do a step."""
        if step.file == b"a":
            self.said += step.data
        elif step.file == b"f":
            if step.what == b"s":
                self._durable_names = dict(self._names)
                self._renamed.clear()
        elif step.what == b"u":
            self._name(step.file, None)
        elif step.file not in self._names:
            self._name(step.file, Inode())
            self._names[step.file].take(step) if step.what != b"c" else None
        elif step.what != b"c":
            self._names[step.file].take(step)

    def whole(self) -> dict[bytes, bytes]:
        """The files as readers see them while there is power."""
        return {name: bytes(inode.whole) for name, inode in self._names.items()}

    def after_cut(self, chance: Random) -> dict[bytes, bytes]:
        """The files as they may be when power goes now; changes of names take effect in their order."""
        names = dict(self._durable_names)
        for name, inode in self._renamed[: chance.randint(0, len(self._renamed))]:
            names.pop(name, None)
            if inode is not None:
                names[name] = inode
        return {name: inode.after_cut(chance) for name, inode in names.items()}

    def _name(self, name: bytes, inode: Inode | None) -> None:
        self._names.pop(name, None)
        if inode is not None:
            self._names[name] = inode
        self._renamed.append((name, inode))


def apply(content: bytearray, offset: int, step: Step) -> None:
    """Write or truncate; what lies between the end and the offset becomes zeros."""
    if step.what == b"t":
        del content[offset:]
        content.extend(bytes(offset - len(content)))
        return
    if len(content) < offset:
        content.extend(bytes(offset - len(content)))
    content[offset : offset + len(step.data)] = step.data


def _sectors(step: Step) -> Iterator[tuple[int, bytes]]:
    """The pieces of a write that reach the disk together."""
    begin, end = step.offset, step.offset + len(step.data)
    while begin < end:
        until = min(end, (begin // SECTOR_BYTES + 1) * SECTOR_BYTES)
        yield begin, step.data[begin - step.offset : until - step.offset]
        begin = until


def steps_of(record: Path) -> list[Step]:
    """What was recorded."""
    raw, place, found = record.read_bytes(), 0, []
    while place < len(raw):
        what, file, offset, length = _HEAD.unpack_from(raw, place)
        place += _HEAD.size
        data = raw[place : place + length] if what == b"w" else b""
        place += len(data)
        found.append(Step(what, file, offset, data))
    return found


def write_image(folder: Path, files: dict[bytes, bytes], said: bytes) -> None:
    """Lay out a site as it is found after the cut."""
    for name, path in NAMES.items():
        (folder / path).unlink(missing_ok=True)
        if name in files:
            (folder / path).write_bytes(files[name])
    (folder / "data" / "hub.db-shm").unlink(missing_ok=True)
    (folder / NAMES[b"a"]).write_bytes(said)
