"""Reads bounces: delivery status notifications (RFC 3464) that came to the address of a mail."""

import re
from collections.abc import Iterator
from email import message_from_bytes
from typing import Any

from chassis.errors import FieldViolation, check
from services.notify.domain.bounces import Bounce, BounceAddresses, Report, gravest

# Bytes that are read of a message: the report and the text before it are shorter, and the parser
# takes long for a header with very many parameters. The mail that came back is not read.
MOST_READ = 128 * 1024
_STATUS = re.compile(r"[245]\.\d{1,3}\.\d{1,3}(?!\S)")  # RFC 3463, section 2


def read(addresses: BounceAddresses, recipient: str, message: bytes) -> Bounce:
    """Return a bounce. `recipient`: the address that it came to; `message`: as it came.

    Raises Invalid if the address is none of ours, or the message reports nothing.
    """
    mail_id, reports = addresses.mail_id(recipient), reports_of(message)
    wrong = []
    if mail_id is None:
        right = "the address that the bounce came to: the sender of a mail's envelope"
        wrong.append(FieldViolation("recipient", "is not one from which a mail was sent", right))
    if not reports:
        right = "multipart/report with message/delivery-status (RFC 3464)"
        wrong.append(FieldViolation("message", "reports no delivery", right))
    check(wrong)
    assert mail_id is not None
    return Bounce(mail_id, gravest(reports))


def reports_of(message: bytes) -> tuple[Report, ...]:
    """Return what a message reports of each recipient; empty if it is no report, or can't be read.

    `message` may be any bytes, and may be cut off after its second part.
    """
    try:
        return tuple(_reports(message_from_bytes(message[:MOST_READ])))
    except Exception:  # the parser's, of bytes that a stranger sent
        return ()


def _reports(message: Any) -> Iterator[Report]:
    if message.get_content_type() != "multipart/report" or not message.is_multipart():
        return
    for part in message.get_payload():
        # The parser makes a message of each group of fields. The first is of the whole mail and has
        # no action, but some servers forget the empty line after it.
        if part.get_content_type() == "message/delivery-status" and part.is_multipart():
            yield from filter(None, map(_report, part.get_payload()))


def _report(fields: Any) -> Report | None:
    """Return what a group of fields reports; None if a field is missing that must be there."""
    action = str(fields.get("action", "")).partition("(")[0].strip().lower()
    status = _STATUS.match(str(fields.get("status", "")).strip())
    return Report(action, status[0]) if action and status else None
