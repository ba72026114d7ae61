"""multipart/mixed (RFC 2046, section 5.1): statements with their attachments' data (xAPI 1.0.3,
part 3, section 1.5.2; xAPI 2.0.0, section 4.1.3.2).
"""

import hashlib
import re
import secrets
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from chassis.errors import FieldViolation, Invalid, check

MOST_PARTS = 1_001
"""The statements, and the data of a thousand attachments."""
LARGEST_HEADERS = 8 * 1024
# SHA-2 by the length of its hex form.
_SHA2 = {56: "sha224", 64: "sha256", 96: "sha384", 128: "sha512"}
# RFC 2046, section 5.1.1: up to 70 characters, no space at the end.
_BOUNDARY = re.compile(r"[0-9A-Za-z'()+_,./:=? -]{0,69}[0-9A-Za-z'()+_,./:=?-]")
_PARAMETER = re.compile(r';\s*boundary\s*=\s*(?:"((?:[^"\\]|\\.)*)"|([^\s;"]*))', re.IGNORECASE)
_PADDED = re.compile(rb"[ \t]*\r\n")
_HEADER = re.compile(r"([!#$%&'*+.^_`|~0-9A-Za-z-]+):[ \t]*([^\r\n\0]*?)[ \t]*")
_CONTROL = re.compile(r"[\x00-\x1f\x7f]")


@dataclass(frozen=True, slots=True)
class Attachment:
    """The data of an attachment."""

    sha2: str
    """The hash of the data, in lower-case hex."""
    data: bytes
    content_type: str = ""
    """As its part tells it; empty: it does not."""


@dataclass(frozen=True, slots=True)
class Parts:
    """What a body holds."""

    statements: bytes
    """JSON, as it came."""
    attachments: Mapping[str, Attachment]
    """By hash. The hash of each is that of its data."""


@dataclass(frozen=True, slots=True)
class _Part:
    headers: Mapping[str, str]
    body: bytes


def is_multipart(content_type: str) -> bool:
    """Return whether a header Content-Type says multipart/mixed."""
    return media_type_of(content_type) == "multipart/mixed"


def media_type_of(content_type: str) -> str:
    """Return the media type of a header Content-Type, in lower case, without its parameters."""
    return content_type.partition(";")[0].strip().lower()


def read(body: bytes, content_type: str) -> Parts:
    """Return the statements and attachments of a body. Raises Invalid with all faults."""
    first, *others = _parts(body, _boundary(content_type))
    check(_faults(first, others))
    attachments = (
        Attachment(_hash(part), part.body, part.headers.get("content-type", "")) for part in others
    )
    return Parts(first.body, {each.sha2: each for each in attachments})


def write(statements: bytes, attachments: Sequence[Attachment]) -> tuple[bytes, str]:
    """Return a body with the statements (JSON) and the attachments, and its Content-Type."""
    # 128 random bits stand in none of the parts.
    boundary = f"tandem-{secrets.token_hex(16)}"
    first = _written({"Content-Type": "application/json"}, statements, boundary)
    others = (_written(_headers_of(each), each.data, boundary) for each in attachments)
    last = f"--{boundary}--\r\n".encode()
    return b"".join([first, *others, last]), f"multipart/mixed; boundary={boundary}"


def _headers_of(attachment: Attachment) -> Mapping[str, str]:
    return {
        "Content-Type": _CONTROL.sub("", attachment.content_type) or "application/octet-stream",
        "Content-Length": str(len(attachment.data)),
        "Content-Transfer-Encoding": "binary",
        "X-Experience-API-Hash": attachment.sha2,
    }


def _written(headers: Mapping[str, str], body: bytes, boundary: str) -> bytes:
    lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
    return f"--{boundary}\r\n{lines}\r\n".encode("latin-1", "replace") + body + b"\r\n"


