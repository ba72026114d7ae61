"""The bodies of the statements resource: JSON, or multipart/mixed with attachments' data."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from chassis.errors import FieldViolation, check
from services.progress.domain.xapi.parsing import parse_json
from services.progress.domain.xapi.storing import Data
from services.progress.xapi import multipart
from services.progress.xapi.exchange import XapiRequest
from services.progress.xapi.multipart import Attachment

JSON = "application/json"
LARGEST_DATA = 8 << 20
"""Bytes of an attachment: its document stays below MongoDB's 16 MiB."""


@dataclass(frozen=True, slots=True)
class Body:
    """What a request holds."""

    value: Any
    """The parsed JSON."""
    attachments: Mapping[str, Data]
    """The data that came with it, by SHA-2 hash."""


def read(request: XapiRequest) -> Body:
    """Return what a request holds. Raises Invalid."""
    if multipart.is_multipart(request.content_type):
        parts = multipart.read(request.body, request.content_type)
        data = {
            sha2: Data(each.data, each.content_type) for sha2, each in parts.attachments.items()
        }
        check(
            FieldViolation("parts", f"has {len(each.content)} bytes", f"at most {LARGEST_DATA}")
            for each in data.values()
            if len(each.content) > LARGEST_DATA
        )
        return Body(parse_json(parts.statements), data)
    kind = multipart.media_type_of(request.content_type)
    wrong = FieldViolation("Content-Type", f"is {kind[:40]!r}", f"{JSON} or multipart/mixed")
    check([] if kind == JSON else [wrong])
    return Body(parse_json(request.body), {})


def with_attachments(statements: bytes, data: Mapping[str, Data]) -> tuple[bytes, str]:
    """Return a body with statements and the data of their attachments, and its Content-Type."""
    return multipart.write(
        statements,
        [Attachment(sha2, each.content, each.media_type) for sha2, each in data.items()],
    )
