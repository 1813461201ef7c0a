"""Triggers for the hub's own start and stop, and for what other plugins provide."""

from __future__ import annotations

from collections.abc import Callable, Mapping

from hub.automation.language.model import HubTrigger, ProviderTrigger
from hub.automation.runtime.contract import TriggerError
from hub.automation.runtime.triggers.setting import Live, Setting, Shot
from hub.contracts.providers import TriggerProvider, provider_key
from hub.core.context import SYSTEM, Context
from hub.core.hub import HubStarted, HubStopping
from hub.core.plugins import PluginChanged


class HubStartOrStop(Live):
    """Fires once the hub runs, or when it begins to stop; not at a reload."""

    def __init__(self, setting: Setting, trigger: HubTrigger) -> None:
        """Listen for it."""
        super().__init__(setting)
        self._event = trigger.event
        bus = setting.around.hub.bus
        if trigger.event == "shutdown":
            setting.undo.append(bus.subscribe(HubStopping, lambda event: self._fire(event.context)))
        elif setting.start == "start" and setting.around.strategies.durable_timers:
            setting.undo.append(bus.subscribe(HubStarted, lambda event: self._fire(event.context)))

    def first_look(self) -> None:
        """In Home Assistant the start is the moment at which a rule is attached: later ones hear nothing of it."""
        is_start = self._event == "start" and self.setting.start == "start"
        if is_start and not self.setting.around.strategies.durable_timers:
            self._fire()

    def _fire(self, context: Context = SYSTEM) -> None:
        said = "Home Assistant starting" if self._event == "start" else "Home Assistant stopping"
        data = self.setting.data("homeassistant", event=self._event, description=said)
        self.setting.fire(Shot(data, None, context))


class Provided(Live):
    """Fires when another plugin says so; follows that plugin through restarts."""

    def __init__(self, setting: Setting, trigger: ProviderTrigger) -> None:
        """Attach it at its provider; raises `TriggerError` when there is none, or the provider refuses it."""
        super().__init__(setting)
        self._trigger = trigger
        config = setting.rendered(dict(trigger.config), "config")
        assert isinstance(config, dict)
        self._config: Mapping[str, object] = config
        self._provider: TriggerProvider | None = None
        self._stop: Callable[[], None] | None = None
        setting.undo.append(self._leave)
        provider = self._find()
        if provider is None:
            raise TriggerError(f"{setting.where}: no plugin provides the trigger `{trigger.provider}` now")
        try:
            self._join(provider)
        except ValueError as error:
            raise TriggerError(f"{setting.where}: {trigger.provider}: {error}") from error
        setting.undo.append(setting.around.hub.bus.subscribe(PluginChanged, self._plugin_changed))

    def _find(self) -> TriggerProvider | None:
        return self.setting.around.hub.find(provider_key(self._trigger.provider))

    def _join(self, provider: TriggerProvider) -> None:
        self._stop = provider.attach(self._config, self._fire)
        self._provider = provider

    def _leave(self) -> None:
        stop, self._stop, self._provider = self._stop, None, None
        if stop is not None:
            stop()

    def _plugin_changed(self, _: PluginChanged) -> None:
        """Follow a provider that was restarted."""
        provider = self._find()
        if provider is self._provider:
            return
        if self._provider is not None:
            self._provider = self._stop = None  # its plugin is gone, and all that was attached there with it
        if provider is None:
            self.setting.note("error", f"no plugin provides the trigger `{self._trigger.provider}` now")
            return
        try:
            self._join(provider)
        except ValueError as error:
            self.setting.note("error", f"{self._trigger.provider}: {error}")

    def _fire(self, more: Mapping[str, object], context: Context) -> None:
        description = more.get("description", self._trigger.provider)
        data = self.setting.data(self._trigger.provider, **{**more, "description": description})
        entity_id = more.get("entity_id")
        self.setting.fire(Shot(data, entity_id if isinstance(entity_id, str) else None, context))
