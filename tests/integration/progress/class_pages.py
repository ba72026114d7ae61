"""A run whose learners are listed, and its lists."""

import random
from collections import Counter
from typing import Any

import grpc
from tandem.catalog.v1 import events_pb2 as catalog
from tandem.catalog.v1 import resources_pb2 as catalog_resources
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from tests.integration.progress.classroom import (
    ABSENT,
    DAY,
    FILM,
    PRESENT,
    RUN,
    Classroom,
    Stub,
    available,
    lecture,
    opened,
    recorded,
    stamp,
    task,
)

LEARNERS = [f"l{number:02}" for number in range(14)]
GROUPS = ("group-a", "group-b")
MODES = [number for number in types_pb2.AttendanceMode.values() if number]
Row = resources_pb2.LearnerProgress
List = progress_pb2.ListRunProgressRequest
INVALID, DENIED = grpc.StatusCode.INVALID_ARGUMENT, grpc.StatusCode.PERMISSION_DENIED


def column(name: str) -> Any:
    """The contract's number of a column."""
    return progress_pb2.ProgressColumn.Value(f"PROGRESS_COLUMN_{name}")


def listed(stub: Stub, request: progress_pb2.ListRunProgressRequest) -> list[Row]:
    """All rows of a list, page by page."""
    rows, token = list[Row](), ""
    while True:
        page = List()
        page.CopyFrom(request)
        page.page_token = token
        answer = stub.ListRunProgress(page)
        rows += answer.learners
        token = answer.next_page_token
        if not token:
            return rows


def begun(classroom: Classroom, dice: random.Random) -> None:
    """A run with dues, groups, and a class that some have missed."""
    now = classroom.clock.now()
    fixed = catalog_resources.TimeRule(fixed=stamp(now + DAY))
    later = catalog_resources.TimeRule()
    later.after_enrolment.seconds = 2 * 86400
    extra = task("extra", optional=True, deadline=fixed)
    classroom.open(
        task(deadline=fixed), task("lab", deadline=later), lecture(), extra, learners=LEARNERS[2:]
    )
    classroom.hold_class(**{each: dice.choice([ABSENT, PRESENT]) for each in LEARNERS[2:9]})
    classroom.hear("attendance", recorded(), available(FILM, 3600))


def tutor_of(classroom: Classroom, group: str) -> None:
    """Lise becomes an observer of a group."""
    staff = catalog_resources.StaffMember(
        person_id="lise", role=options_pb2.STAFF_ROLE_OBSERVER, group_ids=[group]
    )
    facts = catalog.RunFacts(run_id=RUN, staff=[staff], policy=opened().policy, zone="UTC")
    classroom.hear("plans", catalog.RunStaffChanged(run_id=RUN, run=facts))


def buckets_summed(classroom: Classroom) -> dict[str, int]:
    """The run's learners in each bucket, as the summary adds them up."""
    totals = classroom.database.reader().totals(RUN).buckets
    return {bucket: count for bucket, count in totals.items() if count}


def buckets_counted(classroom: Classroom) -> dict[str, int]:
    """The same, counted from the learners."""
    rows = classroom.database.mongo["standings"].find({"run_id": RUN, "state": "ENROLLED"})
    return dict(Counter(bucket for row in rows for bucket in row["listing"]["buckets"][:2]))
