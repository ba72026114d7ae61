"""Applying final attendance: absences become catch-ups."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import datetime

from services.progress.domain.enums import AttendanceStatus, Stretch
from services.progress.domain.evidence import item_target
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import Attendance, attended, seen
from services.progress.domain.sessions import SessionUpdate
from services.progress.ports import Store
from services.progress.usecases.plans import learn_sessions
from services.progress.usecases.reviews import LearnerUpdate, review


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
            recorded = Attendance(news.verdict, news.sequence, news.amended, news.waited, stretches)
            run_state = attended(run_state, news.session_id, recorded)
        if news.seen_at is not None:
            run_state = seen(run_state, news.seen_at)
        return replace(learner, run_state=run_state)

    return LearnerUpdate((news.run_id, news.learner_id), now, change, targets, news.session_id)
