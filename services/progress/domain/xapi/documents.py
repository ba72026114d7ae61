"""Documents of activities and agents (xAPI 1.0.3, part 3, sections 2.2 to 2.7; IEEE 9274.1.1,
section 4.1.6): what one is, how POST merges two, and how many an owner may have.
"""

import json
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import Enum

from chassis.errors import AlreadyExists, DomainError, FieldViolation, Invalid
from services.progress.domain.xapi.checks import fault, within
from services.progress.domain.xapi.etags import Preconditions, etag_of
from services.progress.domain.xapi.parsing import parse_json
from services.progress.domain.xapi.versions import Version

JSON = "application/json"


class TooLarge(DomainError):
    """What the request would store is too large: 413 Content Too Large."""


class Kind(Enum):
    """A document resource."""

    STATE = "state"
    AGENT_PROFILE = "agent_profile"
    ACTIVITY_PROFILE = "activity_profile"


@dataclass(frozen=True, slots=True)
class Context:
    """What documents are about; within it, each has its own id."""

    kind: Kind
    activity_id: str = ""
    """An IRI; empty in agent profiles."""
    agent: str = ""
    """The key of an agent (identities.agent_key); empty in activity profiles."""
    registration: str = ""
    """A UUID in lower case, of states alone; empty: of none, or of any where many are meant."""

    @property
    def owner(self) -> tuple[str, str]:
        """Whose room the documents take: the agent's, or the activity's if they are of none."""
        return ("agent", self.agent) if self.agent else ("activity", self.activity_id)


@dataclass(frozen=True, slots=True)
class DocumentKey:
    """What names one document."""

    context: Context
    id: str
    """stateId or profileId."""


@dataclass(frozen=True, slots=True)
class Content:
    """What a document contains, as it came."""

    body: bytes
    media_type: str
    """The header Content-Type; empty if none came."""

    @property
    def etag(self) -> str:
        """Its entity tag."""
        return etag_of(self.body)


@dataclass(frozen=True, slots=True)
class Document:
    """A stored document."""

    key: DocumentKey
    content: Content
    updated: datetime
    """When it was stored or changed, in whole milliseconds."""


@dataclass(frozen=True, slots=True)
class Room:
    """How many documents there are, and their bytes."""

    documents: int = 0
    size: int = 0

    def __add__(self, other: "Room") -> "Room":
        """Return both together."""
        return Room(self.documents + other.documents, self.size + other.size)


@dataclass(frozen=True, slots=True)
class Limits:
    """How much may be stored; without limits one learner could fill the disk."""

    largest: int = 2_000_000
    """The bytes of one document."""
    of_owner: Room = Room(1_000, 20_000_000)
    """Of one agent: all states and profiles; of one activity: its profiles."""


LIMITS = Limits()


def change(before: Content | None, after: Content | None) -> Room:
    """Return the room that a document takes more than before; None: it does not exist."""
    return Room(
        (after is not None) - (before is not None),
        (len(after.body) if after else 0) - (len(before.body) if before else 0),
    )


def check_room(content: Content, more: Room, taken: Room, limits: Limits) -> None:
    """Raise TooLarge if a content is too large, or if its owner has no room for so much `more`.

    What takes no more than before always has room, so limits that were lowered block no change.
    """
    if len(content.body) > limits.largest:
        raise TooLarge(
            f"the document would have {len(content.body):,} bytes; it may have {limits.largest:,}"
        )
    after, most = taken + more, limits.of_owner
    if more.documents > 0 and after.documents > most.documents:
        raise TooLarge(f"there are {taken.documents:,} documents; no more may be added")
    if more.size > 0 and after.size > most.size:
        raise TooLarge(
            f"the documents would have {after.size:,} bytes together; they may have {most.size:,}"
        )


def check_put(
    before: Content | None, conditions: Preconditions, kind: Kind, version: Version
) -> None:
    """Raise unless a PUT may store a document where `before` is now.

    PreconditionFailed if a precondition does not hold. AlreadyExists if there is none, though a
    document would be overwritten; 1.0.3 allows that for states (part 3, section 3.1), 2.0.0 for
    nothing (section 4.1.4).
    """
    conditions.check(before.etag if before else None)
    lenient = kind is Kind.STATE and version is Version.V1_0_3
    if before and not conditions and not lenient:
        raise AlreadyExists(
            "the document exists, and the request has neither If-Match nor If-None-Match; check "
            "the document's current state by GET, and set If-Match to its current ETag: "
            f"{before.etag}"
        )


def listing(ids: Iterable[str]) -> bytes:
    """Return the JSON of a list of documents: each id once, though several registrations have it,
    in order.
    """
    return json.dumps(sorted(set(ids))).encode()


def check_json(content: Content) -> None:
    """Raise Invalid if a content says that it is JSON, and is not (part 3, section 3.2)."""
    if _says_json(content):
        parse_json(content.body)


def merged(before: Content, posted: Content) -> Content:
    """Return a document with each top-level property of the posted one set (part 3, section 2.2).

    Raises Invalid, with all that is wrong, if either is no JSON object.
    """
    faults = [*_object_faults(before, "stored_document"), *_object_faults(posted, "body")]
    if faults:
        raise Invalid(faults, "POST merges JSON objects; PUT replaces a document")
    both = parse_json(before.body) | parse_json(posted.body)
    return Content(json.dumps(both, ensure_ascii=False, separators=(",", ":")).encode(), JSON)


def _object_faults(content: Content, field: str) -> Sequence[FieldViolation]:
    """Return why a content is no JSON object."""
    if not _says_json(content):
        wrong = f"has the content type {content.media_type or 'of nothing'}"
        return [FieldViolation(field, wrong, JSON)]
    try:
        found = parse_json(content.body, field)
    except Invalid as error:
        return error.violations
    return () if isinstance(found, dict) else within(field, fault(found, "an object"))


def _says_json(content: Content) -> bool:
    return content.media_type.partition(";")[0].strip().lower() == JSON
