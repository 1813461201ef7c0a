"""In whose name something is asked: every repository read and every action call takes a principal."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from hub.core.errors import NotAllowed

EVERYTHING = "*"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody with permissions; `scopes` limits them to some ids of a kind, where a kind is named at all."""

    actor: str
    permissions: frozenset[str] = frozenset()
    scopes: Mapping[str, frozenset[str]] = field(default_factory=lambda: MappingProxyType({}))

    def may(self, permission: str) -> bool:
        """Whether the permission is granted: by name, by its domain (`backup.*`), or by `*`."""
        if EVERYTHING in self.permissions:
            return True
        domain = permission.partition(".")[0]
        return permission in self.permissions or f"{domain}.*" in self.permissions

    def sees(self, kind: str, id: str) -> bool:  # noqa: A002 - the field's own word
        """Whether records of that kind and id are within the principal's scope."""
        return kind not in self.scopes or id in self.scopes[kind]

    def require(self, permission: str) -> None:
        """Raise `NotAllowed` unless the permission is granted."""
        if not self.may(permission):
            raise NotAllowed(f"{self.actor} lacks the permission {permission!r}; ask an owner to grant it")


OWNER = Principal("system", frozenset({EVERYTHING}))
"""The hub itself, and the command line: may everything, sees everything."""
