"""Cuts an interval at every edge and gives each piece its energy; not one Wh is lost or made."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from hub.contracts.units import WattHours
from plugins.prepaid.pricing.model import Interval, PricingError, Segment, Split
from plugins.prepaid.pricing.timeline import Piece, Timeline


def cut(interval: Interval, timeline: Timeline) -> tuple[Segment, ...]:
    """The segments of an interval that lie inside the contract, in order of time; their energy adds up.

    What lies outside the contract is left to its neighbours, by the running total at the contract's edge, so that
    the parts of all contracts add up too.
    """
    t0_us, t1_us, wh = interval.t0_us, interval.t1_us, int(interval.wh)
    if t1_us <= t0_us or wh < 0:
        raise PricingError(f"an interval must go on and not fall: {wh} Wh in {t1_us - t0_us} us")
    pieces = timeline.pieces(max(t0_us, timeline.start_us), min(t1_us, timeline.end_us))
    if not pieces:
        return ()
    energies: Sequence[int]
    if t0_us < timeline.start_us or t1_us > timeline.end_us:
        wh = _until(interval, pieces[-1].t1_us) - _until(interval, pieces[0].t0_us)
        split, energies = Split.TIME, apportion(wh, [piece.t1_us - piece.t0_us for piece in pieces])
    elif interval.band_wh is not None:
        split, energies = _by_registers(interval, interval.band_wh, pieces)
    elif len(pieces) == 1:
        split, energies = (Split.BOUNDARY if interval.at_boundary else Split.NONE), [wh]
    else:
        split, energies = Split.TIME, apportion(wh, [piece.t1_us - piece.t0_us for piece in pieces])
    return tuple(
        Segment(
            piece.t0_us,
            piece.t1_us,
            WattHours(energy),
            piece.band,
            piece.season,
            piece.period,
            piece.version.sha,
            split,
            interval.read_a,
            interval.read_b,
        )
        for piece, energy in zip(pieces, energies, strict=True)
    )


def apportion(total: int, weights: Sequence[int]) -> list[int]:
    """Whole shares of a total, 0 or more, by largest remainder, ties to the earliest; they add up to it exactly."""
    if len(weights) == 1:
        return [total]
    whole = sum(weights)
    if not whole:
        return [total, *[0] * (len(weights) - 1)]
    shares = [total * weight // whole for weight in weights]
    left = total - sum(shares)
    if left:
        by_remainder = sorted(range(len(weights)), key=lambda place: (-(total * weights[place] % whole), place))
        for place in by_remainder[:left]:
            shares[place] += 1
    return shares


def _until(interval: Interval, at_us: int) -> int:
    """The energy up to an instant, as a running total that every contract counts alike."""
    return interval.wh * (at_us - interval.t0_us) // (interval.t1_us - interval.t0_us)


def _by_registers(
    interval: Interval, band_wh: Mapping[str, int], pieces: Sequence[Piece]
) -> tuple[Split, Sequence[int]]:
    """Energy by the meter's own bands; by time when they contradict the total, or know other bands than we do."""
    by_band: dict[str, list[int]] = {}
    for place, piece in enumerate(pieces):
        by_band.setdefault(piece.band, []).append(place)
    used = {band: wh for band, wh in band_wh.items() if wh}
    lengths_us = [piece.t1_us - piece.t0_us for piece in pieces]
    missed = interval.wh - sum(used.values())
    is_wrong = abs(missed) > interval.resolution_wh or min(used.values(), default=0) < 0
    if is_wrong or not used.keys() <= by_band.keys():
        return Split.MISMATCH, apportion(interval.wh, lengths_us)
    if missed:  # the last digit of some register: it goes where the most was used
        most = max(used, key=lambda band: (used[band], -by_band[band][0]), default=pieces[0].band)
        used[most] = used.get(most, 0) + missed
        if used[most] < 0:
            return Split.MISMATCH, apportion(interval.wh, lengths_us)
    energies = [0] * len(pieces)
    for band, wh in used.items():
        places = by_band[band]
        for place, energy in zip(places, apportion(wh, [lengths_us[place] for place in places]), strict=True):
            energies[place] = energy
    return Split.REGISTER, energies
