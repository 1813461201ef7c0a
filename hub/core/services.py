"""Typed plugin-to-plugin interfaces: a plugin provides an object under a key, others get it by that key."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Generic, TypeVar, cast

from hub.core.errors import HubError

T = TypeVar("T")


@dataclass(frozen=True)  # without slots: on Python 3.11 a frozen one could not be called as ServiceKey[T](...)
class ServiceKey(Generic[T]):
    """The typed name of an interface; two keys of the same name are the same key."""

    name: str


class ServiceMissing(HubError):
    """Nobody provides the interface now."""


class ServiceTaken(HubError):
    """Another plugin provides the interface already."""


class Services:
    """What is provided now, by whom."""

    def __init__(self) -> None:
        """Start with nothing provided."""
        self._provided: dict[str, tuple[str, object]] = {}

    def provide(self, key: ServiceKey[T], service: T, *, owner: str) -> Callable[[], None]:
        """Offer a service under a key; the result takes the offer back."""
        if key.name in self._provided:
            holder = self._provided[key.name][0]
            raise ServiceTaken(
                f"{owner} cannot provide {key.name!r}: {holder} provides it already; disable one of the two"
            )
        offer = self._provided[key.name] = (owner, service)

        def withdraw() -> None:
            if self._provided.get(key.name) is offer:
                del self._provided[key.name]

        return withdraw

    def get(self, key: ServiceKey[T]) -> T:
        """The service under a key; raises `ServiceMissing` when nobody provides it now."""
        try:
            return cast(T, self._provided[key.name][1])
        except KeyError:
            offered = ", ".join(sorted(self._provided)) or "nothing"
            raise ServiceMissing(
                f"no plugin provides {key.name!r} now (provided: {offered}); "
                "enable a plugin that does, or name the key in your manifest's `needs`"
            ) from None

    def find(self, key: ServiceKey[T]) -> T | None:
        """The service under a key, or None while nobody provides it."""
        return cast("T | None", self._provided.get(key.name, (None, None))[1])

    def provided(self) -> dict[str, str]:
        """Which plugin provides each key, by name."""
        return {name: owner for name, (owner, _) in sorted(self._provided.items())}


AnyKey = ServiceKey[Any]
