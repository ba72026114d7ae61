"""Applying final attendance: absences become catch-ups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.enums import AttendanceStatus, Key, Stretch
from services.progress.domain.evidence import item_target
from services.progress.domain.learner import Learner, TakenBack
from services.progress.domain.learner_run_state import Attendance, LearnerRunState, attended, seen
from services.progress.domain.sessions import SessionUpdate
from services.progress.domain.statements import Stored
from services.progress.ports import Store
from services.progress.ports_rebuilds import RebuildsStore
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

    @property
    def key(self) -> Key:
        """Return the learner in the run."""
        return self.run_id, self.learner_id


def learn_attendance(
    store: RebuildsStore, sessions: Sequence[SessionUpdate], news: Iterable[AttendanceUpdate]
) -> None:
    """Store attendance, and what its events say about the sessions."""
    learn_sessions(store, sessions)
    known = store.sessions({each.session_id for each in sessions})
    targets = {key: frozenset(map(item_target, one.mentions)) for key, one in known.items()}
    news = list(news)
    statements = store.statements_of(_had_caught_up(store, news))
    updates = [
        _news(each, store.now, targets[each.session_id], statements.get(each.key, ()))
        for each in news
    ]
    review(store, updates)


def _had_caught_up(store: Store, news: Iterable[AttendanceUpdate]) -> set[Key]:
    """Return the learners who had caught up on a class, and maybe have not after all."""
    missed = [each for each in news if each.amended and each.verdict in _MISSED]
    known = store.run_states({each.key for each in missed})
    return {
        each.key
        for each in missed
        if each.key in known and _is_caught_up(known[each.key], each.session_id)
    }


def _news(
    news: AttendanceUpdate, now: datetime, targets: frozenset[str], statements: Sequence[Stored]
) -> LearnerUpdate:
    """`statements`: all of a learner who had caught up and has not after all."""

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
            return replace(after, taken_back=TakenBack(learner, statements))
        return after

    # Whether something is taken back shows when the learner is loaded; then all evidence counts.
    wanted = None if news.amended and news.verdict in _MISSED else targets
    return LearnerUpdate(news.key, now, change, wanted, news.session_id)


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
    now = after.run_state.attendance.get(session_id)
    is_missed = now is not None and now.verdict in _MISSED
    return is_missed and _is_caught_up(before.run_state, session_id)


def _is_caught_up(run_state: LearnerRunState, session_id: str) -> bool:
    known = run_state.attendance.get(session_id)
    return known is not None and known.verdict is AttendanceStatus.CAUGHT_UP
