"""`hub entity`, `hub action` and `hub plugin`, mostly without a running hub; with one, see test_run.py."""

import json
from decimal import Decimal
from pathlib import Path

import click
import pytest
from click.testing import CliRunner, Result
from sites import BELL, HUB_YAML, hub, in_json, make_site, running

from hub.cli import exits, main
from hub.cli.actions import scalar
from hub.cli.output import json_line, print_table


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


SCALARS = [
    ("a whole number", "5", 5),
    ("a fraction is exact", "0.10", Decimal("0.10")),
    ("a negative number", "-3.5", Decimal("-3.5")),
    ("true", "true", True),
    ("null", "null", None),
    ("nothing", "", None),
    ("a phone number is text", "0123", "0123"),
    ("a time is text", "12:30", "12:30"),
    ("on is text", "on", "on"),
    ("an equals sign belongs to the value", "a=b", "a=b"),
    ("single quotes make text", "'5'", "5"),
    ("double quotes make text", '"5"', "5"),
    ("a quoted quote", "'it''s'", "it's"),
    ("one quote is itself", "'", "'"),
]


@pytest.mark.parametrize(("case", "text", "value"), SCALARS, ids=[row[0] for row in SCALARS])
def test_a_field_is_read_as_yaml_reads_it(case: str, text: str, value: object) -> None:
    read = scalar("field", text)
    assert (read, type(read)) == (value, type(value))


@pytest.mark.parametrize("text", [".nan", "-.inf", "1e999", "1" * 101, '"\\x"'])
def test_a_field_that_cannot_be_recorded_is_a_usage_error(text: str) -> None:
    with pytest.raises(click.BadParameter, match="field"):
        scalar("field", text)


@pytest.mark.parametrize(
    ("case", "arguments", "said"),
    [
        ("no equals sign", ["ring"], "'ring' is no FIELD=VALUE"),
        ("a field twice", ["a=1", "a=2"], "'a' is given twice"),
        ("data is no JSON", ["--data", "{"], "this is no JSON"),
        ("data is a list", ["--data", "[1]"], "write an object"),
        ("data is not a number", ["--data", '{"a": NaN}'], "NaN is no number"),
    ],
)
def test_a_call_written_wrongly_reaches_no_hub(tmp_path: Path, case: str, arguments: list[str], said: str) -> None:
    shown = run("action", "call", "bell.ring", "--folder", tmp_path, *arguments)
    assert shown.exit_code == exits.USAGE
    assert said in shown.stderr


