"""`hub run` as a real process: start, answer, refuse a second one, stop by every way."""

import json
import os
import re
import select
import shutil
import signal
import sqlite3
import stat
import subprocess
from pathlib import Path

import pytest
from sites import HUB_YAML, Running, environment, hub, in_json, make_site, notify_socket, pause, running, watching

from hub.cli import exits
from hub.core.lock import FolderLock

pytestmark = pytest.mark.real_time


@pytest.fixture
def site(tmp_path: Path) -> Path:
    return make_site(tmp_path / "site")


def test_it_answers_while_it_runs_and_ends_in_order_on_sigterm(site: Path) -> None:
    with running(site) as process:
        states = in_json(hub("entity", "list", "--json", "--folder", site))
        assert [(state["entity_id"], state["value"]) for state in states] == [  # type: ignore[attr-defined]
            ("sensor.bell_count", 0),
            ("sensor.bell_level", "12.50"),
        ]
        mode = stat.S_IMODE((site / "data/hub.sock").stat().st_mode)
        assert mode == 0o600
        assert f"kill {process.process.pid}" in process.log
        assert process.end(signal.SIGTERM) == exits.OK
    assert "SIGTERM received" in process.log
    assert "The hub has stopped." in process.log
    assert not (site / "data/hub.sock").exists()


def test_what_stopped_in_order_can_be_read_without_a_hub_and_is_stale(site: Path) -> None:
    with running(site):
        assert hub("action", "call", "bell.ring", "times=3", "--folder", site).returncode == 0
    listed = hub("entity", "list", "*_count", "--json", "--folder", site)
    (state,) = json.loads(listed.stdout)
    assert (state["value"], state["quality"]) == (3, "stale")
    assert "no hub runs here" in listed.stderr
    shown = in_json(hub("entity", "show", "sensor.bell_count", "--json", "--folder", site))
    assert shown["entry"]["owner"] == "bell"  # type: ignore[index]


def test_a_second_hub_on_the_folder_is_refused_and_names_the_first(site: Path) -> None:
    with running(site) as first:
        second = hub("run", site)
        assert second.returncode == exits.FOLDER_IN_USE
        assert f"in use by process {first.process.pid} (" in second.stderr
        assert "Traceback" not in second.stderr
        assert first.process.poll() is None
        assert in_json(hub("entity", "list", "--json", "--folder", site))


SLOW_STOP = """
import asyncio
from hub.core.plugins import Manifest, Plugin
from hub.hookspecs import hookimpl

class Slow(Plugin):
    manifest = Manifest("slow", "1", "Takes its time to stop.", is_default=True)

    async def setup(self, hub):
        pass

    async def stop(self):
        print_to_log("slow is stopping")
        await asyncio.sleep(9)

def print_to_log(text):
    import logging
    logging.getLogger("slow").warning(text)

@hookimpl
def hub_plugin():
    return Slow
"""


@pytest.mark.parametrize("second", [signal.SIGINT, signal.SIGTERM])
def test_a_second_signal_ends_it_at_once_with_its_number(tmp_path: Path, second: signal.Signals) -> None:
    site = make_site(tmp_path / "site", plugins={"slow": SLOW_STOP})
    with running(site) as process:
        process.send(signal.SIGINT)
        process.wait_for("slow is stopping")
        assert process.end(second) == exits.BY_SIGNAL + second
    assert f"{second.name} again: leaving at once" in process.log
    assert not FolderLock(site / "data").is_held_elsewhere()


def test_a_signal_during_the_start_stops_it_in_order(tmp_path: Path) -> None:
    slow = SLOW_STOP.replace("        pass", "        print_to_log('slow is starting'); await asyncio.sleep(60)")
    slow = slow.replace("await asyncio.sleep(9)", "pass")
    process = Running(make_site(tmp_path / "site", plugins={"slow": slow}))
    process.wait_for("slow is starting")
    assert process.end(signal.SIGTERM) == exits.OK
    assert "Traceback" not in process.log
    assert "Stop:" not in process.log


def test_the_hub_can_be_stopped_by_an_action(site: Path) -> None:
    with running(site) as process:
        assert hub("action", "call", "hub.stop", "--folder", site).returncode == 0
        assert process.end(None) == exits.OK
    assert "asked by os:" in process.log


