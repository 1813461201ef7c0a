"""The command line's main group: verbs are imported when they are used, errors become messages and exit codes."""

from __future__ import annotations

import importlib
import sys
import traceback
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import click

from hub.cli import exits
from hub.cli.plugin_hints import may_add_verbs


@dataclass(frozen=True, slots=True)
class Verb:
    """One of our own verbs: where it is, and its line in `hub --help`."""

    module: str
    summary: str
    attribute: str = "command"


class PluginVerbs(click.Group):
    """What plugins get as `cli` in `hub_commands`; it takes new verbs and refuses our own names."""

    def __init__(self, taken: Mapping[str, Verb]) -> None:
        """Start without verbs."""
        super().__init__("hub")
        self._taken = taken

    def add_command(self, cmd: click.Command, name: str | None = None) -> None:
        """Take a verb; raises when Hub, or another plugin, has one of that name."""
        name = name or cmd.name
        if name in self._taken or name in self.commands:
            raise ValueError(f"there is a verb {name!r} already; name the plugin's verb after the plugin")
        super().add_command(cmd, name)


class MainGroup(click.Group):
    """`hub` itself."""

    def __init__(self, verbs: Mapping[str, Verb], **options: Any) -> None:
        """Know the verbs by name; nothing of them is imported yet."""
        super().__init__(**options)
        self.verbs = verbs
        self._from_plugins: click.Group | None = None

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Our own verbs, in the order in which a newcomer meets them, then those of plugins."""
        return [*self.verbs, *sorted(self._plugin_verbs().commands)]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """A verb by name; only a name that is none of ours makes plugins be loaded."""
        verb = self.verbs.get(cmd_name)
        if verb is None:
            return self._plugin_verbs().commands.get(cmd_name)
        command: click.Command = getattr(importlib.import_module(verb.module), verb.attribute)
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """A verb by what was typed; an unknown one is answered with a close name."""
        if args and self.get_command(ctx, args[0]) is None and not args[0].startswith("-"):
            from hub.core.config.suggest import did_you_mean

            hint = did_you_mean(args[0], self.list_commands(ctx))
            ctx.fail(f"there is no command {args[0]!r}.{hint or ' See `hub --help`.'}")
        return super().resolve_command(ctx, args)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """List the verbs by the summaries we have, without importing them."""
        with formatter.section("Commands"):
            formatter.write_dl([(name, verb.summary) for name, verb in self.verbs.items()])
        theirs = self._plugin_verbs().commands if may_add_verbs(Path()) else {}
        if theirs:
            with formatter.section("Commands of plugins"):
                formatter.write_dl([(name, theirs[name].get_short_help_str(80)) for name in sorted(theirs)])

    def invoke(self, ctx: click.Context) -> Any:
        """Run a verb; every error ends in one message and the code that `exits` names for it."""
        try:
            return super().invoke(ctx)
        except (click.ClickException, click.Abort, click.exceptions.Exit, BrokenPipeError):
            raise
        except KeyboardInterrupt:
            click.echo("interrupted", err=True)
            ctx.exit(exits.BY_SIGNAL + 2)
        except Exception as error:  # noqa: BLE001 - this is where errors end
            ctx.exit(explain(error))

    def _plugin_verbs(self) -> click.Group:
        if self._from_plugins is None:
            from hub.cli.extensions import plugin_verbs

            self._from_plugins = plugin_verbs(self.verbs)
        return self._from_plugins


def explain(error: Exception) -> int:
    """Print what went wrong, without secrets, and give the exit code for it."""
    from hub.core.config import ConfigErrors, redact

    code = exits.code_of(error)
    if code is None:
        text = "".join(traceback.format_exception(error))
        click.echo(redact(f"{text}\nThis is a bug in Hub or in a plugin named above: please report it."), err=True)
        return exits.UNEXPECTED
    sys.stdout.flush()
    click.echo(redact(str(error) if isinstance(error, ConfigErrors) else f"hub: {error}"), err=True)
    return code
