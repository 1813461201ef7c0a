"""`hub plugin new`: a package to begin with, small enough to read and complete enough to test."""

from __future__ import annotations

import keyword
from pathlib import Path

import hub
from hub.core.errors import HubError
from hub.core.plugins import Manifest
from hub.core.plugins.manifest import API_VERSION

PYPROJECT = """\
[build-system]
requires = ["hatchling>=1.25"]
build-backend = "hatchling.build"

[project]
name = "hub-{dashed}"
version = "0.1.0"
description = "A plugin for Hub."
readme = "README.md"
requires-python = ">=3.11"
dependencies = ["prepaid-hub>={version}"]

[project.entry-points."hub.plugins"]
{name} = "{module}"

[tool.hatch.build.targets.wheel]
packages = ["src/{module}"]

[tool.pytest.ini_options]
testpaths = ["tests"]
"""

PLUGIN = '''\
"""{title}: a plugin for Hub."""

import voluptuous as vol

from hub.core.actions import Call, Effect
from hub.core.plugins import Manifest, Plugin, PluginHub
from hub.core.registry import EntityWanted
from hub.hookspecs import hookimpl


class {class_name}(Plugin):
    """Counts how often its action is called."""

    manifest = Manifest(
        name="{name}",
        version="0.1.0",
        description="Counts how often its action is called.",
        api={api},
        config={{vol.Optional("step", default=1): vol.All(int, vol.Range(min=1))}},
    )

    async def setup(self, hub: PluginHub) -> None:
        """Register an entity and an action; both go when the plugin stops."""
        self._step = hub.config["step"]
        self._count = 0
        wanted = EntityWanted("count", "sensor.{name}_count", "{title} count")
        (self._counter,) = await hub.add_entities([wanted])
        self._counter.set(self._count)
        hub.actions.register(
            "{name}.count",
            self._add,
            effect=Effect.LEVEL,
            description="Count one step more.",
            returns="the new count",
        )

    async def _add(self, call: Call) -> dict[str, int]:
        self._count += self._step
        self._counter.set(self._count)
        return {{"count": self._count}}


@hookimpl
def hub_plugin() -> type[Plugin]:
    """Tell Hub which class to start."""
    return {class_name}
'''

TEST = '''\
"""What every plugin promises, and what this one does. Time is virtual: an hour takes no time."""

from hub.testing import HubHarness, PluginContract
from {module} import {class_name}


class TestContract(PluginContract):
    """It starts, stops, starts again, and leaves nothing behind."""

    plugin = {class_name}
    bad_config = "step: 0\\n"


async def test_each_call_counts_one_step_more(hub: HubHarness) -> None:
    await hub.load_plugin({class_name}, {{"step": 5}})
    await hub.call("{name}.count")
    assert await hub.call("{name}.count") == {{"count": 10}}
    state = hub.kernel.states.get("sensor.{name}_count")
    assert state is not None
    assert state.value == 10
'''

README = """\
# {title}

A plugin for [Hub](https://pypi.org/project/prepaid-hub/).

## Configuration

In a site's `hub.yaml`:

```yaml
plugins:
  {name}:
    step: 1 # how much each call counts
```

## What it has

| Entity | Is |
|---|---|
| `sensor.{name}_count` | how often it was called since it started |

| Action | Does |
|---|---|
| `{name}.count` | counts one step more |

## When things fail

The count is not kept: it starts at 0 with the plugin. Use `hub.db` and migrations for what must survive.

## Develop

    pip install --editable .
    pytest
"""


class CannotScaffold(HubError):
    """A new plugin cannot be written like this."""


def write_plugin(name: str, parent: Path) -> Path:
    """Write the package of a new plugin into a folder of its own; raises `CannotScaffold` and writes nothing."""
    module = f"hub_{name}"
    try:
        Manifest(name=name, version="0.1.0", description="")
    except ValueError as error:
        raise CannotScaffold(str(error)) from None
    if keyword.iskeyword(name):
        raise CannotScaffold(f"{name!r} is a word of Python; choose another name")
    folder = parent / f"hub-{name.replace('_', '-')}"
    if folder.exists():
        raise CannotScaffold(f"{folder} exists already; choose another name, or another --dir")
    words = {
        "name": name,
        "module": module,
        "dashed": name.replace("_", "-"),
        "title": name.replace("_", " ").capitalize(),
        "class_name": "".join(part.capitalize() for part in name.split("_")) + "Plugin",
        "version": hub.__version__,
        "api": API_VERSION,
    }
    try:
        for path, text in (
            ("pyproject.toml", PYPROJECT),
            (f"src/{module}/__init__.py", PLUGIN),
            ("README.md", README),
            (f"tests/test_{name}.py", TEST),
        ):
            file = folder / path
            file.parent.mkdir(parents=True, exist_ok=True)
            file.write_text(text.format(**words))
    except OSError as error:
        raise CannotScaffold(f"{error.filename} cannot be written: {error.strerror}") from error
    return folder
