"""A plugin touches its own tables and nothing else, whatever the statement looks like."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest

from hub.core.storage import Database, Migration, StorageRefused, Tx
from hub.core.storage import access as module

Play = Callable[..., Any]


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SELECT v FROM b__t", id="a query"),
        pytest.param("SELECT count(*) FROM b__t", id="a query that reads no column"),
        pytest.param("SELECT 1 FROM b__t", id="a query for existence"),
        pytest.param("SELECT (SELECT v FROM b__t) FROM a__t", id="a subquery"),
        pytest.param("SELECT 1 FROM a__t WHERE EXISTS (SELECT 1 FROM b__t)", id="an EXISTS"),
        pytest.param("SELECT a.v FROM a__t a JOIN b__t b ON a.id = b.id", id="a join under other names"),
        pytest.param("WITH a__x AS (SELECT v FROM b__t) SELECT * FROM a__x", id="a common table expression"),
        pytest.param("SELECT v FROM a__t UNION ALL SELECT v FROM b__t", id="a union"),
        pytest.param("INSERT INTO a__t (v) SELECT v FROM b__t", id="a copy"),
        pytest.param("UPDATE a__t SET v = (SELECT max(v) FROM b__t)", id="an update from there"),
        pytest.param("DELETE FROM a__t WHERE id IN (SELECT id FROM b__t)", id="a delete by there"),
        pytest.param("INSERT INTO b__t (v) VALUES (1)", id="an insert"),
        pytest.param("UPDATE b__t SET v = 1", id="an update"),
        pytest.param("DELETE FROM b__t", id="a delete of everything"),
        pytest.param("INSERT INTO main.b__t (v) VALUES (1)", id="a schema in front"),
        pytest.param('SELECT * FROM "B__T"', id="other letters and quotes"),
        pytest.param("SELECT v FROM a__t ORDER BY (SELECT v FROM b__t)", id="an order"),
        pytest.param("/* harmless */ SELECT v FROM b__t", id="a comment in front"),
        pytest.param("SELECT actor FROM core__changes", id="the core"),
        pytest.param("SELECT sql FROM sqlite_schema", id="the schema"),
        pytest.param("SELECT * FROM pragma_table_info('b__t')", id="a pragma as a table"),
        pytest.param("ATTACH ':memory:' AS other", id="ATTACH"),
        pytest.param("DETACH main", id="DETACH"),
        pytest.param("PRAGMA synchronous = OFF", id="PRAGMA"),
        pytest.param("PRAGMA user_version", id="a reading PRAGMA"),
        pytest.param("BEGIN", id="BEGIN"),
        pytest.param("COMMIT", id="COMMIT"),
        pytest.param("ROLLBACK", id="ROLLBACK"),
        pytest.param("SAVEPOINT one", id="SAVEPOINT"),
        pytest.param("RELEASE one", id="RELEASE"),
        pytest.param("ROLLBACK TO one", id="ROLLBACK TO"),
        pytest.param("CREATE TABLE a__u (id)", id="CREATE TABLE"),
        pytest.param("CREATE TEMP TABLE a__u (id)", id="CREATE TEMP TABLE"),
        pytest.param("CREATE INDEX a__i ON a__t (v)", id="CREATE INDEX"),
        pytest.param("CREATE VIEW a__w AS SELECT * FROM a__t", id="CREATE VIEW"),
        pytest.param("CREATE TRIGGER a__g AFTER INSERT ON a__t BEGIN SELECT 1; END", id="CREATE TRIGGER"),
        pytest.param("CREATE VIRTUAL TABLE a__f USING fts5(x)", id="CREATE VIRTUAL TABLE"),
        pytest.param("DROP TABLE a__t", id="DROP TABLE"),
        pytest.param("ALTER TABLE a__t ADD COLUMN w", id="ALTER TABLE"),
        pytest.param("REINDEX", id="REINDEX"),
        pytest.param("ANALYZE a__t", id="ANALYZE"),
    ],
)
def test_a_statement_that_reaches_beyond_its_owner_is_refused(play: Play, sql: str) -> None:
    async def scene(db: Database) -> None:
        for use in (lambda tx: tx.execute(sql), lambda tx: tx.all(sql), lambda tx: tx.many(sql, [()])):
            with pytest.raises(StorageRefused, match="plugin 'a' may "):
                await db.write(use, owner="a")
        with pytest.raises(StorageRefused, match="plugin 'a' may "):
            await db.read(lambda reader: reader.all(sql), owner="a")
        assert await db.write(lambda tx: tx.execute("INSERT INTO a__t (v) VALUES (1)"), owner="a") == 1

    play(scene)


@pytest.mark.parametrize("sql", ["VACUUM", "VACUUM INTO '/tmp/stolen.db'"])
def test_the_file_cannot_be_copied_from_a_transaction(play: Play, sql: str) -> None:
    async def scene(db: Database) -> None:
        with pytest.raises(Exception, match=r"cannot VACUUM from within a transaction|may not"):
            await db.write(lambda tx: tx.execute(sql), owner="a")
        with pytest.raises(Exception, match=r"cannot VACUUM from within a transaction|may not|attempt to write"):
            await db.read(lambda reader: reader.all(sql), owner="a")

    play(scene)


def test_the_schema_cannot_be_written_by_hand(play: Play) -> None:
    sql = "INSERT INTO sqlite_master VALUES ('table', 'a__u', 'a__u', 0, '')"

    async def scene(db: Database) -> None:
        with pytest.raises(StorageRefused, match="may not touch table 'sqlite_master'"):
            await db.write(lambda tx: tx.execute(sql), owner="a")

    play(scene)


def test_two_statements_in_one_text_are_refused(play: Play) -> None:
    async def scene(db: Database) -> None:
        with pytest.raises(Exception, match="one statement at a time"):
            await db.write(lambda tx: tx.execute("SELECT 1; DELETE FROM b__t"), owner="a")

    play(scene)


@pytest.mark.parametrize(
    "sql",
    [
        pytest.param("SELECT v FROM a__t WHERE id = ?1 OR v = ?1", id="a query"),
        pytest.param("WITH x AS (SELECT v FROM a__t) SELECT count(*), ?1 FROM x", id="a common table expression"),
        pytest.param(
            "WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?1) SELECT i FROM n",
            id="a recursion",
        ),
        pytest.param("SELECT count(*), ?1 FROM (SELECT id FROM a__t)", id="a subquery that reads no column"),
        pytest.param("SELECT j.value, ?1 FROM json_each('[1, 2]') j", id="a JSON array"),
        pytest.param("SELECT t.fullkey, ?1 FROM a__t, json_tree('{}') t", id="a JSON tree"),
        pytest.param("INSERT INTO a__t (v) VALUES (?) ON CONFLICT DO NOTHING RETURNING id, v", id="RETURNING"),
        pytest.param(
            "INSERT INTO a__t (name) VALUES (?) ON CONFLICT (name) DO UPDATE SET v = excluded.v + 1", id="an upsert"
        ),
        pytest.param("SELECT sum(v) OVER (ORDER BY id), ?1 FROM a__t", id="a window"),
    ],
)
def test_an_owners_own_statement_runs(play: Play, sql: str) -> None:
    async def scene(db: Database) -> None:
        await db.write(lambda tx: tx.all(sql, (3,)), owner="a")

    play(scene)


def test_a_text_that_another_owner_has_used_is_checked_again(play: Play) -> None:
    sql = "INSERT INTO a__t (v) VALUES (1)"

    async def scene(db: Database) -> None:
        for _ in range(3):
            await db.write(lambda tx: tx.execute(sql), owner="a")
            with pytest.raises(StorageRefused, match="plugin 'b' may not touch table 'a__t'"):
                await db.write(lambda tx: tx.execute(sql), owner="b")
            assert await db.read(lambda r: r.value("SELECT max(v) FROM a__t"), owner="a") == 1
            with pytest.raises(StorageRefused, match="plugin 'b' may not touch table 'a__t'"):
                await db.read(lambda r: r.value("SELECT max(v) FROM a__t"), owner="b")

    play(scene)


def test_a_text_is_checked_once_per_owner(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    checks: list[str] = []
    check = module.Access.check

    def counting(self: module.Access, owner: str, sql: str, parameters: object) -> None:
        checks.append(sql)
        check(self, owner, sql, parameters)

    monkeypatch.setattr(module.Access, "check", counting)

    async def scene(db: Database) -> None:
        for _ in range(5):
            await db.write(lambda tx: tx.execute("INSERT INTO a__t (v) VALUES (?)", (1,)), owner="a")

    play(scene)
    assert checks.count("INSERT INTO a__t (v) VALUES (?)") == 1


def test_texts_with_values_in_them_do_not_fill_the_memory(play: Play, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(module, "_TEXTS_MAX", 10)

    async def scene(db: Database) -> None:
        committer = db._committer
        assert committer is not None
        for n in range(50):
            sql = f"INSERT INTO a__t (v) VALUES ({n})"
            await db.write(lambda tx, sql=sql: tx.execute(sql), owner="a")  # type: ignore[misc]
            assert len(committer.access.passed["a"]) <= 10

    play(scene)


def test_a_view_and_a_trigger_give_no_way_into_others_tables(play: Play) -> None:
    steps = (
        Migration(1, "a view", "CREATE VIEW c__spy AS SELECT v FROM b__t;\nCREATE TABLE c__t (id);\n"),
        Migration(2, "a trigger", "CREATE TRIGGER c__g AFTER INSERT ON c__t BEGIN\n  DELETE FROM b__t;\nEND;\n"),
    )

    async def scene(db: Database) -> None:
        await db.migrate("c", steps)
        with pytest.raises(StorageRefused, match="plugin 'c' may not touch table 'b__t'"):
            await db.read(lambda r: r.all("SELECT * FROM c__spy"), owner="c")
        with pytest.raises(StorageRefused, match="plugin 'c' may not touch table 'b__t'"):
            await db.write(lambda tx: tx.execute("INSERT INTO c__t VALUES (1)"), owner="c")

    play(scene)


def test_a_table_that_becomes_a_view_of_others_is_checked_again(play: Play) -> None:
    first = Migration(1, "a table", "CREATE TABLE c__t (v);")
    second = Migration(2, "a view", "DROP TABLE c__t;\nCREATE VIEW c__t AS SELECT v FROM b__t;")

    async def scene(db: Database) -> None:
        await db.migrate("c", [first])
        for _ in range(4):  # on each of the reading connections
            await db.read(lambda r: r.all("SELECT v FROM c__t"), owner="c")
        await db.migrate("c", [first, second])
        for _ in range(4):
            with pytest.raises(StorageRefused, match="plugin 'c' may not touch table 'b__t'"):
                await db.read(lambda r: r.all("SELECT v FROM c__t"), owner="c")

    play(scene)


def test_two_owners_write_in_one_transaction_each_in_its_own_tables(play: Play) -> None:
    def both(tx: Tx) -> None:
        tx.execute("INSERT INTO a__t (v) VALUES (5)")
        tx.bound_to("b").execute("INSERT INTO b__t (v) VALUES (-5)")

    def half(tx: Tx) -> None:
        both(tx)
        tx.bound_to("b").execute("INSERT INTO a__t (v) VALUES (1)")

    async def scene(db: Database) -> None:
        await db.write(both, owner="a")
        with pytest.raises(StorageRefused, match="plugin 'b' may not touch table 'a__t'"):
            await db.write(half, owner="a")
        assert await db.read(lambda r: r.value("SELECT sum(v) FROM a__t"), owner="a") == 5
        assert await db.read(lambda r: r.value("SELECT sum(v) FROM b__t"), owner="b") == -5

    play(scene, runs_twice=True)


def test_a_reader_cannot_write(play: Play) -> None:
    async def scene(db: Database) -> None:
        with pytest.raises(Exception, match=r"attempt to write a readonly database|the file is read-only"):
            await db.read(lambda r: r.all("INSERT INTO a__t (v) VALUES (1) RETURNING id"), owner="a")

    play(scene)
