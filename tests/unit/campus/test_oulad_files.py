"""A folder of the Open University dataset: read as it is, and every fault found at once."""

import zipfile
from collections.abc import Callable
from pathlib import Path

import pytest

from campus.oulad.files import (
    Assessment,
    Click,
    FilesError,
    Material,
    Presentation,
    Registration,
    Submission,
    presentations,
)

GOOD = {
    "courses.csv": "code_module,code_presentation,module_presentation_length\nAAA,2013J,268\n",
    "studentInfo.csv": "code_module,code_presentation,id_student\nAAA,2013J,1\nAAA,2013J,2\n",
    "studentRegistration.csv": (
        "code_module,code_presentation,id_student,date_unregistration\n"
        "AAA,2013J,1,\nAAA,2013J,2,12\n"
    ),
    "vle.csv": "id_site,code_module,code_presentation,activity_type\n7,AAA,2013J,quiz\n",
    "assessments.csv": (
        "code_module,code_presentation,id_assessment,assessment_type,date\n"
        "AAA,2013J,50,TMA,19\nAAA,2013J,51,Exam,\nBBB,2013J,60,TMA,x\n"
    ),
    "studentAssessment.csv": "id_assessment,id_student,date_submitted\n50,1,-3\n60,9,x\n",
}
CLICKS = (
    "code_module\tcode_presentation\tid_student\tid_site\tdate\n"
    "AAA\t2013J\t1\t7\t-5\nBBB\t2013J\t9\t9\tx\nAAA\t2013J\t1\t7\t-5\nAAA\t2013J\t2\t7\t0\n"
)


def folder(path: Path, tables: dict[str, str | None], clicks: str | bytes | None = CLICKS) -> Path:
    """The good folder with some tables as given; None is one that is not there."""
    for name, text in {**GOOD, **tables}.items():
        if text is not None:
            (path / name).write_bytes(text.encode())
    if isinstance(clicks, bytes):
        (path / "studentVle.zip").write_bytes(clicks)
    elif clicks is not None:
        with zipfile.ZipFile(path / "studentVle.zip", "w") as archive:
            archive.writestr("studentVle.txt", clicks)
    return path


def faults_of(path: Path, module: str = "AAA", presentation: str = "2013J") -> list[str]:
    """The errors that are reported."""
    with pytest.raises(FilesError) as error:
        Presentation(path, module, presentation)
    return str(error.value).splitlines()


def test_a_presentation_is_read_as_it_is(tmp_path: Path) -> None:
    """Other rows are ignored, whatever they contain; equal clicks are distinguished."""
    found = Presentation(folder(tmp_path, {}), "AAA", "2013J")
    assert (found.start.isoformat(), found.length.days) == ("2013-10-01", 268)
    assert found.registrations == [Registration("1", False), Registration("2", True)]
    assert found.materials == [Material("7", "quiz")]
    assert found.assessments == [Assessment("50", "TMA", 19), Assessment("51", "Exam", None)]
    assert found.submissions == [Submission("1", "50", -3)]
    assert list(found.clicks()) == [
        Click("1", "7", -5, 1),
        Click("1", "7", -5, 2),
        Click("2", "7", 0, 1),
    ]


def _quoted(table: str) -> str:
    """Return a table with all cells in quotes."""
    rows = (line.split(",") for line in table.splitlines())
    return "".join(",".join(f'"{cell}"' for cell in row) + "\n" for row in rows)


def _with_marks(table: str) -> str:
    """Return a table with ? for empty cells."""
    rows = (line.split(",") for line in table.splitlines())
    return "".join(",".join(cell or "?" for cell in row) + "\n" for row in rows)