def test_the_service_manager_hears_ready_alive_and_stopping(site: Path, tmp_path: Path) -> None:
    with notify_socket(tmp_path / "notify") as manager:
        with running(site, NOTIFY_SOCKET=str(tmp_path / "notify"), WATCHDOG_USEC="300000") as process:
            stages = []
            while not (ready := manager.recv(1000).decode()).startswith("READY=1"):
                stages.append(ready)
            assert stages == [
                f"EXTEND_TIMEOUT_USEC={limit_s}000000\nSTATUS={stage}"
                for stage, limit_s in (
                    ("storage", 130), ("records", 130), ("plugins", 310), ("timers", 130), ("control socket", 130),
                )
            ]  # fmt: skip
            assert ready.startswith("READY=1\nSTATUS=Test site: ")
            assert [manager.recv(1000) for _ in range(3)] == [b"WATCHDOG=1"] * 3
            process.end()
        heard = [manager.recv(1000)]
        while heard[-1] == b"WATCHDOG=1":
            heard.append(manager.recv(1000))
        assert heard[-1] == b"STOPPING=1"
        step, extension_us = "", 0
        while step != "hub.db":
            extension, _, step = manager.recv(1000).decode().partition("\nSTATUS=")
            extension_us = int(extension.removeprefix("EXTEND_TIMEOUT_USEC="))
        assert extension_us > 10_000_000


def test_the_commands_it_prints_work_as_they_stand(tmp_path: Path) -> None:
    site = make_site(tmp_path / "my site")
    with running(site) as process:
        (command,) = re.findall(r"Look:  (.*)", process.log)
        asked = subprocess.run(
            command, shell=True, cwd="/", env=environment(), capture_output=True, text=True, check=False
        )
    assert (asked.returncode, "bell" in asked.stdout) == (0, True), f"{command}: {asked.stderr}"


CANARY = "canary-7f3a91c2"

LEAKY = """
import logging
import threading
import warnings
from hub.core.plugins import Manifest, Plugin
from hub.hookspecs import hookimpl
import voluptuous as vol

class Leaky(Plugin):
    manifest = Manifest("leaky", "1", "Tells its secret wherever it can.", config={"token": str})

    async def setup(self, hub):
        token = hub.config["token"].reveal()
        hub.log.error("my token is %s", token)
        logging.getLogger("elsewhere").critical({"token": token})
        warnings.warn(f"the token {token} is old")
        thread = threading.Thread(target=self.fail, args=[token])
        thread.start()
        thread.join()
        raise RuntimeError(f"the far side refused {token}")

    def fail(self, token):
        raise ValueError(token)

@hookimpl
def hub_plugin():
    return Leaky
"""


