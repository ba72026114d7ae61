"""The check of templates, which a test, and `tandem notify check`, runs over ours."""

import shutil
from pathlib import Path

import pytest

from services.notify.checks import faults_of
from services.notify.texts import FOLDER


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A copy of our templates."""
    return Path(shutil.copytree(FOLDER, tmp_path / "templates"))


def test_our_templates_name_just_what_their_kinds_declare() -> None:
    """Each kind is there in each language and names its values; all samples can be written."""
    assert faults_of() == []


@pytest.mark.parametrize(
    ("file", "text", "fault"),
    [
        ("ar/reminder.txt", None, "ar/reminder.txt: TemplateNotFound: 'reminder.txt' not found"),
        ("en/magic.txt", "Hello", "en/magic.txt: no kind has this name"),
        ("en/enrolment_promoted.txt", "Hello {{ name }}", "run: never named"),
        ("en/enrolment_promoted.txt", "{{ run }} {{ rum }}", "rum: the kind has no such value"),
        ("en/enrolment_promoted.txt", "{{ run", "TemplateSyntaxError"),
        ("en/enrolment_promoted.txt", "{{ run | upside_down }}", "TemplateAssertionError"),
        ("en/enrolment_promoted.txt", '{% include "x.txt" %}{{ run }}', "TemplateNotFound"),
        ("de/questions_waiting.txt", None, "de/questions_waiting.txt: TemplateNotFound"),
        ("de/dates.json", None, "de/dates.json: FileNotFoundError"),
        ("de/dates.json", "{", "de/dates.json: JSONDecodeError"),
        ("de/dates.json", '{"day": "", "date": ""}', "de/dates.json: KeyError: 'instant'"),
        ("xx-nowhere-at-all/a.txt", "", "xx-nowhere-at-all/dates.json"),
    ],
)
def test_a_fault_is_told_with_its_file(
    folder: Path, file: str, text: str | None, fault: str
) -> None:
    """A file that is missing or no template, names what is not declared, or leaves a value out."""
    path = folder / file
    path.parent.mkdir(exist_ok=True)
    if text is None:
        path.unlink()
    else:
        path.write_text(text, encoding="utf-8")
    told = faults_of(folder)
    assert told
    assert all(file.partition("/")[0] in each for each in told)
    assert any(fault in each for each in told), told


def test_all_faults_are_told_at_once(folder: Path) -> None:
    """Those of all languages; one does not hide another."""
    (folder / "de/reminder.txt").write_text("{{ nothing }}", encoding="utf-8")
    (folder / "en/seat_offered.txt").unlink()
    assert [each.partition(":")[0] for each in faults_of(folder)] == [
        *["de/reminder.txt"] * 5,
        "en/seat_offered.txt",
    ]


def test_a_branch_that_fails_is_found(folder: Path) -> None:
    """Templates are written with samples for each form of the plural."""
    file = folder / "en/questions_waiting.txt"
    text = file.read_text(encoding="utf-8") + "{{ 1 // 0 if count == 11 }}"
    file.write_text(text, encoding="utf-8")
    assert {each.partition(", with")[0] for each in faults_of(folder)} == {
        "en/questions_waiting.txt: ZeroDivisionError: integer division or modulo by zero"
    }


def test_the_fallback_must_be_there(folder: Path) -> None:
    """Without English, people of other languages could read nothing."""
    shutil.rmtree(folder / "en")
    assert faults_of(folder) == ["en: missing; it stands for all languages that there are not"]
