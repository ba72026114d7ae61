"""The same facts about a learner in any order, and what is told of any story."""

from collections.abc import Callable

from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, rule

from services.progress.domain.enums import ActivityKind, AttendanceStatus, SessionState
from services.progress.domain.events import LearnerFellBehind, LearnerRecovered
from services.progress.domain.learner_run_state import is_complete
from services.progress.domain.path import Activity, Path, TimeRule
from services.progress.domain.sessions import SessionUpdate
from services.progress.domain.statements import Recorded
from services.progress.usecases.attendance import AttendanceUpdate, learn_attendance
from services.progress.usecases.enrolments import ExtensionUpdate, learn_extensions
from services.progress.usecases.plans import learn_paths, learn_sessions
from services.progress.usecases.study import study
from tests.unit.progress.examples import (
    ADA,
    COMPLETED,
    DAY,
    HOUR,
    MONDAY,
    POLICY,
    RUN,
    activity,
    said,
)
from tests.unit.progress.test_judgement import LATE, PAUSED, Judged

ABSENT, EXCUSED = AttendanceStatus.ABSENT, AttendanceStatus.EXCUSED
CLASSES = ("s1", "s2", "s3")
DUES = [
    activity(f"task-{day}", deadline=TimeRule(fixed=MONDAY + day * DAY)) for day in (2, 4, 6, 8)
]
PATH = (*DUES, activity("more"), *(activity(f"class-{c}", ActivityKind.SESSION) for c in CLASSES))


def held(session_id: str, sequence: int) -> SessionUpdate:
    """A class that is over."""
    return SessionUpdate(
        session_id,
        RUN,
        sequence,
        activity_id=f"class-{session_id}",
        start_time=MONDAY - HOUR,
        end_time=MONDAY,
        state=SessionState.ENDED,
        ended_at=MONDAY,
        recorded=False,
        material_item_ids=(),
    )


def attend(ada: Judged, session_id: str, verdict: AttendanceStatus, sequence: int) -> None:
    """Ada's attendance of a class, by an event with a sequence."""
    row = AttendanceUpdate(RUN, session_id, ADA, verdict, sequence, amended=True)
    learn_attendance(ada.store, [SessionUpdate(session_id, RUN, 1)], [row])


def facts_of(ada: Judged) -> list[Callable[[], None]]:
    """What may become known of Ada at once, each with its sequence."""
    store = ada.store
    done = [said(COMPLETED, each.id, timestamp=LATE) for each in DUES[:2]]
    seen = said(PAUSED, "more", timestamp=LATE - DAY)
    return [
        lambda: learn_paths(store, [Path(RUN, 1, tuple(DUES[:2]), 1)]),
        lambda: learn_paths(store, [Path(RUN, 2, PATH, 2)]),
        *(lambda each=each: learn_sessions(store, [held(each, 3)]) for each in CLASSES),
        *(lambda each=each: attend(ada, each, ABSENT, 4) for each in CLASSES),
        lambda: attend(ada, "s1", EXCUSED, 5),
        lambda: study(store, [Recorded((done[0],), LATE)]),
        lambda: study(store, [Recorded((done[1],), LATE)]),
        lambda: study(store, [Recorded((seen,), LATE)]),
        lambda: learn_extensions(store, [ExtensionUpdate(RUN, ADA, DUES[2].id, LATE + DAY, 6)]),
        lambda: ada.enrol(),
    ]


@settings(max_examples=60, deadline=None)
@given(st.data(), st.sets(st.integers(0, 13)))
def test_the_same_facts_in_any_order_end_in_the_same_verdict(
    data: st.DataObject, left_out: set[int]
) -> None:
    """With repeats, and with the timers in between: who is behind, why, since when, and that the
    events tell the end.
    """
    ends = []
    for is_in_order in (True, False):
        ada = Judged()
        ada.store.now = LATE
        facts = facts_of(ada)
        order = [each for each in range(len(facts)) if each not in left_out]
        if not is_in_order:
            repeats = data.draw(st.lists(st.sampled_from(order), max_size=3)) if order else []
            order = data.draw(st.permutations([*order, *repeats]))
        for each in order:
            facts[each]()
            if not is_in_order and data.draw(st.booleans()):
                ada.settle()
                ada.judge()
        ada.settle()
        ada.judge()
        ends.append((ada.state.behind_since, ada.state.behind_reasons))
        assert _is_told(ada) is (ada.state.behind_since is not None)
    assert ends[0] == ends[1]


def _is_told(ada: Judged) -> bool:
    """Whether the events tell that Ada is behind: they come in turn, each once for a change."""
    is_behind = False
    for each in ada.store.events:
        if isinstance(each, LearnerFellBehind | LearnerRecovered):
            assert isinstance(each, LearnerFellBehind) is not is_behind
            is_behind = not is_behind
    return is_behind


class Term(RuleBasedStateMachine):
    """Ada's term: she studies, is absent, leaves, comes back, and time goes by."""

    def __init__(self) -> None:
        super().__init__()
        self.ada = Judged(*PATH)
        learn_sessions(self.ada.store, [held(each, self.ada.next()) for each in CLASSES])

    @rule(days=st.integers(1, 12), is_seen=st.booleans())
    def wait(self, days: int, is_seen: bool) -> None:
        """Time goes by, with or without her."""
        self.ada.seen_daily = is_seen and self.ada.state.is_enrolled
        self.ada.wait(days * DAY)

    @rule(each=st.sampled_from(PATH))
    def complete(self, each: Activity) -> None:
        """She hands something in."""
        self.ada.say(said(COMPLETED, each.id, timestamp=self.ada.store.now))

    @rule(each=st.sampled_from(CLASSES), verdict=st.sampled_from(AttendanceStatus))
    def attend(self, each: str, verdict: AttendanceStatus) -> None:
        """A class tells of her."""
        attend(self.ada, each, verdict, self.ada.next())

    @rule(is_in=st.booleans())
    def enrol(self, is_in: bool) -> None:
        """She leaves, or comes back."""
        self.ada.enrol(self.ada.store.now, "ENROLLED" if is_in else "WITHDRAWN")

    @rule(is_closed=st.booleans())
    def close(self, is_closed: bool) -> None:
        """The run is closed, or goes on."""
        self.ada.update_run(closed_at=self.ada.store.now if is_closed else None, policy=POLICY)

    @invariant()
    def is_told_in_turn(self) -> None:
        """Each change once, and the last event tells how it is."""
        assert _is_told(self.ada) is (self.ada.state.behind_since is not None)

    @invariant()
    def is_behind_for_a_reason(self) -> None:
        """Only who has a place, in a run that goes on, with something left to do; each reason has
        reached its limit; the summary counts it.
        """
        state = self.ada.state
        is_behind = state.behind_since is not None
        assert is_behind is bool(state.behind_reasons)
        assert all(each.value >= each.limit for each in state.behind_reasons)
        assert self.ada.store.totals["falling_behind"] == int(is_behind)
        if is_behind:
            assert state.is_enrolled
            assert not is_complete(state, self.ada.plan.required)
            assert self.ada.plan.run.over_since(self.ada.store.now) is None


TestTerm = Term.TestCase
TestTerm.settings = settings(max_examples=25, stateful_step_count=15, deadline=None)
