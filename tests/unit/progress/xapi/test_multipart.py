"""multipart/mixed: statements with their attachments' data (RFC 2046, section 5.1)."""

import hashlib
from email import message_from_bytes

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.errors import Invalid
from services.progress.xapi.multipart import (
    MOST_PARTS,
    Attachment,
    is_multipart,
    read,
    write,
)

JSON = b'{"actor": {}}'
TYPE = 'multipart/mixed; boundary="x y"'


def sha2(data: bytes, algorithm: str = "sha256") -> str:
    return hashlib.new(algorithm, data).hexdigest()


def attachment(data: bytes, **headers: str) -> bytes:
    """A part with an attachment's data; `headers` replaces some, and leaves empty ones out."""
    usual = {
        "Content-Type": "text/plain",
        "Content-Transfer-Encoding": "binary",
        "X-Experience-API-Hash": sha2(data),
    }
    whole = usual | {name.replace("_", "-"): value for name, value in headers.items()}
    lines = "".join(f"{name}: {value}\r\n" for name, value in whole.items() if value)
    return lines.encode() + b"\r\n" + data


def body(*parts: bytes, boundary: bytes = b"x y") -> bytes:
    first = b"Content-Type: application/json\r\n\r\n" + JSON
    pieces = [b"--" + boundary + b"\r\n" + part + b"\r\n" for part in (first, *parts)]
    return b"".join([*pieces, b"--" + boundary + b"--\r\n"])


def fields(content: bytes, content_type: str = TYPE) -> list[str]:
    with pytest.raises(Invalid) as error:
        read(content, content_type)
    return [each.field for each in error.value.violations]


@pytest.mark.parametrize(
    ("content_type", "boundary"),
    [
        ('multipart/mixed; boundary="x y"', b"x y"),
        ("multipart/mixed; charset=utf-8; Boundary=abc", b"abc"),
        (
            "multipart/mixed;boundary = -------314159265358979323846",
            b"-------314159265358979323846",
        ),
        ('Multipart/Mixed; boundary="abcABC0123\'()+_,-./:=?"', b"abcABC0123'()+_,-./:=?"),
        ('multipart/mixed; boundary="a\\b"', b"ab"),
    ],
)
def test_the_boundary_is_read_as_the_header_writes_it(content_type: str, boundary: bytes) -> None:
    """As a token and as a quoted string, in any case of its name (RFC 2045, section 5.1)."""
    assert is_multipart(content_type)
    found = read(body(attachment(b"data"), boundary=boundary), content_type)
    assert found.statements == JSON
    assert found.attachments == {sha2(b"data"): Attachment(sha2(b"data"), b"data", "text/plain")}


@pytest.mark.parametrize(
    "content_type",
    [
        "multipart/mixed",
        "multipart/mixed;",
        "multipart/mixed; boundary=",
        'multipart/mixed; boundary=""',
        'multipart/mixed; boundary="x "',
        'multipart/mixed; boundary="ü"',
        f"multipart/mixed; boundary={'x' * 71}",
    ],
)
def test_a_header_without_a_boundary_is_refused(content_type: str) -> None:
    """And one whose boundary RFC 2046, section 5.1.1, does not allow."""
    assert fields(body(), content_type) == ["Content-Type"]


def test_what_stands_around_the_parts_is_not_read() -> None:
    """A preamble, an epilogue, and spaces after a boundary (RFC 2046, section 5.1.1)."""
    padded = body(attachment(b"data")).replace(b"--x y\r\n", b"--x y \t\r\n")
    found = read(b"preamble\r\n" + padded + b"--x y\r\nepilogue", TYPE)
    assert (found.statements, [*found.attachments]) == (JSON, [sha2(b"data")])


@pytest.mark.parametrize("algorithm", ["sha224", "sha256", "sha384", "sha512"])
def test_any_sha_2_names_an_attachment(algorithm: str) -> None:
    """In any case; the data of two attachments that are the same comes once."""
    name = sha2(b"data", algorithm)
    part = attachment(b"data", X_Experience_API_Hash=name.upper())
    assert [*read(body(part, part), TYPE).attachments] == [name]


