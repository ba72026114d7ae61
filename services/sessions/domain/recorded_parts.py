"""The recorded parts of a session: which there are, where each begins, and what it contains.

A class's time counts from its real start. A part is an item of the library; its stretches are the
times of the class that it contains, one after the other in its file. The parts have one order: by
where they begin.
"""

from collections.abc import Collection, Iterable, Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

from chassis.errors import FieldViolation
from services.sessions.domain.roster import Item
from services.sessions.domain.session import Session

NO_TIME = timedelta()
MOST_OFFSET = timedelta(days=1)
MOST_PARTS = 20
MOST_HANDS = 20_000
"""Raised hands of a class that are counted; its later ones are left out."""


@dataclass(frozen=True, slots=True)
class RecordedStretch:
    """A time of a class that was recorded without a pause."""

    starts_at: timedelta
    """In the class's time; negative: the recorder ran before the class began."""
    length: timedelta

    @property
    def ends_at(self) -> timedelta:
        """Return where it ends in the class's time."""
        return self.starts_at + self.length


@dataclass(frozen=True, slots=True)
class Captions:
    """Captions of a part: an item, and its language (BCP 47)."""

    item_id: str
    language: str


@dataclass(frozen=True, slots=True)
class RecordedPart:
    """A part of a session's recording."""

    item_id: str
    starts_at_offset: timedelta = NO_TIME
    """Where it begins in the class's time."""
    stretches: tuple[RecordedStretch, ...] = ()
    """Empty: all that follows where it begins, without a pause."""
    transcript_item_id: str = ""
    captions: tuple[Captions, ...] = ()

    @property
    def item_ids(self) -> tuple[str, ...]:
        """Return the ids of its item, its transcript and its captions."""
        texts = (self.transcript_item_id, *(each.item_id for each in self.captions))
        return tuple(filter(None, (self.item_id, *texts)))


@dataclass(frozen=True, slots=True)
class Chapter:
    """A chapter of a recording."""

    title: str
    starts_at: timedelta
    """In the class's time."""


@dataclass(frozen=True, slots=True)
class RaisedHands:
    """How many hands were raised in a minute of a class."""

    at: timedelta
    """When the first of them was raised, in the class's time."""
    count: int


@dataclass(frozen=True, slots=True, kw_only=True)
class SessionRecording:
    """What is stored of a session's recording; its id is the session's."""

    id: str
    run_id: str
    parts: tuple[RecordedPart, ...] = ()
    chapters: tuple[Chapter, ...] = ()
    hands: tuple[RaisedHands, ...] = ()
    replaced: tuple[RecordedPart, ...] = ()
    """Parts in whose place others came. They can't be read any more, but who was in the middle of
    one goes on in the others by the class's time. What was withdrawn is not among them.
    """
    former_ids: tuple[str, ...] = ()
    """Items that were replaced or withdrawn: they end with the run's recordings, too."""
    expired_ids: tuple[str, ...] = ()
    """Items that ended with the run's recordings."""


@dataclass(frozen=True, slots=True)
class Recording:
    """A recorded part as it is shown, and whether it can be watched."""

    item_id: str
    playable: bool
    failure: str
    starts_at_offset: timedelta = NO_TIME
    stretches: tuple[RecordedStretch, ...] = ()
    transcript_item_id: str = ""
    captions: tuple[Captions, ...] = ()


def shown(part: RecordedPart, item: Item | None) -> Recording:
    """Return a part as it is shown. `item`: None if the library has told nothing of it yet."""
    return Recording(
        part.item_id,
        item is not None and item.available,
        item.failure if item else "",
        part.starts_at_offset,
        part.stretches,
        part.transcript_item_id,
        part.captions,
    )


def first_playable(parts: Sequence[Recording]) -> Recording | None:
    """Return the first part that can be watched, or else the first; None if there is none."""
    return next((each for each in parts if each.playable), parts[0] if parts else None)


def parts_of(session: Session, stored: SessionRecording | None) -> tuple[RecordedPart, ...]:
    """Return the parts of a session's recording.

    An older version knows one part, in the session. Where the session names another first part than
    is stored, an older version has attached it, and it is the only one.
    """
    parts = stored.parts if stored else ()
    first = parts[0].item_id if parts else ""
    if session.recording_item_id == first:
        return parts
    only = RecordedPart(session.recording_item_id, session.recording_offset)
    return (only,) if only.item_id else ()


def with_parts(session: Session, parts: Sequence[RecordedPart]) -> Session:
    """Return the session with the first of its parts."""
    first = parts[0] if parts else RecordedPart("")
    return replace(
        session, recording_item_id=first.item_id, recording_offset=first.starts_at_offset
    )


@dataclass(frozen=True, slots=True, kw_only=True)
class AttachRecording:
    """Attach an item to a session as its recording, or as a part of it."""

    session_id: str
    item_id: str
    starts_at_offset: timedelta | None = None
    """Where it begins in the class's time; None: at its start, or by the first stretch."""
    further_part: bool = False
    replaces_item_id: str = ""
    stretches: tuple[RecordedStretch, ...] = ()
    transcript_item_id: str = ""
    captions: tuple[Captions, ...] = ()

    @property
    def part(self) -> RecordedPart:
        """Return the part to attach."""
        begin = self.stretches[0].starts_at if self.stretches else self.starts_at_offset
        return RecordedPart(
            self.item_id,
            begin or NO_TIME,
            self.stretches,
            self.transcript_item_id,
            self.captions,
        )


