"""Backups: what is in one, what is refused, and what a restore leaves whenever it is cut off."""

import hashlib
import io
import json
import shutil
import sqlite3
import stat
import tarfile
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest

from hub.core.actions import Call, Effect
from hub.core.backups import BackupDamaged, BackupRefused, backup_stopped, restore, verify
from hub.core.backups.archive import identity_of, is_safe
from hub.core.identity import Identity
from hub.core.ids import SeededIds
from hub.core.lock import FolderInUse, FolderLock
from hub.core.site import Site
from hub.core.storage import StorageCorrupt
from hub.testing import HubHarness

NOW = datetime(2026, 11, 21, 8, 0, tzinfo=UTC)


@pytest.fixture
def site(virtual_loop: object, hub: HubHarness) -> Site:
    """A site that has run, with configuration of every kind around it."""

    async def fill() -> None:
        async def noted(call: Call) -> object:
            return None

        hub.kernel.actions.register("test.note", noted, owner="test", effect=Effect.LEVEL, description="Notes.")
        for number in range(20):
            await hub.call("test.note", {"n": number}, key=f"k{number}")
        hub.set_state("sensor.shop_1", 5)
        await hub.hub.stop()

    virtual_loop.run_until_complete(fill())  # type: ignore[attr-defined]
    folder = hub.hub.site.folder
    for name, text in {
        "hub.yaml": "site: {name: T, time_zone: UTC}\nplugins: !include more/plugins.yaml\n",
        "more/plugins.yaml": "{}\n",
        "automations/rules.yaml": "[]\n",
        "automations/README": "ours\n",
        "custom_plugins/bell/__init__.py": "x = 1\n",
        "custom_plugins/bell/__pycache__/bell.pyc": "no",
        "secrets.yaml": "token: sesame\n",
        "notes.txt": "not kept",
        ".hidden/x.yaml": "not kept",
        "data/left.yaml": "not kept",
    }.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    (folder / "link.yaml").symlink_to("/etc/passwd")
    return hub.hub.site


def make(site: Site, target: Path, *, with_secrets: bool = False) -> Path:
    made, _ = backup_stopped(site, target, now=NOW, with_history=True, with_secrets=with_secrets)
    return made


def names(file: Path) -> set[str]:
    with tarfile.open(file) as tar:
        return set(tar.getnames())


KEPT = {
    "automations/README",
    "automations/rules.yaml",
    "custom_plugins/bell/__init__.py",
    "history.db",
    "hub.db",
    "hub.yaml",
    "manifest.json",
    "more/plugins.yaml",
}


def test_a_backup_holds_databases_and_configuration_and_no_secrets(site: Site, tmp_path: Path) -> None:
    file = make(site, tmp_path / "a.tar")
    assert names(file) == KEPT
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert b"sesame" not in file.read_bytes()
    assert list(site.backups.iterdir()) == []
    assert names(make(site, tmp_path / "b.tar", with_secrets=True)) == KEPT | {"secrets.yaml"}


def test_the_manifest_says_whose_and_what_it_is(site: Site, tmp_path: Path) -> None:
    manifest = verify(make(site, tmp_path / "a.tar"))
    assert manifest.site_id == (site.data / "site.id").read_text().strip()
    assert (manifest.site_name, manifest.created_at) == ("Test site", NOW)
    assert manifest.change_seq > 20
    assert manifest.schema["core"] >= 1
    assert manifest.size_bytes == sum(member.size_bytes for member in manifest.members)


async def test_a_running_hub_makes_a_backup_by_an_action(hub: HubHarness, tmp_path: Path) -> None:
    (hub.hub.site.folder / "hub.yaml").write_text("site: {name: T, time_zone: UTC}\n")
    made = await hub.call("backup.create", {"with_history": False})
    assert names(Path(made["file"])) == {"hub.db", "hub.yaml", "manifest.json"}
    assert verify(Path(made["file"])).change_seq == made["change_seq"]


def test_progress_ends_at_all_of_it(site: Site, tmp_path: Path) -> None:
    told: list[tuple[int, int]] = []
    file, manifest = backup_stopped(
        site, tmp_path / "a.tar", now=NOW, with_history=True, with_secrets=False,
        progress=lambda done, total: told.append((done, total)),
    )  # fmt: skip
    assert told[-1] == (manifest.size_bytes, manifest.size_bytes)
    assert [done for done, _ in told] == sorted(done for done, _ in told)
    told.clear()
    verify(file, lambda done, total: told.append((done, total)))
    assert 0 < told[-1][0] <= told[-1][1] == file.stat().st_size