def test_data_comes_as_it_was_sent() -> None:
    """Line ends, boundaries that do not stand at the start of a line, and headers in the data."""
    data = b"\r\n\n\r\0--x y\r\nContent-Type: x\r\n\r\n \r\n-- x y"
    assert read(body(attachment(data)), TYPE).attachments[sha2(data)].data == data


@pytest.mark.parametrize(
    ("part", "field"),
    [
        (attachment(b"x", X_Experience_API_Hash=""), "X-Experience-API-Hash"),
        (attachment(b"x", X_Experience_API_Hash=sha2(b"y")), "X-Experience-API-Hash"),
        (attachment(b"x", X_Experience_API_Hash="x"), "X-Experience-API-Hash"),
        (attachment(b"x", Content_Transfer_Encoding=""), "Content-Transfer-Encoding"),
        (attachment(b"x", Content_Transfer_Encoding="base64"), "Content-Transfer-Encoding"),
        (attachment(b"x", Content_Length="2"), "Content-Length"),
    ],
)
def test_an_attachment_that_is_not_described_rightly_is_refused(part: bytes, field: str) -> None:
    """The place of the part and the header are told; the faults of all parts at once."""
    assert fields(body(part)) == [f"parts[1].{field}"]
    assert fields(body(attachment(b"y"), part, part)) == [f"parts[2].{field}", f"parts[3].{field}"]


@pytest.mark.parametrize(
    "content",
    [
        b"",
        JSON,
        b"--x y--\r\n",
        body()[:-4],
        body().replace(b"application/json", b"text/plain"),
        body().replace(b"Content-Type: application/json\r\n", b""),
        body(b"no end of headers"),
        body(b"no colon\r\n\r\nx"),
        body(b"A: 1\r\na: 2\r\n\r\nx"),
        body(b"A: 1\n\r\n\r\nx"),
        body(b"A: " + b"x" * 9000 + b"\r\n\r\nx"),
        body().replace(b"--x y\r\n", b"--x yz\r\n"),
    ],
)
def test_what_is_no_multipart_of_statements_is_refused(content: bytes) -> None:
    """No parts, no last boundary, no JSON first, and headers that are none."""
    assert fields(content)


def test_many_parts_are_refused() -> None:
    """A thousand attachments come, and no more."""
    part = attachment(b"x")
    assert read(body(*[part] * (MOST_PARTS - 1)), TYPE).statements == JSON
    assert fields(body(*[part] * MOST_PARTS)) == [""]


BYTES = st.binary(max_size=60) | st.sampled_from([b"\r\n--x y", b"--x y--", b"\r\n\r\n", b"\n"])


@given(st.lists(BYTES, max_size=5))
def test_what_is_written_is_read_as_it_was(datas: list[bytes]) -> None:
    """By us, and by another reader of MIME (RFC 2046)."""
    wanted = [Attachment(sha2(data), data, "image/png") for data in datas]
    content, content_type = write(JSON, wanted)
    found = read(content, content_type)
    assert (found.statements, found.attachments) == (JSON, {each.sha2: each for each in wanted})
    message = message_from_bytes(f"Content-Type: {content_type}\r\n\r\n".encode() + content)
    parts = message.get_payload()
    assert [part.get_content_type() for part in parts] == [  # type: ignore[union-attr]
        "application/json",
        *["image/png"] * len(datas),
    ]


def test_no_content_type_makes_another_header() -> None:
    """A media type that came with control characters is written without them."""
    content, _ = write(JSON, [Attachment("00", b"", "text/plain\r\nX-Evil: 1")])
    assert b"\r\nX-Evil" not in content


@given(st.lists(BYTES, max_size=12).map(b"".join))
@settings(max_examples=200)
def test_any_bytes_are_read_or_refused(noise: bytes) -> None:
    """Whatever comes, nothing but Invalid is raised."""
    for content in (noise, b"--x y\r\n" + noise, body(noise)):
        try:
            read(content, TYPE)
        except Invalid as error:
            assert error.violations  # noqa: PT017 (it need not be raised)
