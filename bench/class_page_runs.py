"""Two runs for the class page, in one database: 10,000 learners, and 100,000.

The learners of the small run are put in by the reviews of the service. Those of the large run are
ten times the same ones with ids and groups of their own, listed by the service's rules and stored
by its store, without reviews. The indexes of the class page are built after that.
"""

import os
import random
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from functools import partial

from pymongo.errors import PyMongoError

from bench import rig
from chassis import roles
from chassis.data.store import Database, connect
from chassis.operations.settings import load
from services.progress.domain.class_page import listing
from services.progress.domain.enums import (
    ActivityKind,
    AttendanceMode,
    AttendanceStatus,
    EnrolmentState,
    ItemKind,
    SessionState,
)
from services.progress.domain.learner import Learner
from services.progress.domain.learner_run_state import (
    Attendance,
    EnrolmentUpdate,
    LearnerRunState,
    merge,
)
from services.progress.domain.path import Activity, Path, Policy, Run, TimeRule
from services.progress.domain.plan import Plan
from services.progress.domain.sessions import Item, Session
from services.progress.migrations import MIGRATIONS
from services.progress.settings import Settings
from services.progress.store import ProgressStore
from services.progress.usecases.plans import learn_items, learn_paths, learn_runs
from services.progress.usecases.reviews import LearnerUpdate, review, save

SMALL, TIMES = int(os.environ.get("BENCH_LEARNERS", "10000")), 10
SIZES = {"small": SMALL, "large": SMALL * TIMES}
"""The learners of each run, by its id."""
FILM, ACTIVITIES, WEEKS = "film", 30, 12
CHUNK, TRIES, PAUSE = 200, 10, 1.0
INDEXES = 20
"""The migration that makes the indexes of the class page."""
DATABASE = "bench_class_page"
SETTINGS = {"TANDEM_MONGO_DATABASE": DATABASE}
NOW = datetime.now(UTC).replace(microsecond=0)


def begin() -> tuple[Database[ProgressStore], dict[str, float]]:
    """Fill an empty database; return it, and the learners a second that were put into each run."""
    settings = {**rig.environment(), **SETTINGS}
    with connect(settings["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
    roles.migrate(load(Settings, settings, "migrate"), "progress", ProgressStore)
    database = roles.open_database(load(Settings, settings, "worker"), "progress", ProgressStore)
    for name in database.mongo["standings"].index_information():
        if name.startswith("class_page_"):
            database.mongo["standings"].drop_index(name)
    database.transact(_open)
    fillers = {"small": _review_all, "large": _copy_all}
    rates = {run: SIZES[run] / _seconds(partial(fill, database)) for run, fill in fillers.items()}
    (step,) = (each for each in MIGRATIONS if each.number == INDEXES)
    step.run(database.mongo)
    return database, rates


def _seconds(work: Callable[[], object]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _surely(database: Database[ProgressStore], work: Callable[[ProgressStore], object]) -> None:
    """Do a unit of work, again if the database gave it up: on a busy machine a transaction may take
    too long.
    """
    for left in reversed(range(TRIES)):
        try:
            database.transact(work)
            return
        except PyMongoError:
            if not left:
                raise
            time.sleep(PAUSE)


def _open(store: ProgressStore) -> None:
    """Runs whose dues are spread over twelve weeks, half of which are past, and a class in each."""
    steps = [
        Activity(
            f"step-{number:02}",
            "A step",
            ActivityKind.TASK,
            deadline=TimeRule(fixed=NOW + timedelta(weeks=WEEKS * (number / ACTIVITIES - 0.5))),
        )
        for number in range(ACTIVITIES)
    ]
    learn_runs(store, [Run(run, "A run", "UTC", Policy(), 1) for run in SIZES])
    learn_paths(store, [Path(run, 1, tuple(steps), 1) for run in SIZES])
    learn_items(store, [Item(FILM, ItemKind.VIDEO, 3600.0, True, 1)])
    store.put_sessions([_class(run) for run in SIZES])


def _class(run: str) -> Session:
    ended = NOW - timedelta(hours=2)
    return Session(
        _class_id(run),
        run,
        "",
        "A class",
        start_time=ended - timedelta(hours=1),
        end_time=ended,
        state=SessionState.ENDED,
        ended_at=ended,
        recorded=True,
        recording_item_id=FILM,
    )


def _class_id(run: str) -> str:
    return f"class-{run}"


def _review_all(database: Database[ProgressStore]) -> None:
    dice = random.Random(1)
    for first in range(0, SMALL, CHUNK):
        updates = [_update(number, dice) for number in range(first, first + CHUNK)]
        _surely(database, partial(_reviewed, updates=updates))


def _reviewed(store: ProgressStore, updates: Sequence[LearnerUpdate]) -> None:
    """Review learners; their events are left out."""
    store.record_event = lambda *_: None  # type: ignore[method-assign]
    review(store, updates)


def _update(number: int, dice: random.Random) -> LearnerUpdate:
    """A learner: who is diligent has completed much, and was here lately."""
    learner_id, diligence = f"learner-{number:06}", dice.random()
    enrolled_at = NOW - timedelta(weeks=WEEKS / 2, seconds=dice.randrange(10**6))
    update = EnrolmentUpdate(
        "small",
        learner_id,
        f"e-{number}",
        1,
        EnrolmentState.ENROLLED,
        enrolled_at,
        dice.choice(list(AttendanceMode)),
        (f"group-{number // 25}",),
    )
    steps = min(ACTIVITIES, int(diligence * ACTIVITIES * 1.1))
    completed = {f"step-{step:02}": NOW - timedelta(days=1) for step in range(steps)}
    seen = NOW - timedelta(days=40 * (1 - diligence) * dice.random())
    is_absent = dice.random() < 0.2
    absent = {_class_id("small"): Attendance(AttendanceStatus.ABSENT, 1)} if is_absent else {}
    scores = {step: dice.random() for step in list(completed)[:5]}

    def change(learner: Learner) -> Learner:
        run_state = replace(
            merge(learner.run_state, update),
            completed=completed,
            last_seen_at=seen,
            attendance=absent,
            scores=scores,
        )
        return replace(learner, run_state=run_state)

    return LearnerUpdate(("small", learner_id), NOW, change, targets=None)


def _copy_all(database: Database[ProgressStore]) -> None:
    plan = database.reader().plans(["large"])["large"]
    for some in _learners(database):
        for turn in range(TIMES):
            copies = [_copy(each, turn, plan) for each in some]
            _surely(database, partial(_saved, learners=copies))


def _learners(database: Database[ProgressStore]) -> Iterator[list[LearnerRunState]]:
    """Yield the run states of the small run's learners."""
    for first in range(0, SMALL, CHUNK):
        keys = [("small", f"learner-{number:06}") for number in range(first, first + CHUNK)]
        yield list(database.reader().run_states(keys).values())


def _copy(one: LearnerRunState, turn: int, plan: Plan) -> Learner:
    """Another learner, in the large run, who did the same."""
    copy = replace(
        one,
        run_id="large",
        learner_id=f"{one.learner_id}-{turn}",
        enrolment_id=f"{one.enrolment_id}-{turn}",
        group_ids=tuple(f"{each}-{turn}" for each in one.group_ids),
        attendance={_class_id("large"): each for each in one.attendance.values()},
    )
    return Learner(replace(copy, listing=listing(copy, plan)), {}, {})


def _saved(store: ProgressStore, learners: Sequence[Learner]) -> None:
    after = {each.run_state.key: each for each in learners}
    save(store, {key: Learner(LearnerRunState(*key), {}, {}) for key in after}, after)