def _boundary(content_type: str) -> bytes:
    """Return the boundary that a header names. Raises Invalid."""
    found = _PARAMETER.search(content_type)
    quoted, plain = found.groups() if found else ("", "")
    boundary = re.sub(r"\\(.)", r"\1", quoted) if quoted else plain or ""
    if not _BOUNDARY.fullmatch(boundary):
        raise _fault("Content-Type", "has no boundary", "boundary= and up to 70 characters")
    return boundary.encode("ascii")


def _parts(body: bytes, boundary: bytes) -> list[_Part]:
    """Return the parts. What comes before the first boundary and after the last one is not read.

    One pass over the body, whatever is in it. Raises Invalid.
    """
    _, *pieces = (b"\r\n" + body).split(b"\r\n--" + boundary, MOST_PARTS + 1)
    end = next((place for place, piece in enumerate(pieces) if piece.startswith(b"--")), None)
    if end is None:
        right = f"one part to {MOST_PARTS}, then --boundary--"
        raise _fault("", "the body has no last boundary", right)
    if end == 0:
        raise _fault("", "the body has no part", "the statements as its first part")
    return [_part(place, piece) for place, piece in enumerate(pieces[:end])]


def _part(place: int, piece: bytes) -> _Part:
    padding = _PADDED.match(piece)
    if padding is None:
        raise _fault(f"parts[{place}]", "does not begin on a new line", "CRLF after its boundary")
    if piece.startswith(b"\r\n", padding.end()):
        return _Part({}, piece[padding.end() + 2 :])
    ends = piece.find(b"\r\n\r\n", padding.end(), padding.end() + LARGEST_HEADERS)
    if ends < 0:
        right = f"headers of up to {LARGEST_HEADERS} bytes, and an empty line"
        raise _fault(f"parts[{place}]", "has no end of its headers", right)
    head = piece[padding.end() : ends].decode("latin-1")
    return _Part(_headers(place, head), piece[ends + 4 :])


def _headers(place: int, head: str) -> dict[str, str]:
    found: dict[str, str] = {}
    for line in head.split("\r\n"):
        match = _HEADER.fullmatch(line)
        if match is None or match[1].lower() in found:
            wrong = f"has the header line {line[:40]!r}"
            raise _fault(f"parts[{place}]", wrong, "name: value, each name once")
        found[match[1].lower()] = match[2]
    return found


def _faults(first: _Part, others: Sequence[_Part]) -> Iterator[FieldViolation]:
    kind = first.headers.get("content-type", "")
    if media_type_of(kind) != "application/json":
        yield FieldViolation("parts[0].Content-Type", f"is {kind[:40]!r}", "application/json")
    for place, part in enumerate(others, 1):
        yield from _attachment_faults(f"parts[{place}]", part)


def _attachment_faults(name: str, part: _Part) -> Iterator[FieldViolation]:
    encoding = part.headers.get("content-transfer-encoding", "")
    if encoding.lower() != "binary":
        yield FieldViolation(f"{name}.Content-Transfer-Encoding", f"is {encoding[:40]!r}", "binary")
    length = part.headers.get("content-length", str(len(part.body)))
    if length != str(len(part.body)):
        yield FieldViolation(f"{name}.Content-Length", f"is {length[:40]!r}", str(len(part.body)))
    if not _is_hash_of(_hash(part), part.body):
        wrong = "is missing" if not _hash(part) else f"is {_hash(part)[:40]!r}"
        yield FieldViolation(f"{name}.X-Experience-API-Hash", wrong, "the SHA-2 of the data in hex")


def _hash(part: _Part) -> str:
    return part.headers.get("x-experience-api-hash", "").lower()


def _is_hash_of(sha2: str, data: bytes) -> bool:
    algorithm = _SHA2.get(len(sha2))
    return algorithm is not None and hashlib.new(algorithm, data).hexdigest() == sha2


def _fault(field: str, wrong: str, right: str) -> Invalid:
    return Invalid([FieldViolation(field, wrong, right)])
