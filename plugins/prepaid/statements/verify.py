"""Verifies a proof bundle from the raw register words up, with nothing but the bundle itself. Pure.

Everything that can be computed is computed again: totals from raw counts, segments, charges, sums, hashes, chains.
Each place where the bundle says something else is a finding that names it.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Callable, Iterator, Mapping, Sequence

from hub.core.config import ConfigErrors
from hub.core.errors import HubError
from plugins.prepaid.journal.chain import canonical, sha256
from plugins.prepaid.statements.bundle import Bundle, parse
from plugins.prepaid.statements.flows import CLOSING_KIND
from plugins.prepaid.statements.plain import Malformed
from plugins.prepaid.statements.statement import FORMAT, Statement, derive
from plugins.prepaid.statements.verdict import Verdict
from plugins.prepaid.statements.verify_chains import check_entries, check_reads, check_seals

DIFFERENCES_SHOWN = 5
"""Of each part of a statement; the others are counted."""


def verify(files: Mapping[str, bytes], expected: Sequence[str] = ()) -> Verdict:
    """Verify the files of a bundle; `expected` are hashes, or their beginnings, that it must be about."""
    verdict = Verdict()
    try:
        bundle = parse(files)
    except Malformed as error:
        verdict.add("shape", str(error))
        return verdict
    verdict.statement, verdict.sha = bundle.evidence.frame.id, sha256(bundle.body).hex()
    _guarded(verdict, "statement", lambda: _check_statement(bundle, verdict))
    _guarded(verdict, "tariffs", lambda: _check_documents(bundle, verdict))
    _guarded(verdict, "reads", lambda: check_reads(bundle, verdict))
    _guarded(verdict, "derivation", lambda: _check_derivation(bundle, verdict))
    _guarded(verdict, "entries", lambda: check_entries(bundle, verdict))
    _guarded(verdict, "seals", lambda: check_seals(bundle, verdict))
    _check_expected(expected, verdict)
    return verdict


def _guarded(verdict: Verdict, where: str, check: Callable[[], object]) -> None:
    """A bundle that somebody edited may hold anything: what cannot be computed is a finding too."""
    try:
        check()
    except (HubError, ConfigErrors, ArithmeticError, ValueError, LookupError, TypeError) as error:
        verdict.add(where, f"it cannot be computed: {error}")


def _check_statement(bundle: Bundle, verdict: Verdict) -> None:
    document, proof = bundle.document, bundle.proof
    if canonical(document) != bundle.body:
        verdict.add("statement.json", "it is not written in the one way in which statements are")
    if document.get("format") != FORMAT:
        verdict.add("statement.json: format", f"it is {document.get('format')!r}, and not {FORMAT!r}")
    if proof.sha != sha256(bundle.body):
        verdict.add("statement.json", f"its hash is {verdict.sha[:16]}, the proof is for {proof.sha.hex()[:16]}")
    if proof.statement != verdict.statement:
        verdict.add("proof.json: statement", f"it is for {proof.statement}, and not for {verdict.statement}")
    closing, frame = proof.closing, bundle.evidence.frame
    if frame.closed_us is None:
        if closing is not None:
            verdict.add("proof.json: closing", "the statement is open, and an entry says that it is closed")
        return
    if closing is None:
        verdict.add("proof.json: closing", "the statement is closed, and no entry of the journal says so")
        return
    said = [
        json.loads(meta) for account, _, _, meta in closing.postings if account == frame.ledger_account and meta
    ]
    if closing.kind != CLOSING_KIND or said != [{"statement": verdict.statement, "sha": verdict.sha}]:
        verdict.add(
            "proof.json: closing", "the entry in the journal is about another statement, or another content"
        )


def _check_documents(bundle: Bundle, verdict: Verdict) -> None:
    documents = bundle.evidence.documents
    for sha, body in documents.items():
        if hashlib.sha256(body.encode()).hexdigest() != sha:
            verdict.add(f"tariff {sha[:12]}", "its document has another hash")
    for sha in documents.keys() - {one.sha for one in bundle.evidence.frame.versions}:
        verdict.add(f"tariff {sha[:12]}", "nothing is charged by this document")


def _check_derivation(bundle: Bundle, verdict: Verdict) -> None:
    made = derive(bundle.evidence)
    verdict.segments = len(made.rated.segments)
    derived = json.loads(made.body)
    for name in sorted(bundle.document.keys() | derived.keys()):
        found = list(differences({name: bundle.document.get(name)}, {name: derived.get(name)}, "statement.json"))
        for where, said, gives in found[:DIFFERENCES_SHOWN]:
            verdict.add(where, f"it says {said}, the evidence gives {gives}")
        if len(found) > DIFFERENCES_SHOWN:
            verdict.add(f"statement.json: {name}", f"it differs in {len(found) - DIFFERENCES_SHOWN} more places")
    _check_posted(made, verdict)


def _check_posted(made: Statement, verdict: Verdict) -> None:
    components = made.document["components"]
    assert isinstance(components, list)
    for one in components:
        if one["minor"] != one["posted_minor"]:
            verdict.add(
                f"component {one['component']}",
                f"the reads come to {one['minor']}, the entries posted {one['posted_minor']}",
            )


def _check_expected(expected: Sequence[str], verdict: Verdict) -> None:
    known = [verdict.sha, *verdict.checkpoint.split(" ")[1:]]
    for one in expected:
        wanted = "".join(one.split()).replace("-", "").lower()
        if len(wanted) < 8 or not any(sha.startswith(wanted) for sha in known):
            verdict.add("expected", f"{one} is neither the statement's hash nor the checkpoint's")


def differences(stated: object, derived: object, where: str) -> Iterator[tuple[str, str, str]]:
    """The places where two JSON values differ, the deepest that can be named."""
    if isinstance(stated, dict) and isinstance(derived, dict):
        for name in sorted(stated.keys() | derived.keys()):
            if name not in stated or name not in derived:
                yield f"{where}: {name}", _short(stated.get(name)), _short(derived.get(name))
            else:
                yield from differences(stated[name], derived[name], f"{where}: {name}")
    elif isinstance(stated, list) and isinstance(derived, list) and len(stated) == len(derived):
        for place, (one, other) in enumerate(zip(stated, derived, strict=True)):
            yield from differences(one, other, f"{where}[{place}]")
    elif type(stated) is not type(derived) or stated != derived:
        yield where, _short(stated), _short(derived)


def _short(value: object) -> str:
    text = json.dumps(value, ensure_ascii=False)
    return text if len(text) <= 80 else f"{text[:77]}..."
