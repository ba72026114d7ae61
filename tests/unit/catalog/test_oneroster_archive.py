"""Reading OneRoster archives as systems really write them."""

import csv
import io
import zipfile
from collections.abc import Callable
from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from campus.oneroster.export import zipped
from services.catalog.domain.oneroster.files import File, Mode
from services.catalog.oneroster_archive import ZipArchive
from services.catalog.oneroster_records import MOST_LINES, Record, encoding_of, records
from services.catalog.usecases.oneroster.archive import ArchiveError, RawRow, Unreadable
from tests.oneroster import small

MOST = 2**24
ORGS = b"sourcedId,status,dateLastModified,name,type,identifier,parentSourcedId\r\n"


def archive(**changed: bytes | None) -> ZipArchive:
    """The small export with some files changed; None: without the file."""
    texts = small().texts()
    for name, text in changed.items():
        texts.pop(f"{name}.csv", None)
        if text is not None:
            texts[f"{name}.csv"] = text
    return ZipArchive(zipped(texts), MOST)


def rows(opened: ZipArchive, file: File = File.ORGS) -> list[RawRow]:
    """All rows of a file."""
    return list(opened.rows(file))


def notes(opened: ZipArchive, file: File = File.ORGS) -> list[tuple[str, str, str]]:
    """What is noted once a file was read: file, field and what."""
    rows(opened, file)
    return [(row.file, each.field, each.wrong) for row in opened.notes for each in row.violations]


def read(text: bytes) -> list[Record]:
    """The records of a file."""
    return list(records(lambda: io.BytesIO(text), encoding_of(lambda: io.BytesIO(text))))


def test_a_right_export_is_read_without_a_note() -> None:
    """The manifest tells the modes and the source, and rows have their lines."""
    opened = archive()
    assert opened.manifest.modes[File.USERS] is Mode.BULK
    assert opened.manifest.source == "sis"
    assert [(row.line, row.values["name"]) for row in rows(opened)] == [(2, "University")]
    assert notes(opened) == []


@pytest.mark.parametrize(
    ("encoding", "told"),
    [
        ("utf-8-sig", []),
        ("utf-16", ["is read as UTF-16"]),
        ("utf-16-le", ["is read as UTF-16"]),
        ("utf-16-be", ["is read as UTF-16"]),
        ("cp1252", ["is read as Windows-1252"]),
    ],
)
def test_other_encodings_are_read_and_noted(encoding: str, told: list[str]) -> None:
    """A byte order mark is left out; what is not UTF-8 is noted, and names come out right."""
    text = (ORGS.decode() + "org,,,Universität Łódź,school,,\n").replace("Łódź", "Köln")
    opened = archive(orgs=text.encode(encoding))
    assert rows(opened)[0].values["name"] == "Universität Köln"
    assert [wrong for _, _, wrong in notes(opened)] == told


@pytest.mark.parametrize("delimiter", [";", "\t"])
def test_spreadsheets_delimiters_are_read(delimiter: str) -> None:
    """A header with semicolons or tabs decides for all rows."""
    text = (ORGS + b"org,,,University,school,,\n").replace(b",", delimiter.encode())
    assert rows(archive(orgs=text))[0].values["name"] == "University"


def test_columns_may_be_unknown_missing_or_written_otherwise() -> None:
    """Unknown ones and other cases are noted, extensions are not; a missing one that is required
    refuses the file with its name.
    """
    opened = archive(orgs=b"SOURCEDID, name ,budget,metadata.x\r\norg,University,1,2\r\n")
    assert rows(opened)[0].values == {"sourcedId": "org", "name": "University"}
    assert [(field, wrong) for _, field, wrong in notes(opened)] == [
        ("sourcedId", "is written otherwise"),
        ("budget", "is not a column of OneRoster 1.2, and is not read"),
    ]
    with pytest.raises(Unreadable, match="name: is not in the header"):
        rows(archive(orgs=b"sourcedId,title\r\norg,University\r\n"))
    with pytest.raises(Unreadable, match="sourcedId: is in the header twice"):
        rows(archive(orgs=b"sourcedId,sourcedId,name\r\no,o,University\r\n"))


@pytest.mark.parametrize("text", [b"", b"\r\n\r\n", ORGS])
def test_an_empty_file_is_refused_as_a_whole(text: bytes) -> None:
    """Without rows it would remove everything, which an export that broke off does not mean."""
    with pytest.raises(Unreadable):
        rows(archive(orgs=text))


def test_bad_records_are_told_with_their_lines_and_cost_no_other() -> None:
    """Too few fields, wrong quotes, a quote that is never closed, a line that is too long, NUL."""
    lines = [
        b'a,,,"One, two",school,,',
        b"b,,,short",
        b'c,,,"never closed,school,,',
        b"d,,,Good,school,,",
        b"e,,," + b"x" * 200_000 + b",school,,",
        b"f,,,Nul\0,school,,",
        b'g,,,"two ""words""",school,,',
        b'h,,,"two\nlines",school,,',
        b"i,,,Last,school,,",
    ]
    found = rows(archive(orgs=ORGS + b"\r\n".join(lines)))
    assert [(row.line, row.values.get("name", "")[:20] or None) for row in found] == [
        (2, "One, two"),
        (3, None),
        (4, None),
        (5, "Good"),
        (6, None),
        (7, "Nul\0"),
        (8, 'two "words"'),
        (9, "two\nlines"),
        (11, "Last"),
    ]
    assert all(row.violations for row in found if not row.values)


