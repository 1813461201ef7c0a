"""The only source of ids and randomness, so that a simulation can seed both."""

from __future__ import annotations

import random
import secrets
from abc import ABC, abstractmethod
from itertools import count

_ALPHABET = "0123456789abcdefghjkmnpqrstvwxyz"  # Crockford's base 32: no i, l, o, u to misread aloud


def _base32(number: int, width: int) -> str:
    digits = []
    for _ in range(width):
        number, rest = divmod(number, 32)
        digits.append(_ALPHABET[rest])
    return "".join(reversed(digits))


class Ids(ABC):
    """Makes ids and random numbers for one hub."""

    def __init__(self) -> None:
        """Take a prefix that no other start of a hub has, and count from it."""
        self.boot = _base32(self.random_bits(50), 10)
        self._next = count(1).__next__

    @abstractmethod
    def random_bits(self, bits: int) -> int:
        """A random whole number of that many bits."""

    @abstractmethod
    def token(self) -> str:
        """An unguessable secret of 128 bits, as text."""

    def new(self) -> str:
        """An id unique over all starts of all hubs: this start's prefix and a running number."""
        return f"{self.boot}-{self._next():x}"

    def uniform(self, low: float, high: float) -> float:
        """A random number between two bounds, for jitter."""
        return low + (high - low) * (self.random_bits(53) / (1 << 53))


class SystemIds(Ids):
    """Ids and randomness from the operating system."""

    def random_bits(self, bits: int) -> int:
        """Bits from the operating system's generator."""
        return secrets.randbits(bits)

    def token(self) -> str:
        """A secret from the operating system's generator."""
        return secrets.token_hex(16)


class SeededIds(Ids):
    """The same ids for the same seed: for simulation only, since tokens can be guessed."""

    def __init__(self, seed: int) -> None:
        """Start the generator from a seed."""
        self.random = random.Random(seed)  # noqa: S311 - a simulation repeats, it does not hide
        super().__init__()

    def random_bits(self, bits: int) -> int:
        """Bits of the seeded sequence."""
        return self.random.getrandbits(bits)

    def token(self) -> str:
        """A token of the seeded sequence."""
        return f"{self.random.getrandbits(128):032x}"
