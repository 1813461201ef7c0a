"""Profiles are found by name in what is installed and in a site's own folder."""

from __future__ import annotations

import tomllib
from importlib.metadata import EntryPoint
from pathlib import Path

import pytest
from profile_texts import SMALL

from hub.contracts.profiles import ProfileFolder, ProfileTwice, find_profile, profile_files, profile_folders
from hub.core.config import ConfigErrors
from hub.core.errors import NotFound

OURS = EntryPoint("kpm_modbus", "plugins.kpm_modbus", "hub.device_profiles")


def site_with(folder: Path, *names: str, text: str = SMALL) -> Path:
    (folder / "profiles").mkdir()
    for name in names:
        (folder / "profiles" / f"{name}.yaml").write_text(text.replace("profile: small", f"profile: {name}"))
    return folder


def test_a_sites_own_profile_is_found_beside_the_installed_ones(tmp_path: Path) -> None:
    folders = profile_folders(site_with(tmp_path, "mall_meter"), [OURS])
    assert find_profile("mall_meter", folders).id == "mall_meter"
    assert find_profile("compere_kpm33b", folders).vendor == "Compere"


def test_a_site_without_a_folder_has_the_installed_ones(tmp_path: Path) -> None:
    assert [place.source for place in profile_folders(tmp_path, [OURS])] == ["kpm_modbus"]


def test_an_unknown_name_is_answered_with_the_closest(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"no device profile 'eastron_sdm63'\. Did you mean 'eastron_sdm630'\?"):
        find_profile("eastron_sdm63", profile_folders(tmp_path, [OURS]))


def test_an_unknown_name_that_is_close_to_none_lists_them(tmp_path: Path) -> None:
    with pytest.raises(NotFound, match=r"There are a1, b2\."):
        find_profile("zzzzzz", profile_folders(site_with(tmp_path, "b2", "a1"), []))


def test_a_name_in_two_places_is_refused_with_both(tmp_path: Path) -> None:
    folders = profile_folders(site_with(tmp_path, "compere_kpm33b"), [OURS])
    with pytest.raises(ProfileTwice) as caught:
        find_profile("compere_kpm33b", folders)
    text = str(caught.value)
    assert "(kpm_modbus)" in text
    assert f"{tmp_path}/profiles/compere_kpm33b.yaml (this site)" in text
    assert "rename the site's own" in text


def test_a_package_that_cannot_be_imported_stops_nobody_and_is_named(tmp_path: Path) -> None:
    broken = EntryPoint("acme", "no_such_package_anywhere", "hub.device_profiles")
    folders = profile_folders(tmp_path, [broken, OURS])
    assert find_profile("eastron_sdm630", folders).id == "eastron_sdm630"
    with pytest.raises(NotFound, match="The profiles of acme cannot be read: ModuleNotFoundError"):
        find_profile("acme_one", folders)


def test_a_package_may_keep_its_profiles_in_itself(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    package = tmp_path / "flat_profiles_of_acme"
    package.mkdir()
    (package / "__init__.py").touch()
    (package / "small.yaml").write_text(SMALL)
    monkeypatch.syspath_prepend(tmp_path)
    folders = profile_folders(points=[EntryPoint("acme", package.name, "hub.device_profiles")])
    assert set(profile_files(folders)) == {"small"}


def test_faults_of_a_sites_profile_are_named_by_its_path_in_the_site(tmp_path: Path) -> None:
    site = site_with(tmp_path, "bad", text=SMALL.replace("0x0048", "0x10048"))
    with pytest.raises(ConfigErrors, match=r"^profiles/bad\.yaml:11:15: "):
        find_profile("bad", profile_folders(site, []))


def test_other_files_are_no_profiles(tmp_path: Path) -> None:
    site = site_with(tmp_path, "small")
    for name in (".hidden.yaml", "notes.txt", "old.yaml~"):
        (site / "profiles" / name).touch()
    assert set(profile_files([ProfileFolder("this site", site / "profiles")])) == {"small"}


def test_the_distribution_names_its_profiles_in_its_entry_points() -> None:
    project = tomllib.loads((Path(__file__).parents[2] / "pyproject.toml").read_text())
    assert project["project"]["entry-points"]["hub.device_profiles"] == {"kpm_modbus": "plugins.kpm_modbus"}