def test_two_stray_quotes_swallow_no_lines_between() -> None:
    """What they would join has not the header's fields, so each line is a record of its own."""
    text = b'sourcedId,name\na,"b\nc,d\ne,f",x\ng,h\n'
    assert [(each.line, each.fields) for each in read(text)] == [
        (1, ["sourcedId", "name"]),
        (2, []),
        (3, ["c", "d"]),
        (4, ["e", 'f"', "x"]),
        (5, ["g", "h"]),
    ]
    many = b'sourcedId,name\n"x\n' + b"c,d\n" * (MOST_LINES + 5)
    assert len(read(many)) == 2 + MOST_LINES + 5


def test_a_missing_manifest_removes_nothing() -> None:
    """Its files are deltas then, and a note says so; wrong modes are noted, too."""
    opened = archive(manifest=None)
    assert opened.manifest.modes[File.USERS] is Mode.DELTA
    assert notes(opened)[0][:2] == ("manifest.csv", "manifest.csv")
    opened = archive(manifest=b"propertyName,value\nfile.users,all\nfile.orgs,bulk\n", orgs=None)
    assert opened.manifest.modes[File.USERS] is Mode.DELTA
    assert opened.manifest.modes[File.ORGS] is Mode.ABSENT
    assert ("manifest.csv", "file.orgs", "is 'bulk', and there is no orgs.csv") in notes(opened)


def _encrypted() -> bytes:
    content = bytearray(small().zipped())
    for sign in (b"PK\x03\x04", b"PK\x01\x02"):
        at = content.find(sign)
        content[at + (6 if sign[2] == 3 else 8)] |= 1
    return bytes(content)


def _twice() -> bytes:
    texts = small().texts()
    return zipped({**texts, "folder/Users.csv": texts["users.csv"]})


def _bomb() -> bytes:
    return zipped({"users.csv": b"0" * (MOST + 1)})


def _entries() -> bytes:
    return zipped({f"{number}.csv": b"" for number in range(1_001)})


def _version() -> bytes:
    return zipped({"manifest.csv": b"propertyName,value\noneroster.version,1.1\n"})


@pytest.mark.parametrize(
    ("make", "why"),
    [
        (lambda: b"no archive", "no ZIP archive"),
        (lambda: zipped({"read.me": b""}), "no CSV file"),
        (_encrypted, "is encrypted"),
        (_twice, "twice"),
        (_bomb, "unpacked"),
        (_entries, "1001 entries"),
        (_version, "oneroster.version: is '1.1'; 1.2"),
    ],
)
def test_what_is_no_archive_of_ours_is_refused_with_its_reason(
    make: Callable[[], bytes], why: str
) -> None:
    """One clear error, before anything is read."""
    with pytest.raises(ArchiveError, match=why):
        ZipArchive(make(), MOST)


def test_files_in_a_folder_and_other_files_are_no_trouble() -> None:
    """A folder around everything, files of other programs, names in upper case."""
    texts = {f"export/{name.upper()}": text for name, text in small().texts().items()}
    opened = ZipArchive(zipped({**texts, "__MACOSX/export/._users.csv": b"x", "a.txt": b""}), MOST)
    assert len(rows(opened, File.USERS)) == 4


def test_an_archive_that_is_broken_in_the_middle_is_told() -> None:
    """A wrong checksum ends the file that has it with a reason, and raises nothing else."""
    content = bytearray(small().zipped())
    info = zipfile.ZipFile(io.BytesIO(content)).getinfo("users.csv")
    content[info.header_offset + 30 + len("users.csv") + 5] ^= 0xFF
    with pytest.raises(Unreadable, match="can't be unpacked"):
        rows(ZipArchive(bytes(content), MOST), File.USERS)


@given(st.lists(st.lists(st.text(st.characters(exclude_categories=["Cs", "Cc", "Z"])), min_size=2,
                         max_size=2), min_size=1, max_size=8))  # fmt: skip
@settings(max_examples=60)
def test_what_a_csv_writer_wrote_is_read_back(table: list[list[str]]) -> None:
    """Any texts in two columns, with quotes and delimiters in them."""
    text = io.StringIO()
    csv.writer(text, lineterminator="\n").writerows([["sourcedId", "name"], *table])
    found = [each.fields for each in read(text.getvalue().encode()) if any(each.fields)]
    assert found == [["sourcedId", "name"], *(row for row in table if any(row))]


@given(st.binary(max_size=300))
@settings(max_examples=100)
def test_no_bytes_break_the_reader(noise: bytes) -> None:
    """Whatever a file holds, it ends with rows, or with the reason why it has none."""
    opened = archive(orgs=ORGS + noise, users=noise)
    for file in (File.ORGS, File.USERS):
        with suppress(Unreadable):
            assert all(row.values or row.violations for row in rows(opened, file))
