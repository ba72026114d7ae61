"""Small folders in the form of the Open University dataset."""

import zipfile
from pathlib import Path

COLUMNS = {
    "courses.csv": "code_module,code_presentation,module_presentation_length",
    "studentInfo.csv": "code_module,code_presentation,id_student",
    "studentRegistration.csv": "code_module,code_presentation,id_student,date_unregistration",
    "vle.csv": "id_site,code_module,code_presentation,activity_type",
    "assessments.csv": "code_module,code_presentation,id_assessment,assessment_type,date",
    "studentAssessment.csv": "id_assessment,id_student,date_submitted",
}
CLICKS = "code_module\tcode_presentation\tid_student\tid_site\tdate"


def write(path: Path, rows: dict[str, list[str]], clicks: list[str]) -> Path:
    """Write tables with these rows; clicks have tabs where here are commas. Return the folder."""
    for name, columns in COLUMNS.items():
        (path / name).write_text("\n".join([columns, *rows.get(name, [])]) + "\n")
    lines = [CLICKS, *(each.replace(",", "\t") for each in clicks)]
    with zipfile.ZipFile(path / "studentVle.zip", "w") as archive:
        archive.writestr("studentVle.txt", "\n".join(lines) + "\n")
    return path
