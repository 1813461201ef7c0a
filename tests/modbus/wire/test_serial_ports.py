"""A real serial port, as far as a pseudo-terminal is one: its settings, its lock, and its vanishing."""

from __future__ import annotations

import asyncio
import termios
from pathlib import Path

import pytest
from rtu_traps import fails, gives
from wire_peers import Stage, Terminal, read, rtu_reply, soon

from hub.contracts.links import Failure, LinkFailed
from hub.core.clock import SystemClock
from plugins.kpm_modbus.wire import open_link

pytestmark = pytest.mark.real_time


def stage_on(device: Path | str, options: str = "") -> Stage:
    stage = Stage(SystemClock(), 0.5)
    stage.link = open_link(f"serial://{device}?baud=115200{options}", stage.clock)
    return stage


def plug_in(stage: Stage, path: Path) -> Terminal:
    """Let the device appear, with a meter behind it."""
    terminal = Terminal(stage.asked)
    stage._send = terminal.send
    path.unlink(missing_ok=True)
    path.symlink_to(terminal.path)
    return terminal


def test_a_port_that_vanishes_and_returns_is_used_again(tmp_path: Path) -> None:
    async def main() -> None:
        device = tmp_path / "bus"
        stage = stage_on(device)
        failed = await fails(stage, read(100), Failure.DISCONNECTED)
        assert str(failed) == f"serial://{device}?baud=115200 is down: No such file or directory"

        first = plug_in(stage, device)
        await soon(stage, lambda stage: gives(stage, read(100)))
        device.unlink()
        first.vanish()
        with pytest.raises(LinkFailed) as caught:
            await stage.link.transact(read(200), 0.3)
        assert caught.value.reason is Failure.DISCONNECTED

        second = plug_in(stage, device)
        await soon(stage, lambda stage: gives(stage, read(300)))
        await stage.link.close()
        second.vanish()

    asyncio.run(main())


def test_a_port_that_vanishes_in_a_transaction_fails_it(tmp_path: Path) -> None:
    async def main() -> None:
        stage = stage_on(tmp_path / "bus")
        terminal = plug_in(stage, tmp_path / "bus")
        stage.script = lambda _: terminal.vanish()
        failed = await fails(stage, read(100), Failure.DISCONNECTED)
        assert failed.was_sent
        await stage.link.close()

    asyncio.run(main())


@pytest.mark.parametrize(
    ("options", "speed", "flags"),
    [
        ("", termios.B115200, 0),
        ("&baud=9600&stop=2", termios.B9600, termios.CSTOPB),
        ("&baud=19200&parity=O", termios.B19200, 0),
    ],
)
def test_the_line_is_raw_and_has_the_settings_of_the_url(
    tmp_path: Path, options: str, speed: int, flags: int
) -> None:
    """Parity can't be seen here: the kernel takes it off a pseudo-terminal."""

    async def main() -> None:
        stage = stage_on(tmp_path / "bus", options)
        terminal = plug_in(stage, tmp_path / "bus")
        stage.script = lambda request: stage.send(rtu_reply(request))
        await gives(stage, read(0x0A0D, 2))  # line ends arrive untouched
        await gives(stage, read(0x1113, 2))  # and so do XON and XOFF
        settings = termios.tcgetattr(terminal.meter_side)
        assert settings[4:6] == [speed, speed]
        assert settings[2] & termios.CSTOPB == flags
        assert not settings[3] & (termios.ICANON | termios.ECHO)
        await stage.link.close()
        terminal.vanish()

    asyncio.run(main())


def test_a_port_in_use_is_refused_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        ours, theirs = stage_on(tmp_path / "bus"), stage_on(tmp_path / "bus")
        terminal = plug_in(ours, tmp_path / "bus")
        await gives(ours, read(100))
        failed = await fails(theirs, read(100), Failure.DISCONNECTED)
        assert str(failed).endswith(f"{tmp_path / 'bus'} is in use by another program; a bus has one master")
        await ours.link.close()
        await theirs.link.close()
        terminal.vanish()

    asyncio.run(main())


def test_a_file_that_is_no_serial_port_is_refused_by_name(tmp_path: Path) -> None:
    async def main() -> None:
        (tmp_path / "file").touch()
        stage = stage_on(tmp_path / "file")
        failed = await fails(stage, read(100), Failure.DISCONNECTED)
        assert "is no serial port" in str(failed)
        await stage.link.close()

    asyncio.run(main())
