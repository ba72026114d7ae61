"""Attaching and withdrawing recorded parts, setting chapters, and keeping raised hands."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace

from chassis.errors import FieldViolation, check, check_state
from services.sessions.domain import former_parts
from services.sessions.domain.enums import SessionState
from services.sessions.domain.events import about
from services.sessions.domain.recorded_parts import (
    AttachRecording,
    Chapter,
    RecordedPart,
    SessionRecording,
    chapter_violations,
    chapters_in_order,
    part_violations,
    parts_of,
    place_violations,
    placed,
    taken,
    with_parts,
    withdrawn_violations,
    without,
)
from services.sessions.domain.recording_events import RecordingAttached, RecordingWithdrawn
from services.sessions.domain.recording_line import hands_by_minute
from services.sessions.domain.roster import Item, failed_violations, kept_violations
from services.sessions.domain.session import Session, state_violations
from services.sessions.ports import Store
from services.sessions.usecases.lookup import lock_session, run_of

EXPIRED = "the run keeps its recordings no longer"


@dataclass(frozen=True, slots=True)
class WithdrawRecording:
    """Take back a part of a session's recording; `item_id` empty: all parts."""

    session_id: str
    item_id: str
    reason: str


@dataclass(frozen=True, slots=True)
class SetChapters:
    """Set the chapters of a session's recording."""

    session_id: str
    chapters: tuple[Chapter, ...]


def attach_recording(store: Store, command: AttachRecording) -> Session:
    """Attach a recorded part to a LIVE or ENDED session, and return the session.

    It replaces the part that it names, or the only one; one that is attached already is corrected.
    Raises Invalid; NotFound; FailedPrecondition with everything that speaks against it.
    """
    check(part_violations(command))
    session = lock_session(store, command.session_id)
    # Of this and the end of the run's recordings, one starts again and sees the other.
    store.lock(_kept(session.run_id))
    before = _parts(store, session)
    check_state("the recording can't be attached", _obstacles(store, session, before, command))
    parts = placed(before, command)
    if parts == before:
        return session
    after = _put(store, session, former_parts.attached(_stored(store, session), before, parts))
    attached = about(
        after,
        RecordingAttached,
        item_id=after.recording_item_id,
        attached_at=store.now,
        starts_at_offset=after.recording_offset,
        parts=parts,
        replaced_item_ids=taken(before, parts),
    )
    store.record_event(attached)
    return after


def withdraw_recording(store: Store, command: WithdrawRecording, staff_id: str) -> Session:
    """Take back a part of a session's recording, or all of it, and return the session; one without
    a recording stays as it is.

    Raises NotFound; FailedPrecondition if the session has no such part.
    """
    session = lock_session(store, command.session_id)
    wrong = withdrawn_violations(_parts(store, session), command.item_id)
    check_state("the recording can't be withdrawn", wrong)
    return _withdraw(store, session, command, staff_id)


def withdraw_expired(store: Store, run_id: str, most: int) -> bool:
    """Withdraw the recordings of up to `most` sessions of a run that keeps them no longer, and what
    was replaced or withdrawn of them before; return whether there may be more.
    """
    store.lock(_kept(run_id))
    recorded = store.sessions_for_update(store.recorded_sessions(run_id, most))
    for session in recorded:
        _expire(store, session)
    if not recorded:
        store.note_recordings_ended(run_id)
    return bool(recorded)


def set_chapters(store: Store, command: SetChapters) -> tuple[Chapter, ...]:
    """Set the chapters of a session's recording, and return them in order.

    Raises Invalid; NotFound.
    """
    check(chapter_violations(command.chapters))
    session = lock_session(store, command.session_id)
    chapters = chapters_in_order(command.chapters)
    store.put_recording(replace(_stored(store, session), chapters=chapters))
    return chapters


def keep_hands(store: Store, session: Session) -> None:
    """Store how many hands were raised when in a class that has ended: its log is not kept."""
    raised = store.raised_hands(session.id)
    if raised and session.started_at:
        hands = hands_by_minute(raised, session.started_at)
        store.put_recording(replace(_stored(store, session), hands=hands))


def _obstacles(
    store: Store, session: Session, parts: Sequence[RecordedPart], command: AttachRecording
) -> Iterator[FieldViolation]:
    yield from state_violations(session, "given a recording", SessionState.LIVE, SessionState.ENDED)
    yield from kept_violations(run_of(store, session), store.now)
    items = store.replicas(Item, command.part.item_ids)
    yield from failed_violations(items.get(command.item_id))
    yield from failed_violations(items.get(command.transcript_item_id), "transcript_item_id")
    for place, each in enumerate(command.captions):
        yield from failed_violations(items.get(each.item_id), f"captions[{place}].item_id")
    yield from place_violations(parts, command)


def _withdraw(store: Store, session: Session, command: WithdrawRecording, staff_id: str) -> Session:
    before = _parts(store, session)
    parts = without(before, command.item_id)
    if parts == before:
        return session
    after = _put(store, session, former_parts.withdrawn(_stored(store, session), before, parts))
    _tell_withdrawn(store, after, taken(before, parts), command.reason, parts, staff_id)
    return after


def _expire(store: Store, session: Session) -> None:
    before, recording = _parts(store, session), _stored(store, session)
    ended = former_parts.ended(recording, before)
    after = _put(store, session, former_parts.expired(recording, ended))
    _tell_withdrawn(store, after, ended, EXPIRED, expired=True)


def _tell_withdrawn(
    store: Store,
    session: Session,
    item_ids: Sequence[str],
    reason: str,
    left: Sequence[RecordedPart] = (),
    staff_id: str = "",
    *,
    expired: bool = False,
) -> None:
    withdrawn = about(
        session,
        RecordingWithdrawn,
        item_ids=tuple(item_ids),
        reason=reason,
        withdrawn_at=store.now,
        parts=tuple(left),
        expired=expired,
        withdrawn_by=staff_id,
    )
    store.record_event(withdrawn)


def _put(store: Store, session: Session, recording: SessionRecording) -> Session:
    after = with_parts(session, recording.parts)
    store.put_session(after)
    store.put_recording(recording)
    return after


def _parts(store: Store, session: Session) -> tuple[RecordedPart, ...]:
    return parts_of(session, store.recording_of(session.id))


def _stored(store: Store, session: Session) -> SessionRecording:
    found = store.recording_of(session.id)
    return found or SessionRecording(id=session.id, run_id=session.run_id)


def _kept(run_id: str) -> str:
    return f"run_recordings:{run_id}"