def test_a_call_without_a_running_hub_starts_one_for_itself(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    called = hub(
        "action", "call", "bell.ring", "times=2", "--data", '{"note": {"x": 0.10}}', "--json", "--folder", site
    )
    assert in_json(called) == {"rings": 2, "note": {"x": "0.10"}}
    assert called.stderr == ""
    again = hub("action", "call", "bell.ring", "times=5", "--key", "k1", "--json", "--folder", site)
    repeated = hub("action", "call", "bell.ring", "times=5", "--key", "k1", "--json", "--folder", site)
    assert in_json(again) == in_json(repeated) == {"rings": 5, "note": None}
    (state,) = json.loads(hub("entity", "list", "*_count", "--json", "--folder", site).stdout)
    assert state["value"] == 0  # the repeated call rang no bell
    assert not (site / "data/hub.sock").exists()


def test_a_call_that_starts_a_hub_refuses_an_unknown_plugin_as_a_start_does(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", HUB_YAML + "  bel:\n")
    called, started = hub("action", "call", "bell.ring", "--folder", site), hub("run", site)
    assert called.returncode == started.returncode == exits.CONFIGURATION
    assert "there is no plugin 'bel'. Did you mean 'bell'?" in called.stderr


def test_a_call_that_takes_the_process_down_counts_as_a_failed_start(tmp_path: Path) -> None:
    deadly = "import os\nos._exit(99)\n"
    site = make_site(tmp_path / "site", HUB_YAML.replace("\n  bell:", " {}"), {"deadly": deadly})
    assert [hub("action", "call", "hub.stop", "--folder", site).returncode for _ in range(3)] == [99, 99, 99]
    fourth = hub("action", "call", "hub.stop", "--folder", site)
    assert (fourth.returncode, "in safe mode" in fourth.stderr) == (exits.OK, True), fourth.stderr
    assert not (site / "data/starts").exists()


def test_a_refused_call_says_why(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    for arguments, said in (
        (["bell.rin"], "Did you mean 'bell.ring'?"),
        (["bell.ring", "times=often"], "times: expected int"),
        (["bell.ring", "tims=1"], "unknown field 'tims'. Did you mean 'times'?"),
    ):
        refused = hub("action", "call", *arguments, "--folder", site)
        assert refused.returncode == exits.REFUSED
        assert said in refused.stderr
        assert "Traceback" not in refused.stderr


def test_what_is_asked_of_a_running_hub(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    with running(site):
        actions = hub("action", "list", "bell.*", "--folder", site)
        who = hub("action", "call", "bell.who", "--folder", site)
        plain = hub("entity", "list", "sensor.bell*", "--folder", site)
        shown = hub("entity", "show", "sensor.bell_level", "--folder", site)
        unknown = hub("entity", "show", "sensor.bell_levl", "--folder", site)
        plugins = hub("plugin", "list", "--json", "--folder", site)
        refused = hub("action", "call", "bell.ring", "times=x", "--folder", site)
        doctor = hub("doctor", site)
    assert actions.stdout.splitlines()[1].split("  ")[0] == "bell.ring"
    assert "[times], [note]" in actions.stdout or "[note], [times]" in actions.stdout
    assert who.stdout.startswith("os:")
    assert [line.split()[:2] for line in plain.stdout.splitlines()] == [
        ["entity", "value"], ["sensor.bell_count", "0"], ["sensor.bell_level", "12.50"],
    ]  # fmt: skip
    assert "\x1b" not in plain.stdout
    assert "dB" in shown.stdout
    assert unknown.returncode == exits.ERRORS
    assert "Did you mean 'sensor.bell_level'?" in unknown.stderr
    (bell,) = [one for one in json.loads(plugins.stdout) if one["name"] == "bell"]
    assert (bell["state"], bell["version"]) == ("running", "1.2.3")
    assert refused.returncode == exits.REFUSED
    assert "running, version" in doctor.stdout
    assert doctor.returncode == 0


@pytest.mark.parametrize("arguments", [["entity", "watch"], ["action", "list"]])
def test_a_verb_that_needs_a_hub_says_so(tmp_path: Path, arguments: list[str]) -> None:
    refused = run(*arguments, "--folder", make_site(tmp_path / "site"))
    assert refused.exit_code == exits.NO_HUB
    assert "start it with `hub run`" in refused.stderr


def test_a_folder_where_no_hub_ever_ran_has_no_entities_to_show(tmp_path: Path) -> None:
    refused = run("entity", "list", "--folder", make_site(tmp_path / "site"))
    assert refused.exit_code == exits.ERRORS
    assert "no hub has run in" in refused.stderr


def test_a_vanished_database_is_told_when_reading_too(tmp_path: Path) -> None:
    data = make_site(tmp_path / "site") / "data"
    data.mkdir()
    (data / "site.id").write_text("abc\n")
    refused = run("entity", "list", "--folder", tmp_path / "site")
    assert refused.exit_code == exits.DATABASE_REFUSED
    assert "hub backup restore" in refused.stderr


def test_an_unknown_entity_in_the_files_is_answered_with_a_close_one(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site")
    assert hub("action", "call", "bell.ring", "--folder", site).returncode == 0
    unknown = run("entity", "show", "sensor.bell_cont", "--folder", site)
    assert unknown.exit_code == exits.ERRORS
    assert "Did you mean 'sensor.bell_count'?" in unknown.stderr


def test_plugins_are_listed_without_a_hub(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", plugins={"quiet": BELL.replace('"bell"', '"quiet"'), "bad": "1 / 0\n"})
    listed = hub("plugin", "list", "--json", "--folder", site)
    states = {one["name"]: one["state"] for one in json.loads(listed.stdout) if one["source"] != "command line"}
    assert states["bell"] == "enabled"
    assert states["quiet"] == "disabled"
    assert states["bad"] == "broken"
    assert "no hub runs here" in listed.stderr
    plain = hub("plugin", "list", "--folder", site)
    assert "ZeroDivisionError" in plain.stdout


def test_custom_plugins_are_left_alone_unless_they_are_switched_on(tmp_path: Path) -> None:
    yaml = HUB_YAML.replace("custom_plugins: true", "custom_plugins: false").replace("\n  bell:", " {}")
    site = make_site(tmp_path / "site", yaml)
    assert "bell" not in hub("plugin", "list", "--folder", site).stdout


def test_columns_line_up_for_chinese_names_too(capsys: pytest.CaptureFixture[str]) -> None:
    print_table(("shop", "balance"), [("面馆", Decimal("1.20")), ("tea", None), ("a\nb", True)])
    assert capsys.readouterr().out.splitlines() == ["shop  balance", "面馆  1.20", "tea   -", "a b   yes"]


def test_json_has_exact_numbers_as_text() -> None:
    assert json_line({"b": Decimal("0.10"), "a": (1, 2)}) == '{"a": [1, 2], "b": "0.10"}'
