"""Verifies what a bundle's reads and entries are chained by: each hash is computed from what it stands for."""

from __future__ import annotations

import json
from collections.abc import Sequence
from itertools import pairwise

from plugins.prepaid.gate.judge import Nature
from plugins.prepaid.gate.reads import link as link_read
from plugins.prepaid.journal.chain import link, verify_proof
from plugins.prepaid.journal.chained import chained_payload
from plugins.prepaid.journal.records import payload_sha, row_payload
from plugins.prepaid.places.records import Epoch
from plugins.prepaid.statements.bundle import Bundle
from plugins.prepaid.statements.evidence import JournalEntry
from plugins.prepaid.statements.proof import CheckpointRow, ReadChain, SealRow
from plugins.prepaid.statements.verdict import Verdict
from plugins.prepaid.statements.words import misread


def check_reads(bundle: Bundle, verdict: Verdict) -> None:
    """Every read's hash, total and words, and where the chains end."""
    epochs = {epoch.id: epoch for epoch in bundle.evidence.frame.epochs}
    checkpoint = bundle.proof.checkpoint
    heads = {} if checkpoint is None else json.loads(checkpoint.heads)
    for number, chain in bundle.chains.items():
        epoch = epochs.get(number)
        if epoch is None or not chain.rows:
            verdict.add(f"reads of epoch {number}", "the statement knows no such epoch, or it has no reads")
            continue
        verdict.reads += len(chain.rows)
        _check_chain(epoch, chain, verdict)
        if checkpoint is not None and heads.get(f"reads/{number}") != chain.rows[-1].hash.hex():
            verdict.add(f"reads of epoch {number}", "their chain does not end where the checkpoint says")


def _check_chain(epoch: Epoch, chain: ReadChain, verdict: Verdict) -> None:
    nature = Nature(
        open_raw=epoch.open_raw, scale=epoch.scale, ratio=epoch.ratio, modulus_raw=epoch.modulus_raw, power_max_w=0
    )
    head = chain.prev_hash
    for one in chain.rows:
        where = f"read {one.id} of epoch {epoch.id}"
        if link_read(head, one) != one.hash:
            verdict.add(where, "its hash does not follow from what it says and from the read before")
        head = one.hash
        total_wh = nature.total_wh(one.raw, one.wraps)
        if total_wh != one.total_wh:
            verdict.add(where, f"it says {one.total_wh} Wh, its raw count {one.raw} makes {total_wh} Wh")
        if one.epoch != epoch.id or one.scale != epoch.scale:
            verdict.add(where, "it does not belong to this epoch, or its scale is another")
    for one, after in pairwise(chain.rows):
        if after.id <= one.id:
            verdict.add(f"read {after.id} of epoch {epoch.id}", "the reads do not stand in the order of their rows")
    for one in misread(chain.rows):
        words = " ".join(f"{word:04x}" for word in one.words)
        verdict.add(f"read {one.id} of epoch {epoch.id}", f"its words {words} do not hold the raw count {one.raw}")


def check_entries(bundle: Bundle, verdict: Verdict) -> None:
    """Every entry's hashes and sum, from what it says."""
    closing = bundle.proof.closing
    before = 0
    for entry in bundle.evidence.entries:
        _check_entry(entry, verdict)
        if entry.seq <= before:
            verdict.add(f"entry {entry.seq}", "the entries do not stand in the order of the journal")
        before = entry.seq
    if closing is not None:
        _check_entry(closing, verdict)


def _check_entry(entry: JournalEntry, verdict: Verdict) -> None:
    where = f"entry {entry.seq}"
    verdict.entries += 1
    verdict.withheld += entry.is_withheld
    asked = payload_sha(entry.kind, entry.effective_us, entry.ref, entry.corrects, entry.note, entry.postings)
    if entry.is_withheld == (asked == entry.payload_sha):
        verdict.add(where, "what it posts is not what its hash says")
    if entry.is_withheld and [one[2:] for one in entry.postings] != [(None, "")]:
        verdict.add(where, "of an entry that moved others' money too, only one bare amount may be shown")
    body = row_payload(entry.seq, entry.recorded_us, entry.key, entry.actor, entry.context_id, entry.payload_sha)
    if link(entry.prev_hash, body) != entry.hash:
        verdict.add(where, "its hash does not follow from what it says and from the entry before")
    if not entry.is_withheld and sum(amount for _, amount, _, _ in entry.postings) != 0:
        verdict.add(where, "its postings do not sum to zero")


def check_seals(bundle: Bundle, verdict: Verdict) -> None:
    """The way from every entry to a sealed root, and from the seals to the checkpoint."""
    proof = bundle.proof
    checkpoint = proof.checkpoint
    if checkpoint is None:
        if proof.seals or proof.steps:
            verdict.add("proof.json: seals", "there are seals without a checkpoint over them")
        return
    verdict.checkpoint = f"{checkpoint.day} {checkpoint.hash.hex()}"
    _check_checkpoint(checkpoint, proof.seals, verdict)
    entries = [*bundle.evidence.entries, *([] if proof.closing is None else [proof.closing])]
    for entry in entries:
        seal = next((one for one in proof.seals if one.from_seq <= entry.seq <= one.to_seq), None)
        steps = proof.steps.get(str(entry.seq))
        if seal is None or steps is None or not verify_proof(entry.hash, steps, seal.merkle_root):
            verdict.add(f"entry {entry.seq}", "no seal stands over it: the proof does not lead to a root")
    for seq in proof.steps.keys() - {str(entry.seq) for entry in entries}:
        verdict.add("proof.json: steps", f"they lead from entry {seq}, which is not in the evidence")


def _check_checkpoint(checkpoint: CheckpointRow, seals: Sequence[SealRow], verdict: Verdict) -> None:
    values = (
        checkpoint.day, checkpoint.seq, checkpoint.head_hash, checkpoint.seals, checkpoint.assertions,
        checkpoint.closings, checkpoint.heads, checkpoint.at_us,
    )  # fmt: skip
    if link(checkpoint.prev_hash, chained_payload(checkpoint.n, values)) != checkpoint.hash:
        verdict.add(f"checkpoint {checkpoint.day}", "its hash does not follow from what it says")
    head = json.loads(checkpoint.heads).get("seals")
    for one in seals:
        sealed = (one.from_seq, one.to_seq, one.merkle_root, one.at_us)
        if link(one.prev_hash, chained_payload(one.n, sealed)) != one.hash:
            verdict.add(f"seal {one.n}", "its hash does not follow from what it says")
    for one, after in pairwise(seals):
        if (after.prev_hash, after.n, after.from_seq) != (one.hash, one.n + 1, one.to_seq + 1):
            verdict.add(f"seal {after.n}", "it does not follow the seal before")
    if seals and (seals[-1].hash.hex(), seals[-1].n) != (head, checkpoint.seals):
        verdict.add(f"seal {seals[-1].n}", "the checkpoint knows another as the last")
