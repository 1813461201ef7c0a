"""A plugin's transactions touch its own tables only; two plugins commit together when one hands its tx on."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from plugin_samples import a_plugin

from hub.core.plugins import PluginHub
from hub.core.storage import Migration, StorageRefused, Tx
from hub.testing import HubHarness

ROWS = "SELECT x FROM {}__rows ORDER BY x"


async def facade(hub: HubHarness, name: str) -> PluginHub:
    facades: list[PluginHub] = []

    async def setup(plugin: PluginHub) -> None:
        facades.append(plugin)

    table = Migration(1, "rows", f"CREATE TABLE {name}__rows (x INTEGER PRIMARY KEY) STRICT;")
    await hub.load_plugin(a_plugin(name, setup=setup, migrations=(table,)))
    return facades[0]


async def rows(plugin: PluginHub) -> list[int]:
    return await plugin.db.read(lambda reader: [row[0] for row in reader.all(ROWS.format(plugin.name))])


def insert(name: str, number: int) -> Callable[[Tx], object]:
    return lambda tx: tx.execute(f"INSERT INTO {name}__rows VALUES (?)", (number,))


REACHES = {
    "another plugin's table": "INSERT INTO shop__rows VALUES (1)",
    "the core's tables": "DELETE FROM core__entities",
    "another plugin's table in a subquery": "INSERT INTO till__rows SELECT x FROM shop__rows",
    "its own schema": "DROP TABLE till__rows",
}


@pytest.mark.parametrize("sql", REACHES.values(), ids=REACHES.keys())
async def test_a_plugin_may_not_write(hub: HubHarness, sql: str) -> None:
    till, shop = await facade(hub, "till"), await facade(hub, "shop")
    await shop.db.write(insert("shop", 7))
    with pytest.raises(StorageRefused, match="plugin 'till' may "):
        await till.db.write(lambda tx: tx.execute(sql))
    assert (await rows(till), await rows(shop)) == ([], [7])


async def test_a_plugin_may_not_read_anothers_table(hub: HubHarness) -> None:
    till, _ = await facade(hub, "till"), await facade(hub, "shop")
    with pytest.raises(StorageRefused, match="plugin 'till' may not touch table 'shop__rows'"):
        await till.db.read(lambda reader: reader.all(ROWS.format("shop")))


async def test_a_callee_that_joins_commits_with_its_caller(hub: HubHarness) -> None:
    till, shop = await facade(hub, "till"), await facade(hub, "shop")

    def sell(tx: Tx) -> None:
        insert("shop", 1)(tx)
        insert("till", 2)(till.db.join(tx))

    await shop.db.write(sell)
    assert (await rows(shop), await rows(till)) == ([1], [2])


@pytest.mark.parametrize("who", ["caller", "callee"])
async def test_and_falls_with_it(hub: HubHarness, who: str) -> None:
    till, shop = await facade(hub, "till"), await facade(hub, "shop")

    def sell(tx: Tx) -> None:
        insert("till", 2)(till.db.join(tx))
        if who == "callee":
            insert("till", 2)(till.db.join(tx))
        insert("shop", 1)(tx)
        raise ValueError("changed my mind")

    with pytest.raises(Exception, match=r"changed my mind|UNIQUE"):
        await shop.db.write(sell)
    assert (await rows(shop), await rows(till)) == ([], [])


async def test_joining_gives_the_callees_rights_and_not_the_callers(hub: HubHarness) -> None:
    till, shop = await facade(hub, "till"), await facade(hub, "shop")
    with pytest.raises(StorageRefused, match="plugin 'till' may not touch table 'shop__rows'"):
        await shop.db.write(lambda tx: insert("shop", 1)(till.db.join(tx)))
    with pytest.raises(StorageRefused, match="plugin 'shop' may not touch table 'till__rows'"):
        await shop.db.write(lambda tx: (till.db.join(tx), insert("till", 1)(tx)))


async def test_a_migration_that_reaches_beyond_its_plugin_fails_that_plugin_alone(hub: HubHarness) -> None:
    await facade(hub, "shop")
    greedy = Migration(1, "greedy", "CREATE TABLE shop__more (x INTEGER) STRICT;")
    status = await hub.load_plugin(a_plugin("till", migrations=(greedy,)))
    assert status.state.value == "failed"
    assert "plugin 'till'" in status.reason
    assert "its own tables are named 'till__...'" in status.reason


async def test_records_stay_when_a_plugin_goes_and_are_there_when_it_comes_back(hub: HubHarness) -> None:
    till = await facade(hub, "till")
    await till.db.write(insert("till", 3))
    await hub.unload_plugin("till")
    assert await rows(await facade(hub, "till")) == [3]
