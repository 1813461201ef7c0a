"""The order in which plugins start: providers before those that need them; a cycle is named, not waited out."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from graphlib import CycleError, TopologicalSorter
from itertools import pairwise

from hub.core.plugins.manifest import Manifest


@dataclass(frozen=True, slots=True)
class Cycle:
    """Plugins that wait for each other in a ring."""

    steps: tuple[tuple[str, str], ...]
    """Each plugin with how it depends on the next: "needs" or "starts after"; the last one on the first."""

    @property
    def names(self) -> set[str]:
        """The plugins in the ring."""
        return {name for name, _ in self.steps}

    def __str__(self) -> str:
        """Say who waits for whom, and what to do."""
        ring = " ".join(f"{name} {how}" for name, how in self.steps)
        return f"cycle: {ring} {self.steps[0][0]}; one of them has to do without the other"


def in_order(manifests: Mapping[str, Manifest]) -> tuple[list[str], list[Cycle]]:
    """The names with providers first, and the cycles, whose members are left out; the same for the same plugins."""
    left = dict(sorted(manifests.items()))
    cycles: list[Cycle] = []
    while True:
        needed = {name: _needed(manifest, left) for name, manifest in left.items()}
        graph = {
            name: needed[name] | {other for other in manifest.after if other in left}
            for name, manifest in left.items()
        }
        try:
            return list(TopologicalSorter(graph).static_order()), cycles
        except CycleError as error:
            # graphlib names each before the one that waits for it, and the first again at the end
            ring: list[str] = error.args[1][::-1]
            start = ring.index(min(ring))
            turned = ring[start:-1] + ring[: start + 1]
            steps = [
                (name, "needs" if other in needed[name] else "starts after") for name, other in pairwise(turned)
            ]
            cycles.append(Cycle(tuple(steps)))
            for name in cycles[-1].names:
                del left[name]


def _needed(manifest: Manifest, others: Mapping[str, Manifest]) -> set[str]:
    keys = {key.name for key in manifest.needs}
    return {name for name, other in others.items() if keys & {key.name for key in other.provides}}
