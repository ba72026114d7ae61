"""The demo, as a newcomer runs it, and the import of real data."""

import csv
import io
import json
import zipfile
from pathlib import Path

import pytest

from campus.platform import Platform
from tests.deep import only_deep
from tests.system.classes import Demo, run_tandem

HEADER = "code_module\tcode_presentation\tid_student\tid_site\tdate\tsum_click\n"
OULAD = Path(__file__).resolve().parents[3] / "shared" / "data" / "oulad"


@only_deep
@pytest.mark.timeout(1800)
def test_the_demo_plays_and_every_check_holds(demo: Demo) -> None:
    """A Monday with real parts ends with every check ok, in the report and in the exit code."""
    assert demo.done.returncode == 0, demo.done.stdout + demo.done.stderr
    checks = json.loads((demo.folder / "demo-report.json").read_text())["checks"]
    assert len(checks) > 25
    assert [check for check in checks if not check["ok"]] == []
    assert {"name", "expected", "actual", "ok"} == set(checks[0])
    assert f"{len(checks)} of {len(checks)} checks passed" in demo.done.stdout


@only_deep
@pytest.mark.timeout(1800)
@pytest.mark.skipif(not OULAD.exists(), reason="the OULAD dataset is not beside the project")
def test_a_real_presentation_is_imported_and_counted(platform: Platform, tmp_path: Path) -> None:
    """Counts of files and platform agree, and a second import changes nothing."""
    folder = _small(tmp_path)
    which = ["--module", "AAA", "--presentation", "2013J", "--data", platform.folder]
    for _ in range(2):
        done = run_tandem("import", "oulad", folder, *which, "--json")
        assert done.returncode == 0, done.stdout + done.stderr
        rows = json.loads(done.stdout)
        counted = _counted(folder)
        assert counted["people"] == 20
        assert counted["statements"] > 500
        assert {row["what"]: (row["files"], row["platform"]) for row in rows} == {
            what: (number, number) for what, number in counted.items()
        }


def _counted(folder: Path) -> dict[str, int]:
    """The contents of the small folder, counted without the import's own reading."""

    def lines(name: str) -> list[dict[str, str]]:
        with (folder / name).open(newline="") as file:
            return list(csv.DictReader(file))

    def ours(name: str) -> list[dict[str, str]]:
        of = ("AAA", "2013J")
        return [r for r in lines(name) if (r["code_module"], r["code_presentation"]) == of]

    with zipfile.ZipFile(folder / "studentVle.zip") as archive:
        text = archive.read("studentVle.txt").decode()
    clicks = sum(line.startswith("AAA\t2013J\t") for line in text.splitlines())
    assessments = {row["id_assessment"]: row["date"] for row in ours("assessments.csv")}
    handed_in = [r for r in lines("studentAssessment.csv") if r["id_assessment"] in assessments]
    people, materials = len(ours("studentInfo.csv")), len(ours("vle.csv"))
    left = sum(row["date_unregistration"] != "" for row in ours("studentRegistration.csv"))
    return {
        "people": people,
        "items": materials,
        "activities": materials + len(assessments),
        "enrolments that stay": people - left,
        "learners in progress": people - left,
        "deadlines of each": sum(day != "" for day in assessments.values()),
        "statements": clicks + len(handed_in),
    }


def _sites(folder: Path) -> set[str]:
    """Write the first 30 materials of AAA 2013J; answers their ids."""
    with (OULAD / "vle.csv").open(newline="") as source, (folder / "vle.csv").open("w") as target:
        table = csv.DictReader(source)
        ours = (row for row in table if row["code_presentation"] == "2013J")
        kept = [row for row, _ in zip(ours, range(30), strict=False)]
        out = csv.DictWriter(target, table.fieldnames or [])
        out.writeheader()
        out.writerows(kept)
    return {row["id_site"] for row in kept}


def _small(folder: Path) -> Path:
    """20 students of AAA 2013J and what they did with 30 materials; the rest takes minutes."""

    with (OULAD / "studentInfo.csv").open(newline="") as file:
        rows = csv.DictReader(file)
        chosen = [
            row["id_student"]
            for row in rows
            if (row["code_module"], row["code_presentation"]) == ("AAA", "2013J")
        ][:20]
    for name in ("courses.csv", "assessments.csv"):
        (folder / name).write_bytes((OULAD / name).read_bytes())
    sites = _sites(folder)
    for name in ("studentInfo.csv", "studentRegistration.csv", "studentAssessment.csv"):
        with (OULAD / name).open(newline="") as source, (folder / name).open("w") as target:
            table = csv.DictReader(source)
            out = csv.DictWriter(target, table.fieldnames or [])
            out.writeheader()
            out.writerows(row for row in table if row["id_student"] in chosen)
    with zipfile.ZipFile(OULAD / "studentVle.zip") as archive:
        lines = io.TextIOWrapper(archive.open("studentVle.txt"), newline="")
        theirs = [line for line in lines if line.split("\t")[2] in chosen]
        kept = [HEADER, *(line for line in theirs if line.split("\t")[3] in sites)]
    with zipfile.ZipFile(folder / "studentVle.zip", "w") as archive:
        archive.writestr("studentVle.txt", "".join(kept))
    return folder
