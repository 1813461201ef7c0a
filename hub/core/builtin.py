"""The core's own actions and queries: what can be asked of any hub, whatever plugins it has."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import asdict
from fnmatch import fnmatchcase
from typing import TYPE_CHECKING, Any

import voluptuous as vol

import hub
from hub.core.actions import Action, Call, Effect
from hub.core.backups import backup_running
from hub.core.config import did_you_mean, redact
from hub.core.control.dispatcher import show_state
from hub.core.errors import NotFound
from hub.core.plugins import PluginStatus
from hub.core.principals import Principal

if TYPE_CHECKING:
    from hub.core.hub import Hub

OWN = "core"

BACKUP_LIMIT_S = 3600.0
"""A large history on a slow card takes its time."""


def register(this: Hub) -> None:
    """Register the core's actions and queries on a hub."""
    _register_actions(this)
    _register_backup(this)
    _register_queries(this)


def _register_actions(this: Hub) -> None:
    registry, offer = this.kernel.registry, this.kernel.actions.register

    async def restart_plugin(call: Call) -> None:
        this.plugins.restart(call.data["name"])

    async def rename_entity(call: Call) -> None:
        await registry.rename(_entity_key(this, call.data["entity_id"]), call.data["new_entity_id"])

    async def disable_entity(call: Call) -> None:
        entity = _entity_key(this, call.data["entity_id"])
        await registry.disable(entity, call.principal.actor, call.data["reason"])

    async def enable_entity(call: Call) -> None:
        await registry.enable(_entity_key(this, call.data["entity_id"]))

    async def confirm_clock(call: Call) -> None:
        await this.housekeeping.confirm_clock(call.context)

    async def stop_hub(call: Call) -> None:
        this.ask_to_stop(f"asked by {call.principal.actor}")

    for name, handler, description, schema in (
        ("plugin.restart", restart_plugin, "Start a plugin again, even one in quarantine.", {"name": str}),
        (
            "entity.rename",
            rename_entity,
            "Give an entity another id; its history stays with it.",
            {"entity_id": str, "new_entity_id": str},
        ),
        (
            "entity.disable",
            disable_entity,
            "Take an entity out of use, with the reason.",
            {"entity_id": str, "reason": str},
        ),
        ("entity.enable", enable_entity, "Take an entity into use again.", {"entity_id": str}),
        ("clock.confirm", confirm_clock, "Confirm that the wall clock is right, which lifts its hold.", {}),
        ("hub.stop", stop_hub, "Stop the hub in order.", {}),
    ):
        required = {vol.Required(field): kind for field, kind in schema.items()}
        offer(
            name,
            handler,
            owner=OWN,
            effect=Effect.LEVEL,
            description=description,
            schema=required,
            permission="admin",
        )


def _register_backup(this: Hub) -> None:
    async def create_backup(call: Call) -> object:
        databases = {"hub.db": this.kernel.db}
        if call.data["with_history"]:
            databases["history.db"] = this.kernel.history
        file, manifest = await backup_running(
            this.site, databases, this.kernel.clock, with_secrets=call.data["with_secrets"]
        )
        return {"file": str(file), "size_bytes": manifest.size_bytes, "change_seq": manifest.change_seq}

    this.kernel.actions.register(
        "backup.create",
        create_backup,
        owner=OWN,
        effect=Effect.LEVEL,
        description="Write a backup of the databases and the configuration into the data folder.",
        schema={
            vol.Optional("with_history", default=True): bool,
            vol.Optional("with_secrets", default=False): bool,
        },
        permission="admin",
        returns="file, size_bytes and change_seq of the backup",
        limit_s=BACKUP_LIMIT_S,
    )


def _register_queries(this: Hub) -> None:
    kernel = this.kernel

    async def info(_: Principal, __: Mapping[str, Any]) -> object:
        return {
            "version": hub.__version__,
            "site": this.site.name,
            "folder": str(this.site.folder),
            "phase": this.phase.value,
            "safe_mode": this.is_safe_mode,
            "time": kernel.clock.now(),
            "holds": dict(kernel.holds.reasons),
            "entities": len(kernel.states),
            "outbox": await kernel.outbox.counts(),
        }

    async def plugins(_: Principal, __: Mapping[str, Any]) -> object:
        return [show_plugin(status) for status in this.plugins.statuses()]

    async def entities(principal: Principal, params: Mapping[str, Any]) -> object:
        match = str(params.get("match", "*"))
        return [
            show_state(state)
            for state in sorted(kernel.states, key=lambda state: state.entity_id)
            if fnmatchcase(state.entity_id, match) and principal.sees("entity", state.entity_id)
        ]

    async def entity(principal: Principal, params: Mapping[str, Any]) -> object:
        entity_id = str(params.get("entity_id"))
        state = kernel.states.get(entity_id)
        if state is None or not principal.sees("entity", entity_id):
            hint = did_you_mean(
                entity_id, [one.entity_id for one in kernel.states if principal.sees("entity", one.entity_id)]
            )
            raise NotFound(f"there is no entity {entity_id!r}.{hint}")
        entry = kernel.registry.get(entity_id)
        return {"state": show_state(state), "entry": None if entry is None else asdict(entry)}

    async def actions(_: Principal, __: Mapping[str, Any]) -> object:
        return [show_action(action) for action in kernel.actions.all()]

    async def services(_: Principal, __: Mapping[str, Any]) -> object:
        return kernel.services.provided()

    for name, answer, description in (
        ("hub.info", info, "What this hub is and how it is."),
        ("plugin.list", plugins, "Every plugin and how it is."),
        ("entity.list", entities, "The states of all entities that match a pattern."),
        ("entity.show", entity, "One entity's state and registry entry."),
        ("action.list", actions, "Every action with its fields."),
        ("service.list", services, "Which plugin provides which service."),
    ):
        kernel.queries.register(name, answer, owner=OWN, description=description)


def show_plugin(status: PluginStatus) -> dict[str, Any]:
    """A plugin's status as programs outside read it."""
    return {
        **asdict(status),
        "state": status.state.value,
        # They quote what the plugin raised, which may quote its configuration.
        "reason": redact(status.reason),
        "last_error": redact(status.last_error),
    }


def show_action(action: Action) -> dict[str, Any]:
    """An action as programs outside read it."""
    return {
        "name": action.name,
        "owner": action.owner,
        "effect": action.effect.value,
        "description": action.description,
        "permission": action.permission,
        "fields": {
            str(field): {
                "required": type(field).__name__ == "Required",
                "type": getattr(kind, "__name__", str(kind)),
            }
            for field, kind in (action.schema or {}).items()
        },
        "returns": action.returns,
    }


def _entity_key(this: Hub, entity_id: str) -> str:
    entry = this.kernel.registry.get(entity_id)
    if entry is None:
        raise NotFound(f"the registry has no entity {entity_id!r}; see `hub entity list`")
    return entry.id
