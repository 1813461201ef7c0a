"""`hub backup` end to end, of a running hub and of one that is not; the hard cases are in core/test_backups.py."""

import json
import stat
from pathlib import Path

import pytest
from sites import hub, in_json, make_site, running

from hub.cli import exits

pytestmark = pytest.mark.real_time


def count(site: Path) -> object:
    (state,) = json.loads(hub("entity", "list", "*_count", "--json", "--folder", site).stdout)
    return state["value"]


def test_a_backup_of_a_running_hub_brings_its_records_back_elsewhere(tmp_path: Path) -> None:
    site, other = make_site(tmp_path / "site"), tmp_path / "other"
    out = tmp_path / "backup.tar"
    with running(site):
        assert hub("action", "call", "bell.ring", "times=4", "--key", "k", "--folder", site).returncode == 0
        made = in_json(hub("backup", "create", "--out", out, "--json", "--folder", site))
        assert made["file"] == str(out)  # type: ignore[index]
        refused = hub("backup", "restore", out, "--folder", site)
        assert refused.returncode == exits.FOLDER_IN_USE
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert list((site / "data/backups").iterdir()) == []
    verified = in_json(hub("backup", "verify", out, "--json"))
    assert verified["site"] == "Test site"  # type: ignore[index]
    restored = hub("backup", "restore", out, "--folder", other)
    assert restored.returncode == 0, restored.stderr
    assert (other / "custom_plugins/bell.py").read_text() == (site / "custom_plugins/bell.py").read_text()
    repeated = hub("action", "call", "bell.ring", "times=4", "--key", "k", "--json", "--folder", other)
    assert in_json(repeated) == {"rings": 4, "note": None}  # the key came back too


def test_without_a_hub_a_backup_is_made_from_the_files(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    assert hub("action", "call", "bell.ring", "times=4", "--folder", site).returncode == 0
    made = in_json(hub("backup", "create", "--no-history", "--json", "--folder", site))
    file = Path(made["file"])  # type: ignore[index]
    assert file.parent == site / "data/backups"
    assert hub("action", "call", "bell.ring", "times=9", "--folder", site).returncode == 0
    refused = hub("backup", "restore", file, "--folder", site)
    assert refused.returncode == exits.ERRORS
    assert "changes that the backup" in refused.stderr
    assert count(site) == 9
    forced = in_json(hub("backup", "restore", file, "--force", "--json", "--folder", site))
    assert count(site) == 4
    (aside,) = [path for path in forced["set_aside"] if path.endswith("Z")]  # type: ignore[index]
    assert Path(aside).exists()


def test_a_file_is_never_overwritten(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    assert hub("action", "call", "bell.ring", "--folder", site).returncode == 0
    out = tmp_path / "backup.tar"
    out.write_text("mine")
    refused = hub("backup", "create", "--out", out, "--folder", site)
    assert refused.returncode == exits.ERRORS
    assert "exists already" in refused.stderr
    assert out.read_text() == "mine"


def test_a_site_without_records_and_a_file_that_is_no_backup_are_told(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    assert "once its hub has run" in hub("backup", "create", "--folder", site).stderr
    junk = tmp_path / "junk.tar"
    junk.write_bytes(b"x" * 5000)
    for verb in (["verify"], ["restore", "--folder", str(site)]):
        refused = hub("backup", verb[0], junk, *verb[1:])
        assert refused.returncode == exits.ERRORS
        assert "no whole backup file" in refused.stderr
        assert "Traceback" not in refused.stderr
