"""Copies of meeting servers' recordings: they follow what servers tell, and become recordings."""

from collections.abc import Collection, Iterable
from dataclasses import replace

from chassis.errors import DomainError
from services.sessions.domain.provider_recordings import FoundRecording
from services.sessions.domain.recorded_parts import AttachRecording, parts_of
from services.sessions.domain.recording_copies import (
    DELETED,
    CopyState,
    RecordingCopy,
    attached,
    attaching,
    entered,
    followed,
    judged,
    obstacle,
    refused,
    taken_away,
    tried_again,
    with_file,
)
from services.sessions.domain.roster import Item, kept_violations
from services.sessions.domain.session import Session
from services.sessions.ports import Store
from services.sessions.usecases import lookup
from services.sessions.usecases.recordings import (
    WithdrawRecording,
    attach_recording,
    withdraw_recording,
)


class CopyChanged(Exception):
    """What is to be copied has changed while somebody worked on it."""


def follow(store: Store, session: Session, told: Iterable[FoundRecording]) -> None:
    """Make copies follow recordings of a session that are new, changed or gone."""
    for found in told:
        store.lock(_lock(found.id))
        before = store.recording_copy(found.id)
        copy = followed(before, found, recorded=session.recorded, now=store.now)
        if copy is None:
            continue
        if copy.state is CopyState.WANTED:
            store.give_copy(copy)
        elif copy.state is CopyState.GONE:
            store.put_copy(_withdrawn(store, session, copy))
        else:
            _end(store, copy)


def begun(store: Store, copy_id: str, claim: str) -> RecordingCopy | None:
    """Return the copy on which a claim works; None if its run keeps recordings no longer, so that
    nothing is to be copied. Raises CopyChanged.
    """
    copy = _claimed(store, copy_id, claim)
    run = lookup.run_of(store, lookup.session(store, copy.session_id))
    for violation in kept_violations(run, store.now):
        _end(store, refused(copy, str(violation), store.now))
        return None
    return copy


def note_item(store: Store, copy_id: str, claim: str, place: int, item_id: str) -> None:
    """Store which item a file becomes, before the library can tell of it. Raises CopyChanged."""
    copy = _claimed(store, copy_id, claim)
    file = replace(copy.files[place], item_id=item_id)
    store.note_copy(with_file(copy, place, file))


def note_copied(store: Store, copy_id: str, claim: str, place: int, size: int) -> None:
    """Store that the library has a whole file, of `size` bytes. Raises CopyChanged."""
    copy = _claimed(store, copy_id, claim)
    file = replace(copy.files[place], is_copied=True)
    store.note_copy(with_file(copy, place, file))
    store.count_copied(size)


def note_refused(store: Store, copy_id: str, claim: str, place: int, reason: str) -> None:
    """Store why a file can't be copied; the others go on. Raises CopyChanged."""
    copy = _claimed(store, copy_id, claim)
    file = replace(copy.files[place], refused=reason)
    store.note_copy(with_file(copy, place, file))
    store.tell_copy("FILE_REFUSED", copy_id, reason)


def finish_copying(store: Store, copy_id: str, claim: str) -> None:
    """Store that nothing more is to be copied, and attach what the library has opened already.
    Raises CopyChanged.
    """
    store.lock(_lock(copy_id))
    _settle(store, entered(_claimed(store, copy_id, claim), CopyState.COPIED, store.now))


def items_told(store: Store, item_ids: Collection[str]) -> None:
    """Attach the copies of which the library told the last of their items."""
    for copy_id in store.copies_with(item_ids):
        # Of this and the end of copying, one starts again and sees the other.
        store.lock(_lock(copy_id))
        copy = store.recording_copy(copy_id)
        if copy is not None and copy.state is CopyState.COPIED:
            _settle(store, copy)


def _settle(store: Store, copy: RecordingCopy) -> None:
    """Attach a copy, or refuse it, once the library has looked at all of its files."""
    items = store.replicas(Item, [each.item_id for each in copy.files if each.item_id])
    verdict = judged(copy, items)
    if not verdict.is_known:
        store.put_copy(copy)
    elif again := tried_again(verdict.copy, store.now):
        store.give_copy(again)
    else:
        _attach(store, verdict.copy)


def _attach(store: Store, copy: RecordingCopy) -> None:
    """Make a copy a part of its session's recording, unless something speaks against it."""
    session = lookup.session(store, copy.session_id)
    began, parts = session.started_at, _part_ids(store, session)
    reason = obstacle(copy, parts, began) or _refusal(store, attaching(copy, began or copy.start))
    if reason:
        _end(store, refused(copy, reason, store.now))
        return
    store.put_copy(attached(copy, store.now))
    store.tell_copy("ATTACHED", copy.id)


def _refusal(store: Store, command: AttachRecording) -> str:
    """Attach a part; return why it can't be attached, empty if it was."""
    try:
        attach_recording(store, command)
    except DomainError as error:
        return str(error)
    return ""


def _withdrawn(store: Store, session: Session, copy: RecordingCopy) -> RecordingCopy:
    """Return a copy whose recording is gone, after its part was withdrawn."""
    if copy.attached_item_id not in _part_ids(store, session):
        return copy
    command = WithdrawRecording(session.id, copy.attached_item_id, DELETED)
    withdraw_recording(store, command, staff_id="")
    store.tell_copy("WITHDRAWN", copy.id)
    return taken_away(copy)


def _end(store: Store, copy: RecordingCopy) -> None:
    """Store that a recording is not copied or not attached, and tell it."""
    store.put_copy(copy)
    store.tell_copy(copy.state, copy.id, copy.reason)


def _claimed(store: Store, copy_id: str, claim: str) -> RecordingCopy:
    found = store.claimed_copy(copy_id, claim)
    if found is None:
        raise CopyChanged(copy_id)
    return found


def _part_ids(store: Store, session: Session) -> list[str]:
    return [each.item_id for each in parts_of(session, store.recording_of(session.id))]


def _lock(copy_id: str) -> str:
    return f"recording_copy:{copy_id}"
