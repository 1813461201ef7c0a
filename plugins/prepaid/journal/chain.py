"""Hash chains and Merkle trees, as pure functions: what was written cannot change without being found.

A chain's head depends on every link before it. A Merkle root stands for a batch of hashes, and a short proof shows
that one of them is among them. The accepted reads of the gate are chained by the same `link`.
"""

from __future__ import annotations

import hashlib
import json
from collections.abc import Sequence
from dataclasses import dataclass

from hub.core.errors import HubError

GENESIS = bytes(32)
"""What stands before the first link."""

_LEAF, _NODE = b"\x00", b"\x01"
canonical_text = json.JSONEncoder(
    ensure_ascii=False, separators=(",", ":"), sort_keys=True, allow_nan=False, check_circular=False
).encode
"""The one JSON text of a value: no spaces, sorted keys."""


class EmptyTree(HubError):
    """A Merkle tree of nothing: a bug of the caller."""


def canonical(value: object) -> bytes:
    """The canonical text of a value in UTF-8. Bytes are not JSON: give them as hex."""
    return canonical_text(value).encode()


def sha256(payload: bytes) -> bytes:
    """The hash of a payload."""
    return hashlib.sha256(payload).digest()


def link(prev: bytes, payload: bytes) -> bytes:
    """The hash of a payload behind another hash: sha256(prev || payload)."""
    return hashlib.sha256(prev + payload).digest()


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a proof: a neighbour's hash, and the side on which it stands."""

    hash: bytes
    is_left: bool


def merkle_root(leaves: Sequence[bytes]) -> bytes:
    """The root over some hashes, in order; a leaf without a neighbour goes up as it is."""
    level = _first_level(leaves)
    while len(level) > 1:
        level = _next_level(level)
    return level[0]


def merkle_proof(leaves: Sequence[bytes], place: int) -> tuple[Step, ...]:
    """The steps from the leaf at a place up to the root."""
    level = _first_level(leaves)
    steps: list[Step] = []
    while len(level) > 1:
        neighbour = place ^ 1
        if neighbour < len(level):
            steps.append(Step(level[neighbour], neighbour < place))
        level = _next_level(level)
        place >>= 1
    return tuple(steps)


def verify_proof(leaf: bytes, steps: Sequence[Step], root: bytes) -> bool:
    """Whether a leaf is among those that a root stands for."""
    node = sha256(_LEAF + leaf)
    for step in steps:
        node = sha256(_NODE + (step.hash + node if step.is_left else node + step.hash))
    return node == root


def _first_level(leaves: Sequence[bytes]) -> list[bytes]:
    if not leaves:
        raise EmptyTree("a Merkle tree needs at least one leaf; seal nothing when there is nothing to seal")
    return [sha256(_LEAF + leaf) for leaf in leaves]


def _next_level(level: list[bytes]) -> list[bytes]:
    pairs = [sha256(_NODE + level[left] + level[left + 1]) for left in range(0, len(level) - 1, 2)]
    return pairs + level[len(level) & ~1 :]
