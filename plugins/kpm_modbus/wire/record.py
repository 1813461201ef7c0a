"""What a link remembers for support: the last frames, and how often what went wrong."""

from __future__ import annotations

from collections import Counter, deque
from dataclasses import dataclass, field
from typing import Literal, NamedTuple

from hub.contracts.links import Failure
from plugins.kpm_modbus.wire.frames import Noise

FRAMES_KEPT = 200


class FrameNote(NamedTuple):
    """Bytes that went out or came in, and what was made of them."""

    direction: Literal["sent", "received"]
    at_us: int
    frame: bytes
    verdict: str
    """`request`; `answer`, the failure's name, `late` or `unasked`."""


@dataclass(slots=True)
class WireRecord:
    """The last frames of a link, and its counters since it was made."""

    frames: deque[FrameNote] = field(default_factory=lambda: deque(maxlen=FRAMES_KEPT))
    answers: int = 0
    failures: Counter[Failure] = field(default_factory=Counter)
    stray_bytes: int = 0
    foreign_frames: int = 0
    echoes: int = 0
    late_replies: int = 0
    unasked_bytes: int = 0
    """Bytes that came while nothing was asked."""
    fences: int = 0
    """Reads that went ahead of a request, to tell late replies or echoes apart."""
    connects: int = 0
    has_another_master: bool = False
    """Whether somebody else was heard asking: two masters on a bus make every value doubtful."""

    def sent(self, at_us: int, frame: bytes) -> None:
        """A request went out."""
        self.frames.append(FrameNote("sent", at_us, frame, "request"))

    def answered(self, at_us: int, received: bytes) -> None:
        """The reply came."""
        self.answers += 1
        self.frames.append(FrameNote("received", at_us, received, "answer"))

    def failed(self, at_us: int, received: bytes, failure: Failure) -> None:
        """A request got no usable answer."""
        self.failures[failure] += 1
        self.frames.append(FrameNote("received", at_us, received, failure.value))

    def unasked(self, at_us: int, data: bytes) -> None:
        """Bytes came that nobody waited for."""
        self.unasked_bytes += len(data)
        self.frames.append(FrameNote("received", at_us, data, "unasked"))

    def late(self, at_us: int, data: bytes) -> None:
        """The reply to a request that was given up came during the drain."""
        self.late_replies += 1
        self.frames.append(FrameNote("received", at_us, data, "late"))

    def heard(self, noise: Noise) -> None:
        """Count what came besides a reply."""
        self.stray_bytes += noise.stray_bytes
        self.foreign_frames += noise.foreign_frames
        self.echoes += noise.echoes
        self.has_another_master = self.has_another_master or noise.another_master
