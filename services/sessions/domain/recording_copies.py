"""Copies of meeting servers' recordings in the library: which files are copied, and what is next.

A copy follows the recording that its server told last. It becomes a part of its session's recording
once the library has opened its files, and is withdrawn when the server has it no more.
"""

import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum

from services.sessions.domain.meetings import FileKind, RecordedFile, Stretch
from services.sessions.domain.provider_recordings import FoundRecording
from services.sessions.domain.recorded_parts import AttachRecording, Captions, RecordedStretch
from services.sessions.domain.roster import Item

UNKNOWN_LANGUAGE = "und"
"""The tag of a language that nobody told (BCP 47, section 4.1)."""
NOT_RECORDED = "the class is not to be recorded"
NOTHING_TO_PLAY = "it has neither film nor sound"
NOT_BEGUN = "its class never began"
TOO_MANY_PAUSES = "its recorder paused too often"
TAKEN_BACK = "the part in whose place it would come was taken back"
DELETED = "it was deleted at the meeting server"
MOST_STRETCHES = 100
"""As many as AttachRecording takes, so that all parts of a session fit in one event."""
_PLAYED = frozenset({FileKind.VIDEO, FileKind.AUDIO})
_TAG = re.compile("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*")


class CopyState(StrEnum):
    """How far a copy is."""

    WANTED = "WANTED"
    """Its files are to be copied."""
    COPIED = "COPIED"
    """The library opens its files."""
    ATTACHED = "ATTACHED"
    """It is a part of its session's recording."""
    REFUSED = "REFUSED"
    """It is no part, for a reason."""
    GONE = "GONE"
    """Its server has it no more."""


@dataclass(frozen=True, slots=True)
class FileCopy:
    """A file of a recording, and what became of it."""

    source: RecordedFile
    item_id: str = ""
    """Its item of the library; empty: its upload has not begun."""
    is_copied: bool = False
    refused: str = ""
    """Why there is no copy; empty: it was not refused."""
    is_second_try: bool = False
    """Whether it is copied again, because the library refused what came first."""

    @property
    def is_settled(self) -> bool:
        """Return whether nothing more is to be copied."""
        return self.is_copied or bool(self.refused)


@dataclass(frozen=True, slots=True, kw_only=True)
class RecordingCopy:
    """The copy of one recording of a meeting server."""

    id: str
    """The recording's."""
    session_id: str
    start: datetime
    end: datetime
    stretches: tuple[Stretch, ...] = ()
    files: tuple[FileCopy, ...] = ()
    state: CopyState = CopyState.WANTED
    reason: str = ""
    """Why it was refused."""
    attached_item_id: str = ""
    """The part of its session's recording that it was made last; empty: none."""
    since: datetime
    """When it came into its state."""

    @property
    def server(self) -> str:
        """Return the name of its server."""
        return self.id.partition(":")[0]

    @property
    def main(self) -> FileCopy | None:
        """Return its film, or its sound where there is no film; None if it has neither."""
        return next((each for each in self.files if each.source.kind in _PLAYED), None)

    @property
    def item_id(self) -> str:
        """Return the id of what is played; empty if there is nothing yet."""
        return self.main.item_id if self.main else ""

    @property
    def texts(self) -> tuple[FileCopy, ...]:
        """Return its captions and its transcript."""
        return tuple(each for each in self.files if each.source.kind not in _PLAYED)


def wanted_files(files: Iterable[RecordedFile]) -> tuple[RecordedFile, ...]:
    """Return which files are copied: the best film, or else the best sound; the first captions of
    each language; the first transcript. Of several of one kind the best comes first.
    """
    first: dict[tuple[FileKind, str], RecordedFile] = {}
    for each in files:
        is_caption = each.kind is FileKind.CAPTIONS
        first.setdefault((each.kind, language_of(each).lower() if is_caption else ""), each)
    if (FileKind.VIDEO, "") in first:
        first.pop((FileKind.AUDIO, ""), None)
    return tuple(first.values())


def followed(
    before: RecordingCopy | None, found: FoundRecording, *, recorded: bool, now: datetime
) -> RecordingCopy | None:
    """Return the copy of a recording as its server tells it now; None: there was none, and none is
    wanted. Files whose content is known are not copied again.

    `recorded`: whether the class is to be recorded.
    """
    if found.gone_at is not None:
        return before and entered(before, CopyState.GONE, now)
    known = {_content(each.source): each for each in before.files} if before else {}
    files = (known.get(_content(each), FileCopy(each)) for each in wanted_files(found.files))
    copy = RecordingCopy(
        id=found.id,
        session_id=found.session_id,
        start=found.start,
        end=found.end,
        stretches=found.stretches,
        files=tuple(files),
        attached_item_id=before.attached_item_id if before else "",
        since=now,
    )
    return copy if recorded else refused(copy, NOT_RECORDED, now)


