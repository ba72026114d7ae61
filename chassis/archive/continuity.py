"""Whether a stream goes on where the archive ends.

A stream that was truncated (its last file, when the broker's disk was damaged) or that began anew
gives the offsets that it lost to other messages.
"""

from collections.abc import Iterable, Iterator

from chassis.archive import segments
from chassis.archive.archive import Archive
from chassis.archive.layout import Span
from chassis.archive.sealing import sealed_for
from chassis.archive.store import NoSuchObject
from chassis.contracts import cloudevents
from chassis.messaging import history
from chassis.messaging.history import Message


def break_in(amqp_url: str, archive: Archive, end: float | None) -> str:
    """Return why the stream, which ends with offset `end` (None: it is empty), does not continue
    the archive; empty if it does.

    Raises DamagedSegment if the newest segment can't be read, StoreAway, and
    pika.exceptions.AMQPError.
    """
    spans = [*archive.segments(), *archive.lost()]
    if not spans:
        return ""
    newest = max(spans, key=lambda span: span.last)
    if end is None or end < newest.last:
        return f"the archive ends with offset {newest.last}, the history with {end}"
    try:
        fingerprint = archive.segment(newest).fingerprint
    except NoSuchObject:
        return ""  # the newest span was lost
    found = next(history.messages(amqp_url, newest.last, end), None)
    if found is None or found.error or found.offset != newest.last:
        return ""  # it was deleted, or can't be had: nothing contradicts
    if segments.is_of(fingerprint, found):
        return ""
    return f"offset {newest.last} is another message than the archived one"


def beyond(archive: Archive, stream: Iterable[Message]) -> Iterator[Message]:
    """Yield a stream's messages but for those that the archive has at the same offsets: up to the
    first that differs, they are the same stream. What the broker can't hand over is taken for the
    same.
    """
    last = max((span.last for span in archive.segments()), default=-1)
    archived: Iterator[Message] | None = None
    known: Message | None = None
    is_same = True
    for message in stream:
        if archived is None:
            archived = _messages(archive, Span(message.offset, last))
            known = next(archived, None)
        while known and known.offset < message.offset:
            known = next(archived, None)
        if is_same and known and known.offset == message.offset:
            is_same = bool(message.error) or _is_same(known, message)
            if is_same:
                continue
        yield message


def _messages(archive: Archive, wanted: Span) -> Iterator[Message]:
    return (each for each in archive.messages(wanted) if isinstance(each, Message))


def _is_same(archived: Message, message: Message) -> bool:
    same_id = _id(archived) == _id(message)
    # Of a sealed event the archive tells not all that was in it.
    return same_id and (bool(sealed_for(archived)) or archived.body == message.body)


def _id(message: Message) -> object:
    return cloudevents.raw(message.headers).get("id")
