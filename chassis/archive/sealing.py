"""Sealing: what is personal in an event is archived encrypted, by keys of the people it names.

A sealed message has the same attributes. Its body is the event's without its personal fields
(`tandem.options.v1.personal`), and two more attributes have the rest:

    sealedfor   the ids of the people whom the event names, as a JSON list; [""] if it names nobody
    sealed      the whole body, encrypted, in base64

The key of a body is derived from the keys of all of these people (RFC 5869). So who throws away the
key of one of them makes the body unreadable for good. An event that names nobody has the key of
nobody, which is not thrown away: what is in it belongs to a class or an item.

The cipher is AES-SIV (RFC 5297): it needs no nonce, and the same message is always sealed in the
same way, so that an archiver that was killed writes the same file again.
"""

import base64
import json
from collections.abc import Iterable, Mapping
from dataclasses import replace
from typing import Any

import structlog
from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESSIV
from cryptography.hazmat.primitives.hashes import SHA512
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

from chassis.contracts import cloudevents
from chassis.contracts.cloudevents import PREFIX
from chassis.contracts.redaction import people_of, personal_types, without_personal
from chassis.messaging.history import Message
from chassis.operations import metrics

SEALED, FOR = f"{PREFIX}sealed", f"{PREFIX}sealedfor"
NOBODY = ""
# Characters of an id: no person has a longer one, and thousands fit into one query.
LONGEST_ID = cloudevents.LONGEST
# Bytes: the key of a person, and of AES-256-SIV.
PERSON_KEY, BODY_KEY = 32, 64
_INFO = b"tandem archive 1"
_SEALS = {f"{prefix}{name}" for prefix in cloudevents.PREFIXES for name in ("sealed", "sealedfor")}

Keys = Mapping[str, bytes | None]
"""The keys of people by their ids; None: it was thrown away."""

log = structlog.get_logger()


def people_in(messages: Iterable[Message]) -> set[str]:
    """Return the ids of the people whose keys are needed to seal messages."""
    return {one for each in messages if _is_personal(each) for one in _named(each)}


def seal(message: Message, keys: Keys) -> Message:
    """Return a message as the archive has it. `keys` has those of `people_in`.

    Of an event that names somebody whose key was thrown away, only the rest is left.
    """
    if not _is_personal(message):
        return message
    people = _named(message)
    body = _redacted(message)
    if body is None:
        return message
    # What a publisher may have written there itself is no seal.
    headers = {name: value for name, value in message.headers.items() if name not in _SEALS}
    headers[FOR] = json.dumps(people, separators=(",", ":"))
    key = _key(people, keys)
    if key is not None:
        sealed = AESSIV(key).encrypt(message.body, _bound_to(message))
        headers[SEALED] = base64.b64encode(sealed).decode()
    metrics.ARCHIVE_SEALED.labels("erased" if key is None else "sealed").inc()
    return replace(message, headers=headers, body=body)


def sealed_for(message: Message) -> tuple[str, ...]:
    """Return the people for whom a message is sealed; none if it is not sealed."""
    try:
        found = json.loads(message.headers.get(FOR, "null"))
    except (ValueError, TypeError, RecursionError):
        return ()
    return tuple(found) if isinstance(found, list) and all(map(_may_be_id, found)) else ()


def opened(message: Message, keys: Keys) -> Message:
    """Return a message as it was published, if `keys` has the keys of all its people. Otherwise it
    keeps `sealedfor`, which says what its body lacks; `sealed` is taken off.
    """
    people = sealed_for(message)
    if not people:
        return message
    headers = {name: value for name, value in message.headers.items() if name != SEALED}
    body = _opened(message, people, keys)
    if body is None:
        return replace(message, headers=headers)
    del headers[FOR]
    return replace(message, headers=headers, body=body)


def _opened(message: Message, people: tuple[str, ...], keys: Keys) -> bytes | None:
    key, sealed = _key(people, keys), message.headers.get(SEALED)
    if key is None or not isinstance(sealed, str):
        return None
    try:
        return AESSIV(key).decrypt(base64.b64decode(sealed, validate=True), _bound_to(message))
    except (InvalidTag, ValueError):
        log.warning("the key does not open an event of the archive", offset=message.offset)
        return None


def _is_personal(message: Message) -> bool:
    return not message.error and _attribute(message, "type") in personal_types()


def _named(message: Message) -> tuple[str, ...]:
    """Return the ids of the people whom an event names, in order; NOBODY if it names none.

    What can be nobody's id, and no database stores, names nobody.
    """
    try:
        found = people_of(_attribute(message, "type"), message.body)
    except ValueError:
        found = set()
    return tuple(sorted(filter(_may_be_id, found))) or (NOBODY,)


def _redacted(message: Message) -> bytes | None:
    """Return the body without what is personal; None if there is nothing. A body that can't be read
    has nothing left.
    """
    try:
        return without_personal(_attribute(message, "type"), message.body)
    except ValueError:
        return b"{}"


def _key(people: Iterable[str], keys: Keys) -> bytes | None:
    """Return the key of a body for these people; None if one of theirs is not there."""
    theirs = [keys.get(each) for each in people]
    if None in theirs:
        return None
    material = b"".join(each for each in theirs if each is not None)
    return HKDF(SHA512(), BODY_KEY, salt=None, info=_INFO).derive(material)


def _bound_to(message: Message) -> list[bytes]:
    """Return what a sealed body belongs to: nobody can move it to another event."""
    place = str(message.offset)
    return [each.encode() for each in (place, *(_attribute(message, n) for n in ("id", "type")))]


def _attribute(message: Message, name: str) -> str:
    found = message.headers.get(f"{PREFIX}{name}")  # most events are our own
    return str(cloudevents.raw(message.headers).get(name, "") if found is None else found)


def _may_be_id(value: Any) -> bool:
    if not isinstance(value, str) or len(value) > LONGEST_ID:
        return False
    try:
        value.encode()
    except UnicodeEncodeError:  # half of a surrogate pair, which JSON can escape
        return False
    return True
