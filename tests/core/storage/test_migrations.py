"""A schema grows step by step, every step is known by its hash, and a file that does not fit is refused."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from hub.core.clock import SystemClock
from hub.core.storage import Database, DatabaseAltered, DatabaseNewer, Migration, StorageRefused

Play = Callable[..., Any]

ONE = Migration(1, "first", "CREATE TABLE c__t (id INTEGER PRIMARY KEY, v INTEGER);\n")
TWO = Migration(2, "second", "ALTER TABLE c__t ADD COLUMN w TEXT;\nCREATE INDEX c__i ON c__t (v);\n")
BAD = Migration(
    2, "broken", "CREATE TABLE c__u (id);\nINSERT INTO c__u VALUES (1);\nINSERT INTO c__nope VALUES (1);\n"
)


async def recorded(db: Database) -> list[tuple[Any, ...]]:
    """What the file knows of plugin c's steps."""
    rows = await db.read(
        lambda r: r.all("SELECT version, name, sha256 FROM core__migrations WHERE owner = 'c' ORDER BY version")
    )
    return [tuple(row) for row in rows]


async def tables(db: Database) -> set[str]:
    """The names in the schema."""

    def read(_: object) -> set[str]:
        with sqlite3.connect(db.path) as connection:
            return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema")}

    return await asyncio.to_thread(read, None) if not db._clock.is_virtual else read(None)


def test_only_the_steps_that_are_missing_run_and_all_are_recorded_with_their_hash(play: Play) -> None:
    async def scene(db: Database) -> None:
        assert await db.migrate("c", [ONE]) == 1
        await db.write(lambda tx: tx.execute("INSERT INTO c__t (v) VALUES (7)"), owner="c")
        assert await db.migrate("c", [ONE, TWO]) == 1
        assert await db.migrate("c", [ONE, TWO]) == 0
        assert await recorded(db) == [(1, "first", ONE.sha256), (2, "second", TWO.sha256)]
        row = await db.read(lambda r: r.one("SELECT v, w FROM c__t"), owner="c")
        assert row is not None
        assert tuple(row) == (7, None)

    play(scene)


def test_a_step_that_was_altered_is_refused_with_advice(play: Play) -> None:
    async def scene(db: Database) -> None:
        await db.migrate("c", [ONE])
        other = Migration(1, "first", ONE.sql + "-- changed\n")
        with pytest.raises(DatabaseAltered) as refusal:
            await db.migrate("c", [other, TWO])
        assert str(refusal.value) == (
            f"c: step 1 (first) was applied with hash {ONE.sha256[:12]}, this version has {other.sha256[:12]}; a "
            "published step never changes: install the version that wrote the database, or restore the backup "
            "made before the upgrade"
        )
        assert await recorded(db) == [(1, "first", ONE.sha256)]

    play(scene)


def test_a_newer_file_is_refused_with_advice(play: Play) -> None:
    async def scene(db: Database) -> None:
        await db.migrate("c", [ONE, TWO])
        with pytest.raises(DatabaseNewer) as refusal:
            await db.migrate("c", [ONE])
        assert str(refusal.value) == (
            "c: the database has step 2 (second), this version knows 1 steps; install the newer version again, "
            "or restore the backup made before the upgrade"
        )

    play(scene)


@pytest.mark.parametrize("versions", [[2], [1, 3], [1, 1], [2, 1], [0, 1]])
def test_steps_are_numbered_one_two_three(play: Play, versions: list[int]) -> None:
    async def scene(db: Database) -> None:
        with pytest.raises(ValueError, match="c: migrations must be numbered 1, 2, 3, "):
            await db.migrate("c", [Migration(version, "x", ONE.sql) for version in versions])

    play(scene)


def test_a_step_that_fails_leaves_everything_as_it_was(play: Play) -> None:
    async def scene(db: Database) -> None:
        await db.migrate("c", [ONE])
        before = await tables(db)
        with pytest.raises(sqlite3.OperationalError, match="no such table: c__nope"):
            await db.migrate("c", [ONE, BAD])
        assert await tables(db) == before
        assert await recorded(db) == [(1, "first", ONE.sha256)]
        assert await db.write(lambda tx: tx.execute("INSERT INTO c__t (v) VALUES (1)"), owner="c") == 1
        assert await db.migrate("c", [ONE, TWO]) == 1

    play(scene)