def part_violations(command: AttachRecording) -> Iterator[FieldViolation]:
    """Yield what is wrong with a part, whatever the session has."""
    if command.further_part and command.replaces_item_id:
        yield FieldViolation("further_part", "replaces_item_id is given, too", "one of them")
    if command.replaces_item_id and command.replaces_item_id == command.item_id:
        yield FieldViolation("replaces_item_id", "is the item itself", "another part, or nothing")
    if command.stretches and command.starts_at_offset is not None:
        yield FieldViolation("starts_at_offset", "stretches are given, too", "one of them")
    yield from _far_violations("starts_at_offset", command.starts_at_offset or NO_TIME)
    yield from _stretch_violations(command.stretches)
    languages = [each.language.lower() for each in command.captions]
    for place, each in enumerate(languages):
        if each in languages[:place]:
            field = f"captions[{place}].language"
            yield FieldViolation(field, f"{each!r} is there twice", "each language once")


def _stretch_violations(stretches: Sequence[RecordedStretch]) -> Iterator[FieldViolation]:
    for place, each in enumerate(stretches):
        field = f"stretches[{place}]"
        if each.length <= NO_TIME:
            wrong = f"is {each.length.total_seconds():g} s"
            yield FieldViolation(f"{field}.length", wrong, "more than 0")
        yield from _far_violations(f"{field}.starts_at", each.starts_at)
        yield from _far_violations(f"{field}.length", each.length)
        if place and each.starts_at < stretches[place - 1].ends_at:
            right = "one that begins at the end of the one before, or later"
            yield FieldViolation(f"{field}.starts_at", "is within the one before", right)


def _far_violations(field: str, time: timedelta) -> Iterator[FieldViolation]:
    if abs(time) > MOST_OFFSET:
        wrong = f"is {time.total_seconds():g} s"
        yield FieldViolation(field, wrong, "at most a day, before or after the start")


def place_violations(
    parts: Sequence[RecordedPart], command: AttachRecording
) -> Iterator[FieldViolation]:
    """Yield why a part has no place among those that a session has."""
    known = [each.item_id for each in parts]
    is_known, replaced = command.item_id in known, command.replaces_item_id
    named = is_known or command.further_part or replaced
    if not named and len(parts) > 1:
        right = f"further_part, or replaces_item_id with one of {', '.join(known)}"
        yield FieldViolation("item_id", f"the session has {len(parts)} parts", right)
    if replaced and not is_known and replaced not in known:
        yield _unknown("replaces_item_id", replaced, known)
    after = placed(parts, command)
    if len(after) > MOST_PARTS:
        wrong = f"the session has {MOST_PARTS} parts already"
        yield FieldViolation("further_part", wrong, "a part in the place of another")
    begins = [each for each in after if each.item_id != command.item_id]
    for each in begins:
        if named and each.starts_at_offset == command.part.starts_at_offset:
            field = "stretches" if command.stretches else "starts_at_offset"
            wrong = f"part {each.item_id} begins there, too"
            yield FieldViolation(field, wrong, "where this part begins")


def placed(parts: Sequence[RecordedPart], command: AttachRecording) -> tuple[RecordedPart, ...]:
    """Return the parts with a new or corrected one, in their order."""
    gone = {command.item_id, command.replaces_item_id}
    is_named = command.further_part or gone.intersection(each.item_id for each in parts)
    kept = [each for each in parts if is_named and each.item_id not in gone]
    return tuple(sorted((*kept, command.part), key=lambda each: each.starts_at_offset))


def withdrawn_violations(parts: Sequence[RecordedPart], item_id: str) -> Iterator[FieldViolation]:
    """Yield a violation if a session has no such part; an empty `item_id` names all it has."""
    known = [each.item_id for each in parts]
    if item_id and item_id not in known:
        yield _unknown("item_id", item_id, known)


def without(parts: Iterable[RecordedPart], item_id: str) -> tuple[RecordedPart, ...]:
    """Return the parts that are left after one was withdrawn; `item_id` empty: none."""
    return tuple(each for each in parts if item_id and each.item_id != item_id)


def taken(before: Iterable[RecordedPart], after: Iterable[RecordedPart]) -> tuple[str, ...]:
    """Return the ids of the items that were in the parts before and are not after, each once."""
    left = {item_id for each in after for item_id in each.item_ids}
    named = (item_id for each in before for item_id in each.item_ids)
    return tuple(dict.fromkeys(item_id for item_id in named if item_id not in left))


def chapters_in_order(chapters: Iterable[Chapter]) -> tuple[Chapter, ...]:
    """Return chapters by where they begin."""
    return tuple(sorted(chapters, key=lambda each: each.starts_at))


def chapter_violations(chapters: Sequence[Chapter]) -> Iterator[FieldViolation]:
    """Yield what is wrong with chapters."""
    begins = [each.starts_at for each in chapters]
    for place, begin in enumerate(begins):
        field = f"chapters[{place}].starts_at"
        yield from _far_violations(field, begin)
        if begin in begins[:place]:
            yield FieldViolation(field, "another chapter begins there, too", "each at its own time")


def _unknown(field: str, item_id: str, known: Collection[str]) -> FieldViolation:
    right = f"one of {', '.join(known)}" if known else "an item that is attached"
    return FieldViolation(field, f"{item_id!r} is no part of the recording", right)
