"""Applying final attendance: absences become catch-ups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.enums import AttendanceStatus, Stretch
from services.progress.domain.evidence import item_target
from services.progress.domain.learner import Learner, TakenBack
from services.progress.domain.learner_run_state import Attendance, attended, seen
from services.progress.domain.sessions import SessionUpdate
from services.progress.ports import Store
from services.progress.usecases.plans import learn_sessions
from services.progress.usecases.reviews import LearnerUpdate, review

_MISSED = frozenset({AttendanceStatus.ABSENT, AttendanceStatus.PARTIAL, None})


@dataclass(frozen=True, slots=True)
class AttendanceUpdate:
    """One learner's attendance in a session, of an event."""

    run_id: str
    session_id: str
    learner_id: str
    verdict: AttendanceStatus | None
    """None in an amended row: the attendance was withdrawn; in a final row: it is unknown."""
    sequence: int
    amended: bool = False
    waited: bool = False
    """Whether the learner only waited for a seat."""
    attended: tuple[Stretch, ...] = ()
    """When a learner was there who was there for a part, in seconds from the real start."""
    seen_at: datetime | None = None
    """When the learner was there, if the event says so."""


def learn_attendance(
    store: Store, sessions: Sequence[SessionUpdate], news: Iterable[AttendanceUpdate]
) -> None:
    """Store attendance, and what its events say about the sessions."""
    learn_sessions(store, sessions)
    known = store.sessions({each.session_id for each in sessions})
    targets = {key: frozenset(map(item_target, one.mentions)) for key, one in known.items()}
    review(store, [_news(each, store.now, targets[each.session_id]) for each in news])


def _news(news: AttendanceUpdate, now: datetime, targets: frozenset[str]) -> LearnerUpdate:
    def change(learner: Learner) -> Learner:
        run_state = learner.run_state
        if news.verdict is not None or news.amended or news.waited:
            stretches = tuple((each.start, each.end) for each in news.attended)
            waited = news.waited or _still_waited(news, learner)
            recorded = Attendance(news.verdict, news.sequence, news.amended, waited, stretches)
            run_state = attended(run_state, news.session_id, recorded)
        if news.seen_at is not None:
            run_state = seen(run_state, news.seen_at)
        after = replace(learner, run_state=run_state)
        if _is_taken_back(learner, after, news.session_id):
            return replace(after, taken_back=TakenBack(learner))
        return after

    # Whether something is taken back shows when the learner is loaded; then all evidence counts.
    wanted = None if news.amended and news.verdict in _MISSED else targets
    return LearnerUpdate((news.run_id, news.learner_id), now, change, wanted, news.session_id)


def _still_waited(news: AttendanceUpdate, learner: Learner) -> bool:
    """Return whether the learner only waited for a seat, and that is still so: only what is studied
    instead has changed.
    """
    known = learner.run_state.attendance.get(news.session_id)
    is_studied = news.verdict in (AttendanceStatus.CAUGHT_UP, None)
    return known is not None and known.waited and is_studied


def _is_taken_back(before: Learner, after: Learner, session_id: str) -> bool:
    """Return whether a learner had caught up on a class, and has not after all: no staff does that,
    but what had proven it counts no more.
    """
    was = before.run_state.attendance.get(session_id)
    now = after.run_state.attendance.get(session_id)
    had_caught_up = was is not None and was.verdict is AttendanceStatus.CAUGHT_UP
    return had_caught_up and now is not None and now.verdict in _MISSED
