"""What the accountant's bench prints: every component, the lines under it, tax and totals."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from decimal import Decimal

from hub.contracts.units import MinorUnits, major_units
from plugins.prepaid.pricing import EnergyLine, PeriodBill, energy_lines, included_taxes, shared_minor
from plugins.prepaid.tariffs.model import EVERY_SEASON, ONLY_BAND, Tariff

_COLUMN = 58


def json_of(bills: Sequence[PeriodBill], tariff: Tariff) -> dict[str, object]:
    """The bills as JSON: money in minor units, exact amounts in nano-units as text."""
    return {
        "tariff": tariff.code,
        "content": tariff.content_sha,
        "currency": tariff.currency,
        "scale": tariff.scale,
        "periods": [
            {
                "period": one.period,
                "wh": one.state.total_wh,
                "components": dict(one.minor),
                "exact_nano": {name: str(amount) for name, amount in one.exact.items()},
                "energy": [_line_json(line, minor) for line, minor in _lines(one, tariff)],
                "included_taxes": included_taxes(one.state.plan, one.minor, tariff.rounding),
                "total": one.total_minor,
            }
            for one in bills
        ],
        "total": sum(one.total_minor for one in bills),
    }


def text_of(bills: Sequence[PeriodBill], tariff: Tariff) -> str:
    """The bills for people."""
    total = MinorUnits(sum(one.total_minor for one in bills))
    rows = [row for one in bills for row in _rows(one, tariff)]
    rows.append(_row(f"total {tariff.currency}", total, tariff))
    return "\n".join(rows)


def _rows(one: PeriodBill, tariff: Tariff) -> Iterator[str]:
    yield f"{one.period}  {_kwh(one.state.total_wh)} kWh by {tariff.code}"
    for component, amount in one.minor.items():
        yield _row(f"  {component}", amount, tariff)
        if component == "energy":
            for line, minor in _lines(one, tariff):
                yield _row(f"    {_words(line)}", minor, tariff)
    for name, amount in included_taxes(one.state.plan, one.minor, tariff.rounding).items():
        yield _row(f"  (included: {name}", amount, tariff) + ")"
    yield _row("  together", one.total_minor, tariff)


def _lines(one: PeriodBill, tariff: Tariff) -> list[tuple[EnergyLine, MinorUnits]]:
    lines = energy_lines(one.state)
    if not lines:
        return []
    amounts = shared_minor(one.minor["energy"], [line.amount_nano for line in lines], tariff.scale)
    return list(zip(lines, amounts, strict=True))


def _line_json(line: EnergyLine, minor: MinorUnits) -> dict[str, object]:
    return {
        "tariff": line.version[:12],
        "band": line.band,
        "season": line.season,
        "block": line.block + 1,
        "wh": line.wh,
        "price_micro": line.price_micro,
        "amount": minor,
    }


def _words(line: EnergyLine) -> str:
    if not line.wh:
        return f"{line.band or 'energy'}, step {line.block + 1}"
    price = Decimal(line.price_micro).scaleb(-6)
    when = " ".join(word for word in (line.band, line.season) if word not in ("", ONLY_BAND, EVERY_SEASON))
    return f"{when or 'energy'}, block {line.block + 1}: {_kwh(line.wh)} kWh x {price.normalize():f}"


def _row(words: str, amount: MinorUnits, tariff: Tariff) -> str:
    return f"{words:{_COLUMN}} {major_units(amount, tariff.scale):>14}"


def _kwh(wh: int) -> Decimal:
    return Decimal(wh).scaleb(-3)
