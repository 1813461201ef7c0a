"""The count of starts that never came to run, which leads into safe mode."""

from pathlib import Path

import pytest

from hub.cli.starts import Starts


def test_starts_that_never_run_are_counted_until_one_runs(tmp_path: Path) -> None:
    assert [Starts(tmp_path / "data").begin() for _ in range(4)] == [0, 1, 2, 3]
    fifth = Starts(tmp_path / "data")
    assert fifth.begin() == 4
    fifth.came_to_run()
    assert Starts(tmp_path / "data").begin() == 0


def test_a_start_that_was_refused_counts_for_nothing(tmp_path: Path) -> None:
    Starts(tmp_path).begin()
    for _ in range(5):
        refused = Starts(tmp_path)
        assert refused.begin() == 1
        refused.does_not_count()


@pytest.mark.parametrize("text", ["", "x", "-5", "9" * 100])
def test_a_file_that_makes_no_sense_is_no_obstacle(tmp_path: Path, text: str) -> None:
    (tmp_path / "starts").write_text(text)
    assert Starts(tmp_path).begin() >= 0


def test_a_folder_that_cannot_be_written_is_no_obstacle_here(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    starts = Starts(tmp_path / "file")
    assert starts.begin() == 0
    starts.came_to_run()
