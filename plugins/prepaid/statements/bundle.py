"""The proof bundle: one file that anybody can check without the hub, its database or its word.

A zip of three JSON texts: the statement itself, the evidence that it is derived from, and the proof that the
evidence is what the ledger sealed. Files inside bear no times: the same statement gives the same bundle.
"""

from __future__ import annotations

import io
import json
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from hub.core.errors import HubError
from plugins.prepaid.gate.reads import AcceptedRead
from plugins.prepaid.journal.chain import canonical
from plugins.prepaid.statements.evidence import Evidence, Frame, JournalEntry
from plugins.prepaid.statements.plain import Malformed, plain, read
from plugins.prepaid.statements.proof import Proof, Proven, ReadChain

STATEMENT, EVIDENCE, PROOF, README = "statement.json", "evidence.json", "proof.json", "README.txt"
FORMAT = "hub-evidence/1"
BYTES_MAX = 200_000_000
"""More than a year of readings every minute; whatever unpacks to more is no bundle."""

_BEFORE_ALL_TIMES = (1980, 1, 1, 0, 0, 0)
_TEXT = """\
This file proves a statement of electricity. Check it, on any computer with Hub, no connection needed:

    hub statement verify THIS_FILE

statement.json  the statement; its SHA-256 is the hash that is printed on paper
evidence.json   meter reads with their raw register words, tariff documents, ledger entries
proof.json      how these stand in the hash chains that the ledger seals every day

The hash printed on your statement, and the daily hash if somebody told you one, are what ties this file to what
you were given: compare them, or let the command do it with --expect.
"""


class NoBundle(HubError):
    """A file that is no proof bundle."""


@dataclass(frozen=True, slots=True)
class Bundle:
    """A bundle as it was read; nothing of it is believed yet."""

    body: bytes
    """The statement's bytes."""
    document: dict[str, Any]
    evidence: Evidence
    chains: Mapping[int, ReadChain]
    proof: Proof


def texts_of(proven: Proven) -> dict[str, str]:
    """The files of a bundle by name."""
    evidence = proven.statement.evidence
    return {
        STATEMENT: proven.statement.body.decode(),
        EVIDENCE: canonical(
            {
                "format": FORMAT,
                "reads": {str(epoch): plain(chain) for epoch, chain in proven.chains.items()},
                "documents": dict(evidence.documents),
                "entries": plain(evidence.entries),
            }
        ).decode(),
        PROOF: canonical(plain(proven.proof)).decode(),
        README: _TEXT,
    }


def pack(texts: Mapping[str, str]) -> bytes:
    """The texts as one file."""
    packed = io.BytesIO()
    with zipfile.ZipFile(packed, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in sorted(texts):
            info = zipfile.ZipInfo(name, _BEFORE_ALL_TIMES)
            info.compress_type, info.create_system, info.external_attr = zipfile.ZIP_DEFLATED, 3, 0o644 << 16
            archive.writestr(info, texts[name].encode())
    return packed.getvalue()


def unpack(data: bytes) -> dict[str, bytes]:
    """The files of a bundle, as they are; raises `NoBundle`."""
    try:
        with zipfile.ZipFile(io.BytesIO(data)) as archive:
            infos = {info.filename: info for info in archive.infolist()}
            missing = [name for name in (STATEMENT, EVIDENCE, PROOF) if name not in infos]
            if missing:
                raise NoBundle(f"this is no proof bundle: {', '.join(missing)} is missing in it")
            wanted = [infos[name] for name in (STATEMENT, EVIDENCE, PROOF)]
            if sum(info.file_size for info in wanted) > BYTES_MAX:
                raise NoBundle(f"this is no proof bundle: it unpacks to more than {BYTES_MAX} bytes")
            return {info.filename: _content(archive, info) for info in wanted}
    except (zipfile.BadZipFile, zipfile.LargeZipFile, NotImplementedError, RuntimeError, EOFError) as error:
        raise NoBundle(
            f"this is no proof bundle: {error}; give the .zip that `hub statement export` wrote"
        ) from None


def parse(files: Mapping[str, bytes]) -> Bundle:
    """What the files of a bundle say; raises `Malformed` with the place that is wrong."""
    document = _json(files, STATEMENT)
    frame = read(Frame, document.get("frame"), f"{STATEMENT}: frame")
    stated = _json(files, EVIDENCE)
    if stated.get("format") != FORMAT:
        raise Malformed(
            f"{EVIDENCE}: its format is {stated.get('format')!r}, not {FORMAT!r}; use the hub that made it"
        )
    chains = read(Mapping[str, ReadChain], stated.get("reads"), f"{EVIDENCE}: reads")  # type: ignore[type-abstract]
    documents = read(Mapping[str, str], stated.get("documents"), f"{EVIDENCE}: documents")  # type: ignore[type-abstract]
    entries = read(tuple[JournalEntry, ...], stated.get("entries"), f"{EVIDENCE}: entries")
    by_epoch = {_whole(name): chain for name, chain in chains.items()}
    reads = {epoch: _by_time(chain.rows) for epoch, chain in by_epoch.items()}
    proof = read(Proof, _json(files, PROOF), PROOF)
    return Bundle(files[STATEMENT], document, Evidence(frame, reads, documents, entries), by_epoch, proof)


def _by_time(rows: tuple[AcceptedRead, ...]) -> tuple[AcceptedRead, ...]:
    return tuple(sorted(rows, key=lambda one: one.at_us))


def _content(archive: zipfile.ZipFile, info: zipfile.ZipInfo) -> bytes:
    with archive.open(info) as stream:
        content = stream.read(info.file_size + 1)
    if len(content) > info.file_size:
        raise NoBundle(f"this is no proof bundle: {info.filename} is longer than it says")
    return content


def _json(files: Mapping[str, bytes], name: str) -> dict[str, Any]:
    try:
        value = json.loads(files[name], parse_float=_no_float, parse_constant=_no_float)
    except (ValueError, RecursionError) as error:
        raise Malformed(f"{name} is no JSON of whole numbers: {error}") from None
    if not isinstance(value, dict):
        raise Malformed(f"{name} is no JSON object")
    return value


def _no_float(text: str) -> object:
    raise ValueError(f"{text} is no whole number")


def _whole(text: str) -> int:
    if not (text.isascii() and text.isdecimal() and len(text) < 19):
        raise Malformed(f"{EVIDENCE}: reads: {text!r} is no number of an epoch")
    return int(text)
