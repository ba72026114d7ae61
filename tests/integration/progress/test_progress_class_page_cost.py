"""What a page costs the database: index keys and documents that it reads, however large the run."""

from collections.abc import Iterator
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from itertools import product

import pytest

from chassis.contracts.mapping import to_document
from chassis.data.pages import Page
from chassis.data.store import Database
from services.progress.domain.class_page import Column, ProgressFilter, Selection, listing
from services.progress.domain.enums import AttendanceMode, EnrolmentState
from services.progress.domain.learner_run_state import Counts, LearnerRunState
from services.progress.domain.path import Policy, Run
from services.progress.domain.plan_history import PlanHistory
from services.progress.queries_class_page import run_progress
from services.progress.store import ProgressStore

RUN, LEARNERS, SIZE = "run-1", 2_000, 50
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
# Of a page, of each bucket that is merged, and a few of the last day.
MOST_KEYS, MOST_DOCUMENTS = 400, 120
FILTERS = [
    ProgressFilter(),
    ProgressFilter(mode=AttendanceMode.CLASSROOM),
    ProgressFilter(group_id="group-3"),
    ProgressFilter(overdue=1),
    ProgressFilter(overdue=19),
    ProgressFilter(open_catch_ups=True),
    ProgressFilter(not_seen_since=NOW - timedelta(days=14)),
    ProgressFilter(not_seen_since=NOW - timedelta(days=38)),
    ProgressFilter(path_completed=True),
    ProgressFilter(path_completed=False),
    ProgressFilter(behind=True),
]
COLUMNS = (Column.LEARNER_ID, Column.COMPLETED, Column.OVERDUE, Column.LAST_SEEN)


def learners() -> Iterator[LearnerRunState]:
    """Learners of whom those with the greater number have done more, and were seen later: what a
    filter lets in is at one end of each list.
    """
    for number in range(LEARNERS):
        done = number * 21 // LEARNERS
        one = LearnerRunState(
            RUN,
            f"l{number:04}",
            state=EnrolmentState.ENROLLED,
            enrolled_at=NOW - timedelta(days=50),
            mode=AttendanceMode.CLASSROOM if number < 60 else AttendanceMode.ONLINE,
            group_ids=(f"group-{number // 25}",),
            counted=Counts(1, int(done == 20), done, int(number < 60), 0, 0),
            overdue=20 - done,
            behind_since=NOW - timedelta(days=number) if number < 60 else None,
            last_seen_at=NOW - timedelta(days=40 * (1 - number / LEARNERS)),
        )
        yield replace(one, listing=listing(one, None))


@pytest.fixture
def profiled(progress_database: Database[ProgressStore]) -> Iterator[Database[ProgressStore]]:
    """A run whose queries MongoDB notes."""
    rows = [
        to_document(each) | {"_id": {"run_id": RUN, "learner_id": each.learner_id}}
        for each in learners()
    ]
    progress_database.mongo["standings"].insert_many(rows)
    # Its usual megabyte is too small for all of them.
    progress_database.mongo.create_collection("system.profile", capped=True, size=2**24)
    progress_database.mongo.command("profile", 2)
    yield progress_database
    progress_database.mongo.command("profile", 0)


def test_no_list_reads_more_than_its_page(profiled: Database[ProgressStore]) -> None:
    """By each column, up and down, with each filter, the first page and the next read a few hundred
    index keys and no more documents than they show and a few; nothing is sorted in memory.
    """
    store = profiled.reader()
    for wanted, column, descending in product(FILTERS, COLUMNS, (False, True)):
        selection = Selection(RUN, column, descending, wanted)
        _, token = store.run_states_page(selection, Page(SIZE))
        if token:
            store.run_states_page(selection, Page(SIZE, token))
    noted = list(profiled.mongo["system.profile"].find({"ns": {"$regex": "standings$"}}))
    assert len(noted) > len(FILTERS) * len(COLUMNS) * 2
    for each in noted:
        told = each["command"].get("filter"), each["command"].get("sort")
        assert not each.get("hasSortStage"), told
        assert each["keysExamined"] <= MOST_KEYS, told
        assert each["docsExamined"] <= MOST_DOCUMENTS, told


def test_a_page_asks_the_database_four_times(profiled: Database[ProgressStore]) -> None:
    """However many learners it shows, a page with the run at a glance needs one query for the
    version of the plan, one or two for the learners, and one for the counts; none of them leaves a
    cursor open.
    """
    store = profiled.reader()
    store.put_replicas([Run(RUN, "A run", "UTC", Policy(), 1)])
    store.put_plan_histories([PlanHistory(RUN, 1)])
    selection = Selection(RUN, Column.COMPLETED)
    token = run_progress(store, selection, Page(500)).next_page_token  # it builds the plan, too
    profiled.mongo.command("profile", 0)
    profiled.mongo.drop_collection("system.profile")
    profiled.mongo.create_collection("system.profile", capped=True, size=2**20)
    profiled.mongo.command("profile", 2)
    assert len(run_progress(store, selection, Page(500, token)).learners) == 500
    noted = list(profiled.mongo["system.profile"].find({"op": {"$in": ["query", "getmore"]}}))
    asked = [each["ns"].rpartition(".")[2] for each in noted]
    assert asked == ["plans", "standings", "standings", "summaries"]
    assert not [each for each in noted if "cursorid" in each]