def test_a_secret_reaches_neither_the_log_nor_any_answer(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", f"{HUB_YAML}  leaky:\n    token: !secret token\n", {"leaky": LEAKY})
    secrets = site / "secrets.yaml"
    secrets.write_text(f"token: {CANARY}\n")
    secrets.chmod(0o600)
    with running(site) as process:
        answers = [hub("plugin", "list", "--json", "--folder", site), hub("doctor", site)]
    said = process.log + "".join(answer.stdout + answer.stderr for answer in answers)
    assert "my token is ***" in process.log
    assert process.log.count("***") >= 4
    assert "the far side refused ***" in answers[0].stdout
    assert CANARY not in said
    database = (site / "data/hub.db").read_bytes()
    assert CANARY.encode() not in database


def test_an_unusable_folder_is_one_clear_message(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    (site / "data").write_text("a file where the data folder belongs")
    refused = hub("run", site)
    assert refused.returncode == exits.FOLDER_UNUSABLE
    assert "cannot be used" in refused.stderr
    assert "Traceback" not in refused.stderr


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write everywhere")
def test_a_read_only_folder_is_one_clear_message(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    (site / "data").mkdir(mode=0o500)
    refused = hub("run", site)
    assert (refused.returncode, "Traceback" in refused.stderr) == (exits.FOLDER_UNUSABLE, False)


@pytest.fixture(scope="module")
def one_used_site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    site = make_site(tmp_path_factory.mktemp("used") / "site")
    with running(site):
        pass
    return site


@pytest.fixture
def used_site(one_used_site: Path, tmp_path: Path) -> Path:
    """A site whose hub has run and stopped."""
    return Path(shutil.copytree(one_used_site, tmp_path / "used"))


def make_newer(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("INSERT INTO core__migrations VALUES ('core', 999, 'from the future', 'x', 0)")
    connection.commit()
    connection.close()


def make_altered(database: Path) -> None:
    connection = sqlite3.connect(database)
    connection.execute("UPDATE core__migrations SET sha256 = 'x' WHERE owner = 'core' AND version = 1")
    connection.commit()
    connection.close()


def damage(database: Path) -> None:
    content = bytearray(database.read_bytes())
    for place in range(8192, len(content), 4096):
        content[place : place + 200] = b"\xff" * 200
    database.write_bytes(content)


@pytest.mark.parametrize(
    ("case", "harm", "said"),
    [
        ("damaged pages", damage, "hub backup restore"),
        (
            "no database at all",
            lambda database: database.write_bytes(b"not a database " * 1000),
            "hub backup restore",
        ),
        ("emptied", lambda database: database.write_bytes(b""), "is empty, but this folder has held"),
        ("vanished", Path.unlink, "is missing, but this folder has held"),
        ("from a newer version", make_newer, "install the newer version again"),
        ("altered steps", make_altered, "a published step never changes"),
    ],
)
def test_a_database_that_cannot_be_trusted_is_refused_and_kept(
    used_site: Path, case: str, harm: object, said: str
) -> None:
    database = used_site / "data/hub.db"
    harm(database)  # type: ignore[operator]
    before = database.read_bytes() if database.exists() else None
    refused = hub("run", used_site)
    assert refused.returncode == exits.DATABASE_REFUSED, refused.stderr
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr
    assert (database.read_bytes() if database.exists() else None) == before


def test_the_database_of_another_site_is_refused(used_site: Path, tmp_path: Path) -> None:
    other = make_site(tmp_path / "other")
    with running(other):
        pass
    shutil.copy(other / "data/hub.db", used_site / "data/hub.db")
    refused = hub("run", used_site)
    assert refused.returncode == exits.DATABASE_REFUSED
    assert "the database of another site was put here" in refused.stderr


@pytest.mark.parametrize(
    ("case", "yaml", "said"),
    [
        (
            "no such plugin",
            f"{HUB_YAML}  bel:\n",
            "hub.yaml:8:3: hub.yaml: there is no plugin 'bel'. Did you mean 'bell'?",
        ),
        ("a broken file", "site: [", "hub.yaml:2:1: this is not YAML"),
        ("a wrong key", HUB_YAML.replace("time_zone", "timezone"), "Did you mean 'time_zone'?"),
    ],
)
def test_a_wrong_configuration_is_told_with_its_place(tmp_path: Path, case: str, yaml: str, said: str) -> None:
    refused = hub("run", make_site(tmp_path / "site", yaml))
    assert refused.returncode == exits.CONFIGURATION
    assert said in refused.stderr
    assert "Traceback" not in refused.stderr


def test_a_folder_without_a_site_says_how_to_make_one(tmp_path: Path) -> None:
    refused = hub("run", cwd=tmp_path)
    assert refused.returncode == exits.CONFIGURATION
    assert f"hub init {tmp_path}" in refused.stderr


DEADLY = """
import os
from hub.core.plugins import Manifest, Plugin
from hub.hookspecs import hookimpl

class Deadly(Plugin):
    manifest = Manifest("deadly", "1", "Takes the process down.", is_default=True)

    async def setup(self, hub):
        os._exit(99)

@hookimpl
def hub_plugin():
    return Deadly
"""


@pytest.mark.parametrize(
    ("case", "plugin"), [("in setup", DEADLY), ("when it is imported", "import os\nos._exit(99)\n")]
)
def test_after_three_starts_that_never_ran_it_starts_in_safe_mode(tmp_path: Path, case: str, plugin: str) -> None:
    site = make_site(tmp_path / "site", HUB_YAML.replace("\n  bell:", " {}"), {"deadly": plugin})
    for _ in range(3):
        assert hub("run", site).returncode == 99
    with running(site) as process:
        assert "the last 3 starts never came to run" in process.log
        assert "in safe mode" in process.log
        listed = in_json(hub("action", "call", "hub.stop", "--json", "--folder", site))
        assert listed is None
    (site / "custom_plugins/deadly.py").unlink()
    with running(site) as process:
        assert "safe mode" not in process.log


def test_refused_starts_do_not_lead_into_safe_mode(site: Path) -> None:
    with running(site):
        for _ in range(4):
            assert hub("run", site).returncode == exits.FOLDER_IN_USE
    with running(site) as process:
        assert "safe mode" not in process.log


def test_safe_mode_leaves_out_plugins_of_others(site: Path) -> None:
    with running(site, "--safe") as process:
        names = [one["name"] for one in in_json(hub("plugin", "list", "--json", "--folder", site))]  # type: ignore[attr-defined]
    assert "bell" not in names
    assert "in safe mode" in process.log


def test_a_hub_that_was_killed_starts_again_on_its_folder(site: Path) -> None:
    with running(site) as process:
        process.end(signal.SIGKILL)
    with running(site):
        assert in_json(hub("entity", "list", "--json", "--folder", site))


def test_watching_prints_each_change_as_a_line_and_ends_when_the_hub_stops(site: Path) -> None:
    with running(site) as process, watching(site, "*_count") as watch:
        assert watch.stdout is not None
        for _ in range(50):  # until it listens
            hub("action", "call", "bell.ring", "--folder", site)
            if select.select([watch.stdout], [], [], 0.2)[0]:
                break
        first = json.loads(watch.stdout.readline())
        assert first["entity_id"] == "sensor.bell_count"
        assert first["state"]["value"] >= 1
        process.end()
        _, errors = watch.communicate(timeout=20)
    assert watch.returncode == exits.NO_HUB
    assert "hung up" in errors


def test_the_log_of_a_start_has_no_traceback(site: Path) -> None:
    with running(site) as process:
        pause(0.1)
    assert "Traceback" not in process.log
