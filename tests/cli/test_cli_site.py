"""`hub init` and `hub check`."""

import stat
from pathlib import Path

import pytest
from click.testing import CliRunner, Result
from sites import BELL, HUB_YAML, make_site

from hub.cli import exits, main


def run(*arguments: str | Path) -> Result:
    return CliRunner().invoke(main, [str(one) for one in arguments])


def test_a_new_site_is_complete_and_passes_its_own_check(tmp_path: Path) -> None:
    folder = tmp_path / "my site"
    assert run("init", folder).exit_code == 0
    assert sorted(str(path.relative_to(folder)) for path in folder.rglob("*") if path.is_file()) == [
        ".gitignore", "automations/example.yaml", "hub.yaml", "secrets.yaml",
    ]  # fmt: skip
    assert stat.S_IMODE((folder / "secrets.yaml").stat().st_mode) == 0o600
    assert "/data/" in (folder / ".gitignore").read_text()
    checked = run("check", folder)
    assert (checked.exit_code, checked.output.count("\n")) == (0, 1)
    assert "'My site'" in checked.output


def test_the_example_rule_of_a_new_site_works_once_it_is_uncommented(tmp_path: Path) -> None:
    run("init", tmp_path / "site")
    example = tmp_path / "site/automations/example.yaml"
    lines = example.read_text().splitlines()
    rule = [line.removeprefix("# ").removeprefix("#") for line in lines[lines.index("#") + 1 :]]
    example.write_text("\n".join(rule) + "\n")
    checked = run("check", tmp_path / "site")
    assert checked.exit_code == 0, checked.stderr


def test_an_unrelated_file_does_not_stop_a_new_site(tmp_path: Path) -> None:
    (tmp_path / "README").write_text("mine")
    assert run("init", tmp_path).exit_code == 0
    assert (tmp_path / "README").read_text() == "mine"


@pytest.mark.parametrize("present", ["hub.yaml", "secrets.yaml", "automations/example.yaml", ".gitignore"])
def test_a_file_that_would_be_written_over_stops_a_new_site(tmp_path: Path, present: str) -> None:
    (tmp_path / present).parent.mkdir(exist_ok=True)
    (tmp_path / present).write_text("mine")
    refused = run("init", tmp_path)
    assert refused.exit_code == exits.ERRORS
    assert f"has {present} already" in refused.stderr
    assert [path for path in tmp_path.rglob("*") if path.is_file()] == [tmp_path / present]
    assert (tmp_path / present).read_text() == "mine"


def test_a_folder_that_cannot_be_made_is_told(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    refused = run("init", tmp_path / "file" / "site")
    assert refused.exit_code == exits.ERRORS
    assert "cannot be written" in refused.stderr


CHECKING = (
    BELL
    + """

from hub.core.config import ConfigError, Mark

@hookimpl
def hub_check(site):
    return [ConfigError("the bell tower leans", Mark("tower.yaml", 3, 7))]
"""
)


def test_all_errors_of_all_files_come_at_once_with_their_places(tmp_path: Path) -> None:
    yaml = """\
site:
  name: ""
  time_zone: Asia/Shangai
custom_plugins: true
plugins:
  bell:
    volume: loud
    volum: 3
  bells:
"""
    checked = run("check", make_site(tmp_path / "site", yaml))
    assert checked.exit_code == exits.ERRORS
    places = [line.split(" ")[0] for line in checked.stderr.splitlines()]
    assert places == ["hub.yaml:2:9:", "hub.yaml:3:14:", "hub.yaml:7:13:", "hub.yaml:8:5:", "hub.yaml:9:3:", "5"]


def test_sections_are_checked_by_their_plugins_schema(tmp_path: Path) -> None:
    yaml = f"{HUB_YAML}    volume: loud\n    volum: 3\n  bells:\n"
    checked = run("check", make_site(tmp_path / "site", yaml))
    assert checked.stderr.splitlines() == [
        "hub.yaml:8:13: plugin bell at volume: expected int, got 'loud'",
        "hub.yaml:9:5: plugin bell: unknown key 'volum'. Did you mean 'volume'?",
        "hub.yaml:10:3: hub.yaml: there is no plugin 'bells'. Did you mean 'bell'?",
        f"3 errors in {tmp_path / 'site'}",
    ]


def test_what_a_plugin_finds_in_its_own_files_is_reported(tmp_path: Path) -> None:
    checked = run("check", make_site(tmp_path / "site", plugins={"bell": CHECKING}))
    assert checked.exit_code == exits.ERRORS
    assert checked.stderr.splitlines()[0] == "tower.yaml:3:7: the bell tower leans"


def test_a_configured_plugin_that_is_broken_is_an_error(tmp_path: Path) -> None:
    checked = run("check", make_site(tmp_path / "site", plugins={"bell": "import no_such_module\n"}))
    assert checked.exit_code == exits.ERRORS
    assert checked.stderr.startswith("hub.yaml:7:3: plugin bell cannot be loaded: ModuleNotFoundError")


def test_secrets_are_not_shown_in_errors(tmp_path: Path) -> None:
    site = make_site(tmp_path / "site", f"{HUB_YAML}    volume: !secret tune\n")
    secrets = site / "secrets.yaml"
    secrets.write_text("tune: vivaldi-1725\n")
    secrets.chmod(0o600)
    checked = run("check", site)
    assert checked.exit_code == exits.ERRORS
    assert "vivaldi" not in checked.output