def rewritten(file: Path, change: Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]) -> None:
    """Take a backup apart, change its members, and put it together again."""
    members: list[tuple[tarfile.TarInfo, bytes]] = []
    with tarfile.open(file) as tar:
        for info in tar:
            stream = tar.extractfile(info)
            assert stream is not None
            members.append((info, stream.read()))
    change(members)
    with tarfile.open(file, "w") as tar:
        for info, content in members:
            info.size = len(content)
            tar.addfile(info, io.BytesIO(content))


def named(members: list[tuple[tarfile.TarInfo, bytes]], name: str) -> int:
    return next(place for place, (info, _) in enumerate(members) if info.name == name)


def replace(name: str, content: bytes) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        place = named(members, name)
        members[place] = (members[place][0], content)

    return change


def drop(name: str) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    return lambda members: members.__delitem__(named(members, name))


def add(name: str, kind: bytes = tarfile.REGTYPE) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        info = tarfile.TarInfo(name)
        info.type, info.linkname = kind, "/etc/passwd"
        members.insert(0, (info, b""))

    return change


def promise(field: str, value: object) -> Callable[[list[tuple[tarfile.TarInfo, bytes]]], None]:
    def change(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        record = json.loads(members[-1][1])
        record[field] = value
        members[-1] = (members[-1][0], json.dumps(record).encode())

    return change


BAD_BACKUPS = [
    ("a file changed", replace("automations/rules.yaml", b"[1]"), BackupDamaged, "rules.yaml has another content"),
    ("a file missing", drop("automations/rules.yaml"), BackupDamaged, "rules.yaml is missing"),
    ("a file more", add("automations/evil.yaml"), BackupDamaged, "evil.yaml is not in the manifest"),
    ("no database", drop("hub.db"), BackupDamaged, "hub.db is missing"),
    ("no manifest", drop("manifest.json"), BackupDamaged, "has no manifest"),
    ("a manifest that is none", replace("manifest.json", b"[]"), BackupDamaged, "its manifest cannot be read"),
    ("a manifest without end", replace("manifest.json", b"[" * 99_999), BackupDamaged, "its manifest cannot"),
    ("a newer format", promise("format", 99), BackupRefused, "format 99"),
    ("another site's id", promise("site_id", "x"), BackupDamaged, "site id or number of changes"),
    ("a promise of a strange place", promise("members", [{"name": "../x", "size_bytes": 1, "sha256": ""}]),
     BackupDamaged, "'../x' is no name"),
    ("a member outside", add("../../evil.yaml"), BackupDamaged, "a member '../../evil.yaml' that no backup has"),
    ("an absolute member", add("/etc/evil.yaml"), BackupDamaged, "that no backup has"),
    ("a hidden member", add(".bashrc.yaml"), BackupDamaged, "that no backup has"),
    ("a member in the data folder", add("data/hub.db"), BackupDamaged, "that no backup has"),
    ("a program", add("run.sh"), BackupDamaged, "that no backup has"),
    ("a link", add("automations/x.yaml", tarfile.SYMTYPE), BackupDamaged, "that no backup has"),
    ("a device", add("automations/x.yaml", tarfile.CHRTYPE), BackupDamaged, "that no backup has"),
    ("a member twice", add("hub.yaml"), BackupDamaged, "that no backup has"),
]  # fmt: skip


@pytest.mark.parametrize(("case", "change", "kind", "said"), BAD_BACKUPS, ids=[row[0] for row in BAD_BACKUPS])
def test_a_bad_backup_is_refused_and_restores_nothing(
    site: Site, tmp_path: Path, case: str, change: Callable[..., None], kind: type[Exception], said: str
) -> None:
    file = make(site, tmp_path / "a.tar")
    rewritten(file, change)
    with pytest.raises(kind, match=said.replace(".", r"\.")):
        verify(file)
    with pytest.raises(kind):
        restore(file, tmp_path / "new", now=NOW)
    assert sorted(path.name for path in (tmp_path / "new").rglob("*")) == ["data", "hub.lock"]
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.tar", "new", "site"]


@pytest.mark.parametrize("kept", [0.1, 0.5, 0.9, 0.99])
def test_a_backup_cut_short_is_refused(site: Site, tmp_path: Path, kept: float) -> None:
    file = make(site, tmp_path / "a.tar")
    content = file.read_bytes().rstrip(b"\0")
    file.write_bytes(content[: int(len(content) * kept)])
    with pytest.raises(BackupDamaged):
        verify(file)


def test_a_database_that_was_damaged_before_is_noticed(site: Site, tmp_path: Path) -> None:
    file = make(site, tmp_path / "a.tar")

    def damage(members: list[tuple[tarfile.TarInfo, bytes]]) -> None:
        place = named(members, "hub.db")
        content = bytearray(members[place][1])
        for start in range(8192, len(content), 4096):
            content[start : start + 100] = b"\xff" * 100
        members[place] = (members[place][0], bytes(content))
        record = json.loads(members[-1][1])
        for member in record["members"]:
            if member["name"] == "hub.db":
                member["sha256"] = hashlib.sha256(content).hexdigest()
        members[-1] = (members[-1][0], json.dumps(record).encode())

    rewritten(file, damage)
    with pytest.raises(BackupDamaged, match=r"hub\.db: "):
        verify(file)


def test_a_restore_brings_everything_back_and_deletes_nothing(site: Site, tmp_path: Path) -> None:
    file = make(site, tmp_path / "a.tar", with_secrets=True)
    before = (site.data / "hub.db").read_bytes()
    (site.data / "hub.db-wal").write_bytes(b"left by a crash")
    (site.folder / "hub.yaml").write_text("changed: since\n")
    for lost in ("automations/rules.yaml", "secrets.yaml"):
        (site.folder / lost).unlink()
    done = restore(file, site.folder, now=NOW, force=True)
    stamp = "before-restore-20261121T080000.000000Z"
    assert {path.name for path in done.set_aside} >= {
        f"hub.db.{stamp}", f"hub.db.{stamp}-wal", f"history.db.{stamp}", f"hub.yaml.{stamp}",
    }  # fmt: skip
    assert (site.data / f"hub.db.{stamp}").read_bytes() == before
    assert (site.data / f"hub.db.{stamp}-wal").read_bytes() == b"left by a crash"
    assert (site.folder / f"hub.yaml.{stamp}").read_text() == "changed: since\n"
    assert (site.folder / "hub.yaml").read_text().startswith("site:")
    assert (site.folder / "automations/rules.yaml").read_text() == "[]\n"
    assert not (site.data / "hub.db-wal").exists()
    assert stat.S_IMODE((site.folder / "secrets.yaml").stat().st_mode) == 0o600
    assert not list(site.data.glob(".restoring*"))
    connection = sqlite3.connect(site.data / "hub.db")
    assert connection.execute("SELECT count(*) FROM core__action_keys").fetchone() == (20,)
    connection.close()


def newer(site: Site) -> None:
    connection = sqlite3.connect(site.data / "hub.db")
    connection.execute("UPDATE core__sequence SET change_seq = change_seq + 3")
    connection.commit()
    connection.close()


def another_site(site: Site) -> None:
    connection = sqlite3.connect(site.data / "hub.db")
    connection.execute("UPDATE core__meta SET value = 'other' WHERE name = 'site_id'")
    connection.commit()
    connection.close()
    (site.data / "site.id").write_text("other\n")


@pytest.mark.parametrize(
    ("case", "change", "said"),
    [
        ("newer records", newer, "has 3 changes that the backup of 2026-11-21 08:00:00 UTC does not have"),
        ("another site", another_site, "holds site other; name the right folder"),
    ],
)
def test_a_restore_over_what_it_would_lose_needs_force(
    site: Site, tmp_path: Path, case: str, change: Callable[[Site], None], said: str
) -> None:
    file = make(site, tmp_path / "a.tar")
    change(site)
    before = (site.data / "hub.db").read_bytes()
    with pytest.raises(BackupRefused, match=said):
        restore(file, site.folder, now=NOW)
    assert (site.data / "hub.db").read_bytes() == before
    restore(file, site.folder, now=NOW, force=True)
    assert (site.data / "site.id").read_text().strip() == verify(file).site_id


@pytest.mark.parametrize(
    ("case", "harm"),
    [
        ("damaged", lambda path: path.write_bytes(b"junk" * 5000)),
        ("empty", lambda path: path.write_bytes(b"")),
        ("gone", Path.unlink),
    ],
)
def test_a_database_that_is_lost_needs_no_force(
    site: Site, tmp_path: Path, case: str, harm: Callable[[Path], object]
) -> None:
    file = make(site, tmp_path / "a.tar")
    harm(site.data / "hub.db")
    restore(file, site.folder, now=NOW)
    Identity(site.data, SeededIds(1)).check()
    assert verify(file).change_seq > 0


def test_a_folder_in_use_is_not_restored_into(site: Site, tmp_path: Path) -> None:
    file = make(site, tmp_path / "a.tar")
    lock = FolderLock(site.data)
    lock.acquire()
    with pytest.raises(FolderInUse):
        restore(file, site.folder, now=NOW, force=True)
    lock.release()


def test_a_backup_of_a_newer_schema_is_refused_even_by_force(site: Site, tmp_path: Path) -> None:
    file = make(site, tmp_path / "a.tar")
    rewritten(file, promise("schema", {"core": 999}))
    with pytest.raises(BackupRefused, match=r"install hub .+ or newer, then restore"):
        restore(file, tmp_path / "new", now=NOW, force=True)


class CutOff(BaseException):
    """The process dies here."""


def cut_off_after(steps: int, monkeypatch: pytest.MonkeyPatch, restoring: Callable[[], object]) -> bool:
    """Die before the rename after so many renames; False when there were no more than those."""

    def dying(real: Callable[..., object]) -> Callable[..., object]:
        def step(*arguments: object) -> object:
            if next(left, None) is None:
                raise CutOff
            return real(*arguments)

        return step

    left = iter(range(steps))
    with monkeypatch.context() as patched:
        patched.setattr(Path, "rename", dying(Path.rename))
        patched.setattr(Path, "replace", dying(Path.replace))
        try:
            restoring()
        except CutOff:
            return True
    return False


@pytest.mark.parametrize("is_known", [True, False], ids=["a site with its id", "a site whose id is lost"])
def test_a_restore_cut_off_anywhere_leaves_the_old_records_or_a_folder_where_no_hub_starts(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_known: bool
) -> None:
    file = make(site, tmp_path / "a.tar")
    newer(site)
    (site.folder / "hub.yaml").write_text("changed: since\n")
    if not is_known:
        (site.data / "site.id").unlink()
    old = (site.data / "hub.db").read_bytes()
    site_id, cuts = verify(file).site_id, 0
    while True:
        folder = tmp_path / f"cut-{cuts}"
        shutil.copytree(site.folder, folder, symlinks=True)
        if not cut_off_after(cuts, monkeypatch, lambda: restore(file, folder, now=NOW, force=True)):  # noqa: B023
            break
        cuts += 1
        database = folder / "data/hub.db"
        if not database.exists():
            with pytest.raises(StorageCorrupt, match="hub backup restore"):
                Identity(folder / "data", SeededIds(1)).check()
        else:
            assert database.read_bytes() == old
        assert not list(folder.glob("data/.restoring*"))
        restore(file, folder, now=NOW + timedelta(minutes=1), force=True)
        assert identity_of(database)[0] == (folder / "data/site.id").read_text().strip() == site_id
        assert old in [path.read_bytes() for path in folder.glob("data/hub.db.before-restore-*Z")]
    assert cuts >= 8


def test_a_target_that_exists_or_cannot_be_written_is_refused(site: Site, tmp_path: Path) -> None:
    (tmp_path / "a.tar").write_text("mine")
    for target, said in ((tmp_path / "a.tar", "exists already"), (tmp_path / "no/such/a.tar", "cannot be written")):
        with pytest.raises(BackupRefused, match=said):
            make(site, target)
    assert (tmp_path / "a.tar").read_text() == "mine"
    assert [path.name for path in tmp_path.iterdir() if path.name.endswith(".partial")] == []


def test_too_little_room_is_said_before_anything_is_written(
    site: Site, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = make(site, tmp_path / "a.tar")
    usage = (1_000_000, 999_000, 1_000)
    monkeypatch.setattr("shutil.disk_usage", lambda path: type("Usage", (), {"free": usage[2]}))
    with pytest.raises(BackupRefused, match="MB are free"):
        make(site, tmp_path / "b.tar")
    with pytest.raises(BackupRefused, match="MB are free"):
        verify(file)


def test_what_stands_in_a_backups_name_is_judged_strictly() -> None:
    good = ["hub.db", "hub.yaml", "automations/a.yaml", "custom_plugins/a/b.py", "more/x.yml"]
    bad = ["", ".", "..", "/a.yaml", "a/../b.yaml", "a//b.yaml", "./a.yaml", "data/x.yaml", "a\\b.yaml", "a\0.yaml",
           ".x.yaml", "a/.x", "hub.db-wal", "other.db", "run.sh"]  # fmt: skip
    assert [name for name in good if not is_safe(name)] == []
    assert [name for name in bad if is_safe(name)] == []
