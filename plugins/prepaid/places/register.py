"""Offers what can be done with people and places, and what can be asked."""

from __future__ import annotations

import voluptuous as vol

from hub.contracts.naming import action_name
from hub.core.actions import Call, Effect
from plugins.prepaid.places.columns import Local
from plugins.prepaid.places.contract_actions import ContractActions
from plugins.prepaid.places.importing import Document, Importer, unpacked
from plugins.prepaid.places.meter_actions import MeterActions
from plugins.prepaid.places.office import Office
from plugins.prepaid.places.people_actions import PeopleActions
from plugins.prepaid.places.queries import Questions

IMPORT = action_name("site", "import")
IMPORT_LIMIT_S = 600


def register_places(office: Office) -> None:
    """Offer the actions and queries of people and places."""
    hub = office.desk.hub
    local = Local(office.desk.scale, hub.site.time_zone)
    PeopleActions(office, local)
    ContractActions(office, local)
    MeterActions(office, local)
    Questions(office, local)
    importer = Importer(office, local)

    async def import_table(call: Call) -> dict[str, object]:
        document = Document(call.data["name"], unpacked(call.data["document"]))
        return await importer.take_in(document, is_dry_run=call.data["dry_run"])

    hub.actions.register(
        IMPORT, import_table, effect=Effect.LEVEL, limit_s=IMPORT_LIMIT_S,
        description="Take in a site's table: people, places, opening reads and balances; all of it or nothing.",
        schema={
            vol.Required("name"): vol.All(str, vol.Length(1, 200)),
            vol.Required("document"): str,
            vol.Optional("dry_run", default=False): bool,
        },
        returns="what was made or changed, or what is wrong by row and column",
    )  # fmt: skip
