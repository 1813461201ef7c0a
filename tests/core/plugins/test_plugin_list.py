"""`plugin.list` says of every plugin how it is, why, and what to do; whatever became of it."""

from __future__ import annotations

from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import voluptuous as vol
from plugin_samples import Happened, Key, a_plugin, found, hang, raising

from hub.core.config import ConfigDict, load
from hub.core.errors import NotFound
from hub.core.ids import SeededIds
from hub.core.plugins import Broken, PluginHub
from hub.core.principals import OWNER
from hub.core.site import Site
from hub.sim import VirtualClock, VirtualLoop
from hub.testing.harness import HubHarness, make_hub

LINE = Key("line")


async def listed(hub: HubHarness) -> dict[str, dict[str, Any]]:
    shown = await hub.kernel.queries.ask("plugin.list", {}, OWNER)
    assert isinstance(shown, list)
    return {one["name"]: one for one in shown}


async def start(loop: VirtualLoop, folder: Path, *broken: Broken, **sections: ConfigDict) -> HubHarness:
    async def err(plugin: PluginHub) -> None:
        plugin.bus.subscribe(Happened, lambda event: [][1])

    plugins = found(
        a_plugin("runs", run=hang, setup=err),
        a_plugin("waits", needs=(LINE,)),
        a_plugin("fails", setup=raising(OSError("no such device")), critical=True),
        a_plugin("given_up", setup=raising(OSError("no such device"))),
    )
    clock = VirtualClock(loop)
    site = Site(folder, "Test", ZoneInfo("UTC"), sections)
    hub = make_hub(site, clock, SeededIds(1), plugins, broken=broken)
    await hub.start()
    return HubHarness(hub, loop, clock)


async def test_every_plugin_is_listed_with_all_that_is_known_of_it(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    hub = await start(
        virtual_loop, tmp_path, Broken("typo", "/site/custom_plugins/typo.py", "SyntaxError: x; mend it")
    )
    await hub.advance("10 min")
    hub.fire(Happened())
    hub.hub.plugins.note_block("runs", "f (x.py:1)", 0.5)
    shown = await listed(hub)
    assert set(shown) == {"runs", "waits", "fails", "given_up", "typo"}
    assert shown["runs"] == {
        "name": "runs", "version": "1.2", "source": "a test", "critical": False, "state": "running", "reason": "",
        "next_try_us": None, "failures": 0, "errors": 1, "blocked_s": 0.5,
        "last_error": "blocked the event loop for 0.50 s in f (x.py:1)",
    }  # fmt: skip
    assert (shown["waits"]["state"], shown["waits"]["reason"][:10]) == ("blocked", "needs line")
    fails = shown["fails"]
    assert (fails["state"], fails["critical"]) == ("failed", True)
    assert fails["reason"].startswith("OSError: no such device (")
    assert hub.clock.now_us() < fails["next_try_us"] < hub.clock.now_us() + 70_000_000
    assert shown["given_up"]["state"] == "quarantined"
    assert "hub action call plugin.restart name=given_up" in shown["given_up"]["reason"]
    typo = shown["typo"]
    assert (typo["state"], typo["reason"]) == ("failed", "SyntaxError: x; mend it")
    assert typo["source"] == "/site/custom_plugins/typo.py"
    await hub.hub.stop()


async def test_what_a_plugin_quotes_of_its_secrets_is_not_shown(hub: HubHarness, tmp_path: Path) -> None:
    (tmp_path / "secrets.yaml").write_text("password: hunter2-very-secret\n")
    (tmp_path / "secrets.yaml").chmod(0o600)
    (tmp_path / "section.yaml").write_text("password: !secret password\n")
    section = load(tmp_path / "section.yaml", root=tmp_path).value
    assert isinstance(section, ConfigDict)

    async def setup(plugin: PluginHub) -> None:
        raise ValueError(f"cannot sign in with {plugin.config['password']}")

    await hub.load_plugin(a_plugin(config={vol.Required("password"): str}, setup=setup), section)
    shown = (await listed(hub))["sample"]
    assert "cannot sign in with" in shown["reason"]
    assert "hunter2" not in str(shown)


async def test_one_of_ours_that_the_site_uses_and_that_cannot_be_loaded_holds_the_site(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    """Whether it is critical cannot be asked, so it is taken for critical."""
    ours = Broken("books", "prepaid-hub 1.0", "ImportError: no", is_ours=True)
    unused = Broken("extra", "prepaid-hub 1.0", "ImportError: no", is_ours=True)
    theirs = Broken("acme", "acme 1.0", "ImportError: no")
    hub = await start(virtual_loop, tmp_path, ours, unused, theirs, books=ConfigDict(), acme=ConfigDict())
    assert hub.kernel.holds.reasons["plugin_down:books"] == "critical plugin books is failed: ImportError: no"
    assert {"plugin_down:extra", "plugin_down:acme"}.isdisjoint(hub.kernel.holds.reasons)
    await hub.hub.stop()


async def test_a_plugin_and_a_broken_one_of_the_same_name_are_both_listed(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    hub = await start(virtual_loop, tmp_path, Broken("runs", "acme 1.0", "a plugin 'runs' is there already"))
    names = [(status.name, status.state.value, status.source) for status in hub.hub.plugins.statuses()]
    assert ("runs", "running", "a test") in names
    assert ("runs", "failed", "acme 1.0") in names
    assert hub.hub.plugins.status("runs").source == "a test"
    await hub.hub.stop()


async def test_a_restart_of_what_is_not_there_or_not_loadable_says_so(
    virtual_loop: VirtualLoop, tmp_path: Path
) -> None:
    hub = await start(virtual_loop, tmp_path, Broken("typo", "x", "SyntaxError: y; mend it"))
    with pytest.raises(NotFound, match="there is no plugin 'nobody'; see `hub plugin list`"):
        await hub.call("plugin.restart", {"name": "nobody"})
    with pytest.raises(NotFound, match="'typo' could not be loaded: SyntaxError: y; mend it; then restart the hub"):
        await hub.call("plugin.restart", {"name": "typo"})
    await hub.hub.stop()