def entered(copy: RecordingCopy, state: CopyState, now: datetime) -> RecordingCopy:
    """Return a copy that has come into a state."""
    return replace(copy, state=state, reason="", since=now)


def refused(copy: RecordingCopy, reason: str, now: datetime) -> RecordingCopy:
    """Return a copy that becomes no part of its session's recording, for a reason."""
    return replace(copy, state=CopyState.REFUSED, reason=reason, since=now)


def attached(copy: RecordingCopy, now: datetime) -> RecordingCopy:
    """Return a copy that was made a part of its session's recording."""
    return entered(replace(copy, attached_item_id=copy.item_id), CopyState.ATTACHED, now)


def taken_away(copy: RecordingCopy) -> RecordingCopy:
    """Return a copy whose part was withdrawn because its server has it no more: if the server has
    it again, it becomes a part again.
    """
    return replace(copy, attached_item_id="")


def with_file(copy: RecordingCopy, place: int, file: FileCopy) -> RecordingCopy:
    """Return a copy with one of its files changed."""
    return replace(copy, files=(*copy.files[:place], file, *copy.files[place + 1 :]))


@dataclass(frozen=True, slots=True)
class Verdict:
    """What the library says of a copy's files."""

    is_known: bool
    """Whether it has looked at all of them."""
    copy: RecordingCopy = field(repr=False)
    """The copy, whose refused files tell why."""


def judged(copy: RecordingCopy, items: Mapping[str, Item]) -> Verdict:
    """Return what the library says of a copy's files. `items`: those that it has told of, by id."""
    copied = [each for each in copy.files if each.is_copied and not each.refused]
    known = all(_is_decided(items.get(each.item_id)) for each in copied)
    return Verdict(known, replace(copy, files=tuple(_judged(each, items) for each in copy.files)))


def tried_again(copy: RecordingCopy, now: datetime) -> RecordingCopy | None:
    """Return a copy whose refused files are copied once more: a server may have sent half of one
    as if it were all. None: all were tried twice, or were refused by the server.
    """
    again = [each.refused and each.is_copied and not each.is_second_try for each in copy.files]
    if not any(again):
        return None
    files = (
        FileCopy(each.source, is_second_try=True) if fresh else each
        for each, fresh in zip(copy.files, again, strict=True)
    )
    return entered(replace(copy, files=tuple(files)), CopyState.WANTED, now)


def obstacle(copy: RecordingCopy, part_ids: Sequence[str], started_at: datetime | None) -> str:
    """Return why a copy can't be a part of its session's recording; empty: it can.

    `part_ids`: the parts there are; `started_at`: when the class really began; None: it did not.
    """
    if copy.main is None:
        return NOTHING_TO_PLAY
    if copy.main.refused:
        return copy.main.refused
    # What somebody took back, nobody is to see: nothing comes in its place.
    if copy.attached_item_id and copy.attached_item_id not in part_ids:
        return TAKEN_BACK
    if len(copy.stretches) > MOST_STRETCHES:
        return TOO_MANY_PAUSES
    return "" if started_at else NOT_BEGUN


def attaching(copy: RecordingCopy, started_at: datetime) -> AttachRecording:
    """Return the command that makes a copy, which has something to play, a part of its session's
    recording, in the place of what it was before. Texts that were refused are left out.

    `started_at`: when the class really began.
    """
    texts = [each for each in copy.texts if not each.refused]
    replaces = copy.attached_item_id if copy.attached_item_id != copy.item_id else ""
    return AttachRecording(
        session_id=copy.session_id,
        item_id=copy.item_id,
        further_part=not replaces,
        replaces_item_id=replaces,
        stretches=_class_times(copy, started_at),
        transcript_item_id=next((each.item_id for each in texts if _is_transcript(each)), ""),
        captions=tuple(
            Captions(each.item_id, language_of(each.source))
            for each in texts
            if not _is_transcript(each)
        ),
    )


def language_of(file: RecordedFile) -> str:
    """Return a file's language tag (BCP 47), `und` if its server tells none or a malformed one."""
    tag = file.language.replace("_", "-")
    return tag if _TAG.fullmatch(tag) else UNKNOWN_LANGUAGE


def _class_times(copy: RecordingCopy, started_at: datetime) -> tuple[RecordedStretch, ...]:
    whole = (Stretch(start=copy.start, end=copy.end),)
    return tuple(
        RecordedStretch(each.start - started_at, each.end - each.start)
        for each in copy.stretches or whole
    )


def _judged(file: FileCopy, items: Mapping[str, Item]) -> FileCopy:
    item = items.get(file.item_id)
    return replace(file, refused=item.failure) if item and item.failure else file


def _is_decided(item: Item | None) -> bool:
    return item is not None and (item.available or bool(item.failure))


def _content(file: RecordedFile) -> tuple[object, ...]:
    """Return what differs where a file's content does."""
    return file.kind, file.url, file.language, file.size, file.version


def _is_transcript(file: FileCopy) -> bool:
    return file.source.kind is FileKind.TRANSCRIPT
