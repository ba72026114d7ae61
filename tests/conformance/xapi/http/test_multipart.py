"""Requests of multipart/mixed (xAPI 1.0.3, part 3, section 1.5.2; xAPI 2.0.0, section 4.1.3.2).

What they must be in themselves; what their statements must say of their parts is tested with the
statements resource.
"""

import hashlib

import pytest

from chassis.errors import Invalid
from services.progress.xapi.multipart import read

BOUNDARY = "-------314159265358979323846"
TYPE = f"multipart/mixed; boundary={BOUNDARY}"
JSON = '{"actor": {"mbox": "mailto:a@b.example"}}'
DATA = "here is a simple attachment"
HASH = hashlib.sha256(DATA.encode()).hexdigest()
STATEMENT = f"--{BOUNDARY}\r\nContent-Type: application/json\r\n\r\n{JSON}\r\n"
HEADERS = "Content-Type: text/plain\r\nContent-Transfer-Encoding: binary\r\n"
ATTACHMENT = f"--{BOUNDARY}\r\n{HEADERS}X-Experience-API-Hash: {HASH}\r\n\r\n{DATA}\r\n"
END = f"--{BOUNDARY}--\r\n"
WHOLE = STATEMENT + ATTACHMENT + END


@pytest.mark.parametrize("content", [WHOLE, STATEMENT + END, "\r\n" + WHOLE, WHOLE + "x"])
def test_section_1_5_2_statements_come_with_zero_or_more_attachments(content: str) -> None:
    """1.5.2.s1.b1, s3.b4, s3.b8: with parts for attachments and without."""
    found = read(content.encode(), TYPE)
    assert found.statements.decode() == JSON
    assert [each.data.decode() for each in found.attachments.values()] in ([], [DATA])


@pytest.mark.parametrize(
    ("requirement", "content", "content_type"),
    [
        ("XAPI-00130 no boundary in the header", WHOLE, "multipart/mixed;"),
        ("XAPI-00131 no boundary before the first part", WHOLE[len(BOUNDARY) + 4 :], TYPE),
        ("XAPI-00131 another boundary in the body", WHOLE.replace(BOUNDARY, "x"), TYPE),
        ("XAPI-00131 no last boundary", STATEMENT + ATTACHMENT, TYPE),
        (
            "XAPI-00132 an attachment without its hash",
            WHOLE.replace(f"X-Experience-API-Hash: {HASH}\r\n", ""),
            TYPE,
        ),
        ("XAPI-00132 the hash of other data", WHOLE.replace(DATA, DATA + "."), TYPE),
        ("XAPI-00133 statements in a second part", STATEMENT + STATEMENT + END, TYPE),
        ("XAPI-00134 a first part of another type", WHOLE.replace("application/json", "a/b"), TYPE),
        (
            "XAPI-00135 an attachment without its encoding",
            WHOLE.replace("Content-Transfer-Encoding: binary\r\n", ""),
            TYPE,
        ),
        ("XAPI-00135 another encoding than binary", WHOLE.replace("binary", "base64"), TYPE),
    ],
)
def test_xapi_00130_to_00135_other_bodies_are_refused(
    requirement: str, content: str, content_type: str
) -> None:
    """400, with what would be right."""
    assert requirement
    with pytest.raises(Invalid) as error:
        read(content.encode(), content_type)
    assert all(each.right for each in error.value.violations)
