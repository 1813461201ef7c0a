"""What a site starts with: places from its configuration, taken in once, while the books are empty.

They are rows in place, or the name of a table as `hub site import` takes it; both go the same way into the books.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Any

import voluptuous as vol

from hub.core.errors import HubError
from hub.core.storage import Reader, Tx
from plugins.prepaid.charging.book import turn_page
from plugins.prepaid.gate import reads
from plugins.prepaid.gate.reads import FIRST_LINK
from plugins.prepaid.places import repository
from plugins.prepaid.places.areas import AreaTree, tree_of
from plugins.prepaid.places.columns import Local, Of
from plugins.prepaid.places.fields import slug as slug
from plugins.prepaid.places.gathering import Gathered, Problem, RowGiven, gather, gather_rows
from plugins.prepaid.places.planning import Around, plan
from plugins.prepaid.places.records import Role
from plugins.prepaid.places.snapshot import load_places
from plugins.prepaid.places.tables import read_table
from plugins.prepaid.places.writing import write_records

ROW = {
    vol.Required("point"): slug,
    vol.Required("account"): slug,
    vol.Required("tariff"): slug,
    vol.Optional("tenant"): str,
    vol.Optional("area"): str,
    vol.Optional("policy"): slug,
    vol.Optional("load_class", default="normal"): slug,
    vol.Optional("role", default="tenant"): vol.In([one.value for one in Role]),
    vol.Optional("landlord", default=False): bool,
    vol.Optional("credit_limit_minor", default=0): vol.All(int, vol.Range(min=0)),
    vol.Optional("trip_tested", default=False): bool,
}
PLACES = vol.Any([ROW], str)
"""Rows, or the name of a CSV or XLSX file in the site's folder."""

_FIELDS = {
    "point": (Of.POINT, "id"),
    "account": (Of.ACCOUNT, "id"),
    "tariff": (Of.CONTRACT, "tariff"),
    "area": (Of.AREA, "names"),
    "policy": (Of.CONTRACT, "policy"),
    "load_class": (Of.POINT, "load_class"),
    "role": (Of.POINT, "role"),
    "landlord": (Of.TENANT, "is_landlord"),
    "credit_limit_minor": (Of.ACCOUNT, "credit_limit_minor"),
    "trip_tested": (Of.POINT, "trip_tested"),
}


class OpeningRefused(HubError):
    """Places in the configuration that contradict each other; nothing was taken in."""


def is_empty(reader: Reader) -> bool:
    """Whether nobody holds an account here yet."""
    return reader.one("SELECT 1 FROM prepaid__accounts LIMIT 1") is None


def gather_opening(
    places: Sequence[Mapping[str, Any]] | str, folder: Path, local: Local, areas: AreaTree | None = None
) -> Gathered:
    """What the configuration says of places; raises `OpeningRefused` with all that is wrong in it."""
    tree = areas or tree_of(())
    if isinstance(places, str):
        file = folder / places
        try:
            content = file.read_bytes()
        except OSError as error:
            raise OpeningRefused(f"prepaid.opening.places: {file} cannot be read: {error.strerror}") from None
        gathered = gather(read_table(places, content), local, tree)
    else:
        gathered = Gathered(tree)
        gather_rows((_row(number, row) for number, row in enumerate(places, 1)), gathered)
    _refuse(gathered.problems)
    return gathered


def take_in(tx: Tx, places: Sequence[Mapping[str, Any]] | Gathered, start_us: int) -> None:
    """Write points, tenants, accounts and contracts; areas that are named must have been made."""
    if not isinstance(places, Gathered):
        gathered = Gathered(tree_of(()))
        gather_rows((_row(number, row) for number, row in enumerate(places, 1)), gathered)
        places = gathered
    around = Around(start_us, repository.published_codes(tx), {})
    planned = plan(places, load_places(tx, places.areas.areas), around)
    if planned.balances:
        text = "balances come by `hub site import`, which posts them"
        planned.problems.append(Problem(0, "opening_balance", text))
    _refuse(planned.problems)
    write_records(tx, planned)
    for opening in planned.openings:
        number = repository.begin_epoch(tx, opening.epoch)
        reads.add(tx, opening.read(number, start_us), FIRST_LINK)
    turn_page(tx)


def _row(number: int, row: Mapping[str, Any]) -> RowGiven:
    """A row of the configuration, whose tenant is named and has the account's id."""
    values = {_FIELDS[name]: value for name, value in row.items() if name in _FIELDS}
    values[Of.POINT, "role"] = Role(row["role"])
    values[Of.TENANT, "id"] = row["account"]
    if "tenant" in row:
        values[Of.TENANT, "name"] = " ".join(row["tenant"].split())
    return RowGiven(number, values)


def _refuse(problems: Iterable[Problem]) -> None:
    told = [f"prepaid.opening.places: row {one.row}, {one.column}: {one.text}" for one in problems]
    if told:
        raise OpeningRefused("\n".join(told))
