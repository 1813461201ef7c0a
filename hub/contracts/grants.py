"""The mint: the only place where a `Grant` comes from, and so the only door to a relay.

This module may be imported by the supply control of `plugins/prepaid`, by the commissioning verb of the field layer
and by tests. A test of the imports holds that list; everybody else takes `Grant` from `hub.contracts.relays`.
"""

from __future__ import annotations

from dataclasses import dataclass

from hub.contracts.ids import Fence, PointId
from hub.contracts.relays import _SEAL, OPEN_DEADLINE_MAX_US, Desired, Grant, GrantSource
from hub.contracts.supply import Intent
from hub.core.context import Context


@dataclass(frozen=True, slots=True, kw_only=True)
class CommissioningSession:
    """A person's walk through one point's first trip and restore, recorded before the first command."""

    id: str
    point: PointId
    expires_us: int
    context: Context
    """Who holds the session."""


def mint_for_supply(intent: Intent, *, now_us: int, expires_us: int) -> Grant:
    """The right to carry out a committed intent; an open's expires within 30 s."""
    return _mint(
        intent.point, intent.desired, intent.seq, now_us, expires_us, GrantSource.SUPPLY, f"intent/{intent.seq}",
        intent.context,
    )  # fmt: skip


def mint_for_commissioning(
    session: CommissioningSession, desired: Desired, fence: Fence, *, now_us: int, expires_us: int
) -> Grant:
    """The right to move the session's one relay, under the highest fence so far, while the session stands."""
    if now_us >= session.expires_us:
        raise ValueError(f"commissioning session {session.id} of {session.point} is over; start another one")
    until_us = min(expires_us, session.expires_us)
    reference = f"commissioning/{session.id}"
    return _mint(
        session.point, desired, fence, now_us, until_us, GrantSource.COMMISSIONING, reference, session.context
    )


def _mint(
    point: PointId,
    desired: Desired,
    fence: Fence,
    now_us: int,
    expires_us: int,
    source: GrantSource,
    reference: str,
    context: Context,
) -> Grant:
    if expires_us <= now_us:
        raise ValueError(f"{point}: a grant that expires at once grants nothing")
    if desired is Desired.OPEN and expires_us - now_us > OPEN_DEADLINE_MAX_US:
        raise ValueError(f"{point}: a grant to open lives {OPEN_DEADLINE_MAX_US // 1_000_000} s at most")
    return Grant(
        point=point, desired=desired, fence=fence, expires_us=expires_us, source=source, reference=reference,
        context=context, seal=_SEAL,
    )  # fmt: skip
