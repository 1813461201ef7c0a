"""Sites for tests, and hubs on them as real processes."""

from __future__ import annotations

import json
import os
import select
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path

from hub.core.clock import SystemClock, block_thread

PROJECT = Path(__file__).resolve().parents[2]
LIMIT_S = 30.0

HUB_YAML = """\
site:
  name: Test site
  time_zone: Asia/Shanghai
limits: {ballast_mb: 0}
custom_plugins: true
plugins:
  bell:
"""

BELL = '''\
"""A plugin with one of everything that the command line shows."""

from decimal import Decimal

import click
import voluptuous as vol

from hub.core.actions import Effect
from hub.core.plugins import Check, Manifest, Plugin
from hub.core.registry import EntityWanted
from hub.hookspecs import hookimpl


class Bell(Plugin):
    manifest = Manifest("bell", "1.2.3", "Rings.", config={vol.Optional("volume"): int, vol.Optional("code"): str})

    async def setup(self, hub):
        (self.count, self.level) = await hub.add_entities([
            EntityWanted("count", "sensor.bell_count", "Bell count"),
            EntityWanted("level", "sensor.bell_level", "Bell level", unit="dB"),
        ])
        self.count.set(0)
        self.level.set(Decimal("12.50"))
        self.rings = 0
        hub.actions.register(
            "bell.ring", self.ring, effect=Effect.LEVEL, description="Ring once.",
            schema={vol.Optional("times", default=1): int, vol.Optional("note"): object},
        )
        hub.actions.register("bell.who", self.who, effect=Effect.LEVEL, description="Say who rang.")

    async def ring(self, call):
        self.rings += call.data["times"]
        self.count.set(self.rings)
        return {"rings": self.rings, "note": call.data.get("note")}

    async def who(self, call):
        return call.principal.actor


@hookimpl
def hub_plugin():
    return Bell


@hookimpl
def hub_commands(cli):
    @cli.command("bell")
    def bell():
        "Ring by hand."
        click.echo("ding")


@hookimpl
def hub_checks():
    return [Check("clapper", lambda: ("warning", "it is worn"))]
'''


def make_site(folder: Path, yaml: str = HUB_YAML, plugins: Mapping[str, str] | None = None) -> Path:
    """A site with our own small plugin `bell`, and whatever others a test adds."""
    custom = folder / "custom_plugins"
    custom.mkdir(parents=True)
    (folder / "hub.yaml").write_text(yaml)
    for name, text in {"bell": BELL, **(plugins or {})}.items():
        (custom / f"{name}.py").write_text(text)
    return folder


def environment(**more: str) -> dict[str, str]:
    """The environment of the tests, with the project importable and nothing of a service manager."""
    dropped = ("NOTIFY_SOCKET", "WATCHDOG_USEC", "WATCHDOG_PID", "JOURNAL_STREAM")
    kept = {name: value for name, value in os.environ.items() if name not in dropped}
    return kept | {"PYTHONPATH": str(PROJECT), "PYTHONDONTWRITEBYTECODE": "1"} | more


def hub(*arguments: str | Path, cwd: Path | None = None, **more: str) -> subprocess.CompletedProcess[str]:
    """Run `hub` to its end as a process of its own."""
    return subprocess.run(
        [sys.executable, "-P", "-m", "hub.cli", *map(str, arguments)],
        cwd=cwd or "/",
        env=environment(**more),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=LIMIT_S,
        check=False,
    )


class Running:
    """A `hub run` that has been started."""

    def __init__(self, folder: Path, *options: str, **more: str) -> None:
        """Start it; `wait_for` says when it is there."""
        self.folder = folder
        self.log = ""
        self.process = subprocess.Popen(
            [sys.executable, "-P", "-m", "hub.cli", "run", str(folder), *options],
            cwd="/",
            env=environment(**more),
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            bufsize=0,
        )

    def wait_for(self, text: str) -> None:
        """Read its log until a text comes; fails when it ends before."""
        assert self.process.stderr is not None
        descriptor = self.process.stderr.fileno()
        until_s = SystemClock().monotonic() + LIMIT_S
        while text not in self.log:
            left_s = until_s - SystemClock().monotonic()
            assert left_s > 0, f"{text!r} did not come:\n{self.log}"
            if select.select([descriptor], [], [], left_s)[0]:
                read = os.read(descriptor, 65536).decode()
                assert read, f"it ended before {text!r} came:\n{self.log}"
                self.log += read

    def send(self, number: signal.Signals) -> None:
        """Send a signal."""
        self.process.send_signal(number)

    def end(self, number: signal.Signals | None = signal.SIGTERM) -> int:
        """Stop it in order, or wait for its own end; its exit code."""
        if number is not None and self.process.poll() is None:
            self.send(number)
        try:
            _, rest = self.process.communicate(timeout=LIMIT_S)
        except subprocess.TimeoutExpired:
            self.process.kill()
            _, rest = self.process.communicate()
        self.log += rest.decode()
        return self.process.returncode


@contextmanager
def running(folder: Path, *options: str, **more: str) -> Iterator[Running]:
    """A hub that runs on a site for as long as the body takes."""
    hub_process = Running(folder, *options, **more)
    try:
        hub_process.wait_for("Stop:")
        yield hub_process
    finally:
        if hub_process.process.poll() is None:
            hub_process.end()
        if hub_process.process.stderr is not None:
            hub_process.process.stderr.close()


def in_json(done: subprocess.CompletedProcess[str]) -> object:
    """What a verb with --json said."""
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def notify_socket(path: Path) -> socket.socket:
    """The service manager's end of `sd_notify`."""
    manager = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    manager.bind(str(path))
    manager.settimeout(LIMIT_S)
    return manager


def pause(seconds: float) -> None:
    """Wait for another process."""
    block_thread(seconds)


@contextmanager
def watching(folder: Path, match: str) -> Iterator[subprocess.Popen[str]]:
    """A `hub entity watch --json` that has been started."""
    with subprocess.Popen(
        [sys.executable, "-P", "-m", "hub.cli", "entity", "watch", match, "--json", "--folder", str(folder)],
        env=environment(PYTHONUNBUFFERED="1"),
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        cwd="/",
    ) as process:
        try:
            yield process
        finally:
            process.kill()