@pytest.mark.parametrize(
    "change",
    [
        _quoted,
        _with_marks,
        lambda table: _quoted(_with_marks(table)),
        lambda table: "\ufeff" + table,
        lambda table: "\ufeff" + _quoted(table).replace("\n", "\r\n"),
        lambda table: table.replace("\n", "\r\n").replace(",", ", "),
    ],
    ids=["quoted", "?", "quoted ?", "byte order mark", "mark, quoted, CRLF", "CRLF, spaces"],
)
def test_other_dialects_say_the_same(change: Callable[[str], str], tmp_path: Path) -> None:
    """A release with quotes, ? for empty, a byte order mark or CRLF has the same rows."""
    (tmp_path / "plain").mkdir()
    plain = Presentation(folder(tmp_path / "plain", {}), "AAA", "2013J")
    tables: dict[str, str | None] = {name: change(table) for name, table in GOOD.items()}
    clicks = "\ufeff" + CLICKS.replace("\n", "\r\n")
    other = Presentation(folder(tmp_path, tables, clicks), "AAA", "2013J")
    assert other.registrations == plain.registrations
    assert other.materials == plain.materials
    assert other.assessments == plain.assessments
    assert other.submissions == plain.submissions
    assert list(other.clicks()) == list(plain.clicks())
    assert (other.length, other.start) == (plain.length, plain.start)


def test_a_row_without_a_date_is_no_submission(tmp_path: Path) -> None:
    """Some releases have ? where nothing was submitted."""
    rows = GOOD["studentAssessment.csv"] + "50,2,?\n51,2,\n"
    found = Presentation(folder(tmp_path, {"studentAssessment.csv": rows}), "AAA", "2013J")
    assert found.submissions == [Submission("1", "50", -3)]


REAL = Path(__file__).resolve().parents[4] / "shared/data/oulad"


@pytest.mark.skipif(not REAL.is_dir(), reason=f"the real dataset is not in {REAL}")
def test_the_real_files_have_learners_who_stay(tmp_path: Path) -> None:
    """Some students of the published files have withdrawn; most have not."""
    folder(tmp_path, {name: (REAL / name).read_text() for name in GOOD}, CLICKS.splitlines()[0])
    found = Presentation(tmp_path, "AAA", "2013J").registrations
    assert 0 < sum(each.unregistered for each in found) < len(found) / 2


def test_a_click_is_the_same_one_in_another_cut_of_the_files(tmp_path: Path) -> None:
    """Its place does not matter: other rows before it change nothing."""
    head, *lines = CLICKS.splitlines(keepends=True)
    (tmp_path / "cut").mkdir()
    cut = Presentation(folder(tmp_path / "cut", {}, head + "".join(lines[2:])), "AAA", "2013J")
    whole = Presentation(folder(tmp_path, {}), "AAA", "2013J")
    assert set(cut.clicks()) < set(whole.clicks())


def test_missing_files_are_named_at_once(tmp_path: Path) -> None:
    """All of them, the clicks too."""
    (line,) = faults_of(folder(tmp_path, {"vle.csv": None, "courses.csv": None}, clicks=None))
    assert line.endswith("lacks courses.csv, vle.csv, studentVle.zip")


def test_spoilt_tables_are_named_at_once(tmp_path: Path) -> None:
    """A table without its columns, an empty one, and an archive that is none."""
    assert faults_of(
        folder(tmp_path, {"vle.csv": "id_site,code_module\n", "courses.csv": ""}, b"not a zip")
    ) == [
        "courses.csv lacks the columns code_module, code_presentation, module_presentation_length",
        "vle.csv lacks the columns code_presentation, activity_type",
        "studentVle.zip can't be read: File is not a zip file",
    ]


def test_an_archive_of_several_files_is_reported(tmp_path: Path) -> None:
    """The command can't know which of them is meant."""
    folder(tmp_path, {})
    with zipfile.ZipFile(tmp_path / "studentVle.zip", "a") as archive:
        archive.writestr("more.txt", "")
    (line,) = faults_of(tmp_path)
    assert line == "studentVle.zip can't be read: it has 2 files; expected one"


def test_what_is_not_text_is_faults_of(tmp_path: Path) -> None:
    """A table in another encoding."""
    folder(tmp_path, {})
    (tmp_path / "studentInfo.csv").write_bytes(
        GOOD["studentInfo.csv"].encode() + b"AAA,2013J,\xff\n"
    )
    (line,) = faults_of(tmp_path)
    assert line.startswith("studentInfo.csv can't be read: 'utf-8' codec")


