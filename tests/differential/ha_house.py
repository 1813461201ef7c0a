"""Home Assistant with its real automation and script components, fed line by line from a trace."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime
from pathlib import Path
from types import CodeType
from typing import Any

import homeassistant.config as ha_config
import homeassistant.helpers.event as ha_event
from ha_calls import Calls, service_registry
from ha_virtual_time import VirtualLoop
from homeassistant import bootstrap, loader
from homeassistant.config_entries import ConfigEntries
from homeassistant.const import EVENT_HOMEASSISTANT_STOP
from homeassistant.core import Context, Event, HomeAssistant, callback
from homeassistant.helpers import restore_state, storage, template
from homeassistant.helpers.json import JSONEncoder
from homeassistant.setup import async_setup_component
from homeassistant.util.yaml import parse_yaml

Record = dict[str, Any]

REAL_LIMIT_S = 20.0
_TURNS_MAX = 20_000
_COMPILED_MAX = 2_000

# Home Assistant spreads time triggers over up to half a second of each; a comparison wants the second itself.
ha_event.RANDOM_MICROSECOND_MIN = ha_event.RANDOM_MICROSECOND_MAX = 0


async def _nothing_later(*_: Any, **__: Any) -> None:
    """What is no part of a case: to save on disk (a restart hands its states over), to ask what machine this is."""


def _nothing(*_: Any, **__: Any) -> None:
    """The same where nobody awaits it."""


storage.Store.async_save = _nothing_later
storage.Store.async_delay_save = _nothing
bootstrap.async_get_system_info = _nothing_later
bootstrap._init_blocking_io_modules_in_executor = _nothing
_COMPILED: dict[str, CodeType] = {}


def _compile(environment: template.TemplateEnvironment, source: str) -> CodeType:
    """Compile once per text and process, not once per Home Assistant: that was a third of the time of a case."""
    if len(_COMPILED) > _COMPILED_MAX:
        _COMPILED.clear()
    if (code := _COMPILED.get(source)) is None:
        code = _COMPILED[source] = template.jinja2.Environment.compile(environment, source)
    return code


template.TemplateEnvironment.compile = _compile


def replay(case: Record, folder: Path) -> Record:
    """The answer to a case: the calls of its rules, and which rules were refused."""
    start = datetime.fromisoformat(case["start"])
    world = _World(case, start)
    lines = case["trace"]
    now_s = 0.0
    while True:
        loop = VirtualLoop(start, now_s, REAL_LIMIT_S)
        try:
            lines = loop.run_until_complete(world.life(folder, lines))
        finally:
            world.calls.is_open = False
            _abandon(loop)
        if lines is None:
            return {"calls": world.calls.made, "invalid": world.invalid}
        now_s = lines[0]["t"] + lines[0]["restart"]
        world.absorb_downtime(lines, now_s)
        lines = [line for line in lines[1:] if line["t"] > now_s]


def _abandon(loop: VirtualLoop) -> None:
    """Close a loop after all that still waits on it has been told to end; no time passes meanwhile."""
    loop._scheduled.clear()
    loop.has_no_limit = True
    for task in (waiting := asyncio.all_tasks(loop)):
        task.cancel()
        task._log_destroy_pending = False  # type: ignore[attr-defined]
    if waiting:
        loop.run_until_complete(_settle())
    loop.close()


class _World:
    """What outlives a restart: states of the field, what Home Assistant restores, and the calls so far."""

    def __init__(self, case: Record, start: datetime) -> None:
        self.start = start
        self.zone = case["tz"]
        self.tail_s = case["tail"]
        self.rules = parse_yaml(case["rules"])
        self.files: dict[str, str] = case.get("files", {})
        self.states: dict[str, Record] = {}
        self.responses: dict[str, Any] = {}
        self.restored: dict[str, Any] = {}
        self.calls = Calls(self.responses)
        self.invalid: list[str] = []

    def absorb_downtime(self, lines: list[Record], until_s: float) -> None:
        """Take what the field did while nobody listened."""
        for line in lines[1:]:
            if line["t"] <= until_s:
                self._note(line)

    def _note(self, line: Record) -> None:
        if "entity_id" in line:
            if line["state"] is None:
                self.states.pop(line["entity_id"], None)
            else:
                self.states[line["entity_id"]] = line
        elif "action_result" in line:
            self.responses[line["action_result"]["action"]] = line["action_result"]["response"]

    async def life(self, folder: Path, lines: list[Record]) -> list[Record] | None:
        """Live until the trace and its tail end, or up to a restart; returns the lines from there."""
        loop = asyncio.get_running_loop()
        for line in lines:
            if line["t"] == 0 and "event" not in line and "restart" not in line and "reload" not in line:
                self._note(line)
        hass = await self._boot(folder)
        for place, line in enumerate(lines):
            if line["t"] == 0 and ("entity_id" in line or "action_result" in line):
                continue
            await asyncio.sleep(max(0.0, line["t"] - loop.time()))
            await _settle()
            if "restart" in line:
                await self._stop(hass)
                return lines[place:]
            await self._feed(hass, line)
            await _settle()
        await asyncio.sleep(self.tail_s)
        await _settle()
        return None

    async def _boot(self, folder: Path) -> HomeAssistant:
        hass = HomeAssistant(str(folder))
        hass.services = service_registry(hass, self.calls)
        hass.config.skip_pip = True
        await hass.config.async_set_time_zone(self.zone)
        loader.async_setup(hass)
        hass.config_entries = ConfigEntries(hass, {})
        await bootstrap.async_load_base_functionality(hass)
        restore_state.async_get(hass).last_states = self.restored
        for line in self.states.values():
            _set(hass, line)
        self.calls.follow(hass)
        for component in ("script", "automation"):
            await async_setup_component(hass, component, _configuration(self.rules))
        self._note_invalid(hass)
        await hass.async_start()
        await _settle()
        return hass

    def _note_invalid(self, hass: HomeAssistant) -> None:
        entities = list(hass.data["automation"].entities)
        wanted = len(_configuration(self.rules)["automation"])
        assert len(entities) == wanted, f"{wanted} rules made {len(entities)} automations"
        self.invalid += [f"{one.unique_id}: {one._validation_error}" for one in entities if not one.available]

    async def _feed(self, hass: HomeAssistant, line: Record) -> None:
        self._note(line)
        if "entity_id" in line:
            _set(hass, line)
        elif "event" in line:
            hass.bus.async_fire(line["event"], line.get("data", {}))
        elif "reload" in line:
            self.rules = parse_yaml(self.files[line["reload"]])
            configuration = _configuration(self.rules)

            async def configured(_: HomeAssistant) -> Record:
                return configuration

            ha_config.async_hass_config_yaml = configured
            for component in ("script", "automation"):
                await hass.services.async_call(component, "reload", blocking=True)
            self._note_invalid(hass)

    async def _stop(self, hass: HomeAssistant) -> None:
        """Stop in order, as far as that goes without time passing; whatever still waits then is lost."""

        def keep(_: Event[Any]) -> None:
            stored = restore_state.async_get(hass).async_get_stored_states()
            on_disk = json.loads(json.dumps([one.as_dict() for one in stored], cls=JSONEncoder))
            self.restored = {one["state"]["entity_id"]: restore_state.StoredState.from_dict(one) for one in on_disk}

        hass.bus.async_listen_once(EVENT_HOMEASSISTANT_STOP, callback(keep))
        stopping = asyncio.ensure_future(hass.async_stop())
        await _settle()
        stopping.cancel()


def _configuration(rules: Any) -> Record:
    if isinstance(rules, dict):
        return {"automation": rules.get("automation", []), "script": rules.get("script", {})}
    return {"automation": rules, "script": {}}


def _set(hass: HomeAssistant, line: Record) -> None:
    if line["state"] is None:
        hass.states.async_remove(line["entity_id"], Context())
    else:
        hass.states.async_set(line["entity_id"], _text(line["state"]), line.get("attributes", {}))


def _text(value: object) -> str:
    return {True: "on", False: "off"}[value] if isinstance(value, bool) else str(value)


async def _settle() -> None:
    """Until nobody can go on without time passing."""
    ready = asyncio.get_running_loop()._ready  # type: ignore[attr-defined]
    for _ in range(_TURNS_MAX):
        await asyncio.sleep(0)
        if not ready:
            return
