"""Online meetings: they follow their sessions' plans, and are made and ended step by step."""

from collections.abc import Iterable, Mapping, Sequence

from services.sessions.domain.enums import Interval, SessionState
from services.sessions.domain.events import about
from services.sessions.domain.hosting import (
    HOSTS,
    NOT_TRIED,
    OVERRUN,
    PLACE_AGAIN,
    REFUSED_AGAIN,
    Meeting,
    MeetingState,
    after_end,
    away,
    due_at,
    failed,
    followed,
    is_hosted,
    looked,
    made,
    placed,
    runs_over,
    told,
)
from services.sessions.domain.meeting_events import MeetingFailed, MeetingMade
from services.sessions.domain.meeting_pool import ServerRoom, booking_of, server_for
from services.sessions.domain.meetings import ProviderMeeting, ProviderRecording
from services.sessions.domain.online import online_need
from services.sessions.domain.provider_recordings import compared, found_recording
from services.sessions.domain.session import Session
from services.sessions.domain.skew import Skew
from services.sessions.ports import Store
from services.sessions.usecases import lookup, recording_copies


class PlanChanged(Exception):
    """The plan of a meeting has changed while somebody worked on it."""


def follow(store: Store, sessions: Iterable[Session]) -> None:
    """Make meetings follow sessions whose plans or states have changed."""
    hosted = {each.id: each for each in sessions if is_hosted(each)}
    before = {each.id: each for each in store.meetings(hosted)}
    after = {id_: followed(before.get(id_), session, store.now) for id_, session in hosted.items()}
    changed = [each for id_, each in after.items() if each and each != before.get(id_)]
    store.put_meetings(changed)
    store.drop_meetings([id_ for id_ in before if after[id_] is None])
    for each in changed:
        if each.former is not None:
            store.drop_links(each.id)


# The steps; `begin` gives one to the processes that do it


def begin(store: Store, session_id: str) -> None:
    """Give the next step of a meeting to the processes that do it."""
    meeting = store.meeting(session_id)
    if meeting is not None:
        store.give_meeting(due_at(meeting, None))


def claimed(store: Store, session_id: str, claim: str) -> Meeting:
    """Return a meeting on which a claim works. Raises PlanChanged."""
    found = store.claimed_meeting(session_id, claim)
    if found is None:
        raise PlanChanged(session_id)
    return found


def place(store: Store, session_id: str, claim: str, servers: Sequence[ServerRoom]) -> bool:
    """Keep room for a meeting on a server, which is then asked to make it; return whether one has
    room. If none has, its staff is told, and it is tried again. Raises PlanChanged.
    """
    meeting, session = claimed(store, session_id, claim), lookup.session(store, session_id)
    if store.now >= meeting.end_time:
        store.put_meetings([due_at(meeting, None)])
        return False
    # Of two that look for room at once, one starts again and sees what the other took.
    store.lock("meetings:pool")
    time = Interval(meeting.start_time, meeting.end_time)
    taken = [booking_of(each) for each in store.placed_meetings(time) if each.id != session_id]
    need = online_need(session, store.audiences([session.run_id])) + HOSTS
    server = server_for(servers, taken, time, need, meeting.avoided)
    if server is not None:
        store.give_meeting(placed(meeting, server, need))
        return True
    why = f"no meeting server has room for {need} people at that time"
    _fail(store, session, failed(meeting, why, store.now + PLACE_AGAIN), "FULL")
    return False


def finish_making(
    store: Store, session_id: str, claim: str, found: ProviderMeeting, skew: Skew | None
) -> None:
    """Store that a meeting was made, and tell it. Raises PlanChanged."""
    before, session = claimed(store, session_id, claim), lookup.session(store, session_id)
    meeting = made(before, found, skew)
    store.put_meetings([meeting])
    store.count_meeting("MADE")
    happened = about(session, MeetingMade, made_at=store.now, after_failure=before.told)
    store.record_event(happened)


def note_away(store: Store, session_id: str, claim: str, reason: str) -> None:
    """Store that the server of a meeting is away, so that another one is looked for. Raises
    PlanChanged.
    """
    meeting = away(claimed(store, session_id, claim), reason, store.now)
    store.give_meeting(meeting)
    store.count_meeting("AWAY")


def note_refused(store: Store, session_id: str, claim: str, reason: str) -> None:
    """Store that a provider refused to make a meeting, and tell it; it is tried again later. Raises
    PlanChanged.
    """
    meeting = claimed(store, session_id, claim)
    again = store.now + REFUSED_AGAIN
    _fail(store, lookup.session(store, session_id), failed(meeting, reason, again), "REFUSED")


def is_to_end(store: Store, session_id: str, claim: str) -> bool:
    """Return whether a meeting is to be ended now; if its class goes on, it is looked at again
    later. Raises PlanChanged.
    """
    meeting = claimed(store, session_id, claim)
    if meeting.former is not None or not runs_over(lookup.session(store, session_id)):
        return True
    store.put_meetings([due_at(meeting, store.now + OVERRUN)])
    return False


def finish_ending(store: Store, session_id: str, claim: str) -> None:
    """Store that a meeting was ended. Raises PlanChanged."""
    meeting = claimed(store, session_id, claim)
    store.put_meetings([after_end(meeting, lookup.session(store, session_id), store.now)])
    store.count_meeting("ENDED")


def finish_looking(
    store: Store, session_id: str, claim: str, told: Mapping[str, Sequence[ProviderRecording]]
) -> None:
    """Store which recordings each server that answered has of a meeting now, for those who copy
    them. Raises PlanChanged.
    """
    meeting = claimed(store, session_id, claim)
    marks = store.recorder_marks(session_id)
    there = [
        found_recording(meeting, server, each, marks, store.now)
        for server, recordings in told.items()
        for each in recordings
    ]
    before = [each for each in store.found_recordings(session_id) if each.server in told]
    changed = compared(before, there, store.now)
    store.put_found_recordings(changed)
    recording_copies.follow(store, lookup.session(store, session_id), changed)
    store.put_meetings([looked(meeting, store.now)])


def tell_unmade(store: Store, session_id: str) -> None:
    """Tell of a meeting that its class is near and it is not there, unless it was told."""
    meeting = store.meeting(session_id)
    if meeting is None or meeting.told or meeting.state is MeetingState.MADE:
        return
    session = lookup.session(store, session_id)
    if session.state not in (SessionState.SCHEDULED, SessionState.LIVE):
        return
    store.note_meeting(told(meeting))
    store.count_meeting("LATE")
    _tell(store, session, meeting.reason or NOT_TRIED)


def _fail(store: Store, session: Session, meeting: Meeting, outcome: str) -> None:
    """Store that a meeting could not be made; tell it once."""
    store.put_meetings([told(meeting)])
    store.count_meeting(outcome)
    if not meeting.told:
        _tell(store, session, meeting.reason)


def _tell(store: Store, session: Session, reason: str) -> None:
    store.record_event(about(session, MeetingFailed, failed_at=store.now, reason=reason))
