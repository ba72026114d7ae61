"""Clicks of several presentations: read once, and each student's together."""

import zipfile
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from campus.oulad.clicks import Clicks
from campus.oulad.files import Click, Presentation
from campus.oulad.messages import Statements
from campus.oulad.tables import UNREADABLE
from campus.parallel import chunks
from tests import oulad_files

FIRST, SECOND = ("AAA", "2013J"), ("BBB", "2014J")
ROWS = {
    "courses.csv": ["AAA,2013J,268", "BBB,2014J,268"],
    "studentInfo.csv": ["AAA,2013J,1", "AAA,2013J,2", "BBB,2014J,1"],
    "vle.csv": ["7,AAA,2013J,quiz", "8,AAA,2013J,url", "9,BBB,2014J,quiz", "6,BBB,2014J,url"],
    "assessments.csv": ["BBB,2014J,50,TMA,19"],
    "studentAssessment.csv": ["50,1,18", "50,1,"],
}
# In the order of days, as in the dataset.
CLICKED = ["AAA,2013J,2,7,1", "AAA,2013J,1,7,1", "BBB,2014J,1,9,1", "AAA,2013J,2,7,1"]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Two presentations."""
    return oulad_files.write(tmp_path, ROWS, CLICKED)


def test_the_clicks_of_a_student_come_together(folder: Path) -> None:
    """In the order of the file; equal ones are still told apart, as if they were not sorted."""
    assert list(Presentation(folder, *FIRST).clicks()) == [
        Click("1", "7", 1, 1),
        Click("2", "7", 1, 1),
        Click("2", "7", 1, 2),
    ]


def test_batches_that_are_sent_at_once_are_of_different_students(tmp_path: Path) -> None:
    """As long as there are clicks of others; and each statement is in one batch, with the same id
    in any batches.
    """
    clicked = [f"AAA,2013J,{number % 6},7,{number // 6}" for number in range(120)]
    students = [f"AAA,2013J,{number}" for number in range(6)]
    found = Presentation(
        oulad_files.write(tmp_path, {**ROWS, "studentInfo.csv": students}, clicked), *FIRST
    )
    statements = Statements(found, "run", {"7": "item", "8": "item"})
    batches = list(statements.batches(size=10, at_once=3))
    for three in chunks(batches, 3):
        owners = [{each.learner_id for each in batch} for batch in three]
        assert len(set.union(*owners)) == sum(map(len, owners))
    sent = [each.id for batch in batches for each in batch]
    alone = [each.id for batch in statements.batches(size=7, at_once=1) for each in batch]
    assert len(set(sent)) == len(clicked)
    assert sorted(sent) == sorted(alone)


def test_all_presentations_take_one_reading(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """However often each is asked for; what nobody wants is not kept."""
    opened, whole = [], zipfile.ZipFile.open

    def counted(archive: zipfile.ZipFile, *args: Any, **more: Any) -> Any:
        opened.append(args)
        return whole(archive, *args, **more)

    monkeypatch.setattr(zipfile.ZipFile, "open", counted)
    with closing(Clicks(folder, [FIRST, SECOND])) as clicks:
        for _ in range(2):
            assert [line for line, _ in clicks.rows_of(FIRST)] == [3, 2, 5]
            assert [line for line, _ in clicks.rows_of(SECOND)] == [4]
        assert len(opened) == 1
    with closing(Clicks(folder, [SECOND])) as clicks:
        assert list(clicks.rows_of(FIRST)) == []


def test_a_damaged_archive_is_an_error_each_time(folder: Path) -> None:
    """A part of its rows is never taken for all of them."""
    archive = folder / "studentVle.zip"
    content = bytearray(archive.read_bytes())
    content[content.index(b"AAA")] ^= 1  # stored as it is: its checksum is wrong now
    archive.write_bytes(content)
    with closing(Clicks(folder, [FIRST])) as clicks:
        for _ in range(2):
            with pytest.raises(UNREADABLE):
                list(clicks.rows_of(FIRST))


def test_what_was_left_out_is_counted(folder: Path) -> None:
    """Materials that nobody clicked, if that is asked for, and submissions without a day."""
    found = Presentation(folder, *SECOND, only_clicked=True)
    assert ([each.site for each in found.materials], found.never_clicked) == (["9"], 1)
    assert (len(found.submissions), found.never_submitted) == (1, 1)
    assert Presentation(folder, *SECOND).never_clicked == 0