def test_every_bad_row_is_named_with_its_line(tmp_path: Path) -> None:
    """Numbers that are none, ids that are unknown or there twice, rows that are cut short."""
    tables: dict[str, str | None] = {
        "courses.csv": GOOD["courses.csv"].replace("268", "long"),
        "studentInfo.csv": GOOD["studentInfo.csv"] + "AAA,2013J,1\n",
        "studentRegistration.csv": GOOD["studentRegistration.csv"] + "AAA,2013J,1,NA\n",
        "assessments.csv": GOOD["assessments.csv"].replace("19", "19.5"),
        "studentAssessment.csv": GOOD["studentAssessment.csv"] + "50,2\n50,8,1\n",
    }
    clicks = CLICKS + "AAA\t2013J\t1\t8\tsoon\nAAA\t2013J\t3\t7\t1\n"
    assert faults_of(folder(tmp_path, tables, clicks)) == [
        "courses.csv, line 2: module_presentation_length is 'long'; expected a number of days",
        "studentInfo.csv, line 4: id_student is '1'; expected a unique id",
        "studentRegistration.csv, line 4: date_unregistration is 'NA'; expected a number of days "
        "from the start",
        "assessments.csv, line 2: date is '19.5'; expected a number of days from the start",
        "studentAssessment.csv, line 4: date_submitted is '(no cell)'; expected a number of days "
        "from the start",
        "studentAssessment.csv, line 5: id_student is '8'; expected a student of studentInfo.csv",
        "studentVle.zip, line 6: date is 'soon'; expected a number of days from the start",
        "studentVle.zip, line 6: id_site is '8'; expected a site of vle.csv",
        "studentVle.zip, line 7: id_student is '3'; expected a student of studentInfo.csv",
    ]


def test_many_faults_are_counted(tmp_path: Path) -> None:
    """The first twenty are shown, and the number of the others."""
    lines = faults_of(folder(tmp_path, {}, CLICKS + "AAA\t2013J\t1\t8\t1\n" * 25))
    assert (len(lines), lines[-1]) == (21, "and 5 more")


@pytest.mark.parametrize(
    ("module", "presentation", "wanted"),
    [
        ("ZZZ", "2013J", "courses.csv has no presentation ZZZ 2013J"),
        ("AAA", "2014B", "courses.csv has no presentation AAA 2014B"),
        ("AAA", "J", "'J' is not a presentation; expected for example 2013B or 2013J"),
        ("AAA", "2013X", "'2013X' is not a presentation; expected for example 2013B or 2013J"),
    ],
)
def test_a_presentation_that_is_not_there_is_faults_of(
    module: str, presentation: str, wanted: str, tmp_path: Path
) -> None:
    """One of another form too."""
    assert faults_of(folder(tmp_path, {}), module, presentation) == [wanted]


@pytest.mark.parametrize(
    ("module", "name", "found"),
    [
        (None, None, [("AAA", "2013J"), ("AAA", "2014J"), ("BBB", "2013J")]),
        ("AAA", None, [("AAA", "2013J"), ("AAA", "2014J")]),
        (None, "2013J", [("AAA", "2013J"), ("BBB", "2013J")]),
        ("BBB", "2013J", [("BBB", "2013J")]),
    ],
)
def test_the_presentations_that_are_meant(
    tmp_path: Path, module: str | None, name: str | None, found: list[tuple[str, str]]
) -> None:
    """All of the files, those of a module, of a name, or one."""
    rows = "AAA,2013J,268\nAAA,2014J,269\nBBB,2013J,270\n"
    courses = f"code_module,code_presentation,module_presentation_length\n{rows}"
    assert presentations(folder(tmp_path, {"courses.csv": courses}), module, name) == found


def test_presentations_that_the_files_lack_are_told(tmp_path: Path) -> None:
    """And a table that can't be read."""
    with pytest.raises(FilesError, match="no presentation ZZZ 2013J"):
        presentations(folder(tmp_path, {}), "ZZZ", "2013J")
    (tmp_path / "courses.csv").write_bytes(b"\xff\xfe")
    with pytest.raises(FilesError, match=r"courses.csv can't be read"):
        presentations(tmp_path)