def test_the_first_of_two_steps_goes_with_the_second(play: Play) -> None:
    async def scene(db: Database) -> None:
        with pytest.raises(sqlite3.OperationalError):
            await db.migrate("c", [ONE, BAD])
        assert await recorded(db) == []
        assert "c__t" not in await tables(db)

    play(scene)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("CREATE TABLE b__u (id);", id="a table in another's name"),
        pytest.param("CREATE TABLE loose (id);", id="a table in nobody's name"),
        pytest.param("ALTER TABLE b__t RENAME TO c__stolen;", id="another's table under one's own name"),
        pytest.param("ALTER TABLE c__t RENAME TO b__planted;", id="one's own under another's name"),
        pytest.param("ALTER TABLE b__t ADD COLUMN w;", id="a column in another's table"),
        pytest.param("DROP TABLE b__t;", id="dropping another's table"),
        pytest.param("DROP TABLE core__migrations;", id="dropping the core's"),
        pytest.param("CREATE INDEX c__i ON b__t (v);", id="an index on another's table"),
        pytest.param(
            "CREATE TRIGGER c__g AFTER INSERT ON b__t BEGIN SELECT 1; END;", id="a trigger on another's table"
        ),
        pytest.param("CREATE VIEW b__w AS SELECT 1;", id="a view in another's name"),
        pytest.param("CREATE TABLE c__u (id REFERENCES b__t (id));", id="a key to another's table"),
        pytest.param("CREATE TABLE c__u AS SELECT * FROM b__t;", id="a copy of another's table"),
        pytest.param("INSERT INTO c__t (v) SELECT v FROM b__t;", id="another's rows"),
        pytest.param("UPDATE b__t SET v = 0;", id="changing another's rows"),
        pytest.param("UPDATE core__migrations SET sha256 = '';", id="changing the record of steps"),
        pytest.param("CREATE TEMP TABLE c__u (id);", id="a temporary table"),
        pytest.param(
            "CREATE TEMP TRIGGER c__g AFTER INSERT ON b__t BEGIN SELECT 1; END;", id="a temporary trigger"
        ),
        pytest.param("CREATE VIRTUAL TABLE c__f USING fts5(x, content='b__t');", id="a virtual table"),
        pytest.param("ATTACH ':memory:' AS other;", id="ATTACH"),
        pytest.param("PRAGMA foreign_keys = OFF;", id="PRAGMA"),
        pytest.param("COMMIT;", id="COMMIT"),
        pytest.param("ROLLBACK;", id="ROLLBACK"),
        pytest.param("SAVEPOINT one;", id="SAVEPOINT"),
    ],
)
def test_a_plugins_step_cannot_touch_what_is_not_its_own(play: Play, sql: str) -> None:
    async def scene(db: Database) -> None:
        await db.migrate("c", [ONE])
        await db.write(lambda tx: tx.execute("INSERT INTO b__t (v) VALUES (7)"), owner="b")
        before = await tables(db)
        with pytest.raises(StorageRefused, match="plugin 'c'"):
            await db.migrate("c", [ONE, Migration(2, "greedy", sql)])
        assert await tables(db) == before
        assert await db.read(lambda r: r.value("SELECT v FROM b__t"), owner="b") == 7
        assert await recorded(db) == [(1, "first", ONE.sha256)]
        assert await db.write(lambda tx: tx.execute("INSERT INTO c__t (v) VALUES (1)"), owner="c") == 1

    play(scene)


def test_a_trigger_with_semicolons_inside_stays_whole(play: Play) -> None:
    step = Migration(
        1,
        "all kinds",
        "CREATE TABLE c__t (id INTEGER PRIMARY KEY, v);\n"
        "CREATE TRIGGER c__g BEFORE DELETE ON c__t BEGIN\n  SELECT 1;\n  SELECT RAISE(ABORT, 'kept');\nEND;\n"
        "CREATE TABLE c__u (id INTEGER PRIMARY KEY REFERENCES c__t (id), t TEXT DEFAULT ';') -- no end here\n",
    )

    async def scene(db: Database) -> None:
        await db.migrate("c", [step])
        await db.write(lambda tx: tx.execute("INSERT INTO c__t (v) VALUES (1)"), owner="c")
        with pytest.raises(Exception, match="kept"):
            await db.write(lambda tx: tx.execute("DELETE FROM c__t"), owner="c")
        assert {"c__t", "c__g", "c__u"} <= await tables(db)

    play(scene)


def test_a_file_with_data_is_copied_before_its_schema_changes_and_a_fresh_one_is_not(tmp_path: Path) -> None:
    file, backup = tmp_path / "hub.db", tmp_path / "before.db"

    async def main() -> None:
        db = Database(file, SystemClock())
        await db.open()
        await db.migrate("c", [ONE], backup)
        await db.write(lambda tx: tx.execute("INSERT INTO c__t (v) VALUES (7)"), owner="c")
        await db.close()
        assert not backup.exists(), "a fresh file holds nothing worth a copy"
        db = Database(file, SystemClock())
        await db.open()
        await db.migrate("c", [ONE], backup)
        assert not backup.exists(), "nothing is to be done"
        await db.migrate("c", [ONE, TWO], backup)
        await db.write(lambda tx: tx.execute("UPDATE c__t SET v = 8"), owner="c")
        await db.close()

    asyncio.run(main())
    assert backup.stat().st_mode & 0o777 == 0o600
    with sqlite3.connect(backup) as copy:
        assert copy.execute("PRAGMA integrity_check").fetchone() == ("ok",)
        assert copy.execute("SELECT v FROM c__t").fetchone() == (7,)
        assert [row[1] for row in copy.execute("PRAGMA table_info(c__t)")] == ["id", "v"]
    assert [path.name for path in tmp_path.iterdir() if "partial" in path.name] == []


def test_a_copy_that_cannot_be_made_stops_the_change_and_leaves_no_half_copy(tmp_path: Path) -> None:
    async def main() -> None:
        db = Database(tmp_path / "hub.db", SystemClock())
        await db.open()
        await db.migrate("c", [ONE])
        await db.close()
        db = Database(tmp_path / "hub.db", SystemClock())
        await db.open()
        taken = tmp_path / "taken.db"
        taken.write_text("an older backup")
        with pytest.raises(StorageRefused, match=r"taken\.db exists already; name a new file for the copy"):
            await db.migrate("c", [ONE, TWO], taken)
        with pytest.raises(Exception, match=r"unable to open database|No such file"):
            await db.migrate("c", [ONE, TWO], tmp_path / "no such folder" / "x.db")
        assert taken.read_text() == "an older backup"
        assert await recorded(db) == [(1, "first", ONE.sha256)]
        await db.close()

    asyncio.run(main())
