"""A catalog's database for measuring: what commands find there, the same for ours and the peer."""

from collections.abc import Iterable
from datetime import UTC, datetime

from bench import rig
from chassis.contracts.mapping import to_document
from chassis.data.store import connect
from chassis.operations.settings import MIGRATE
from services.catalog.domain.enums import DeliveryMode, Role
from services.catalog.domain.people import Person
from services.catalog.domain.runs import DEFAULT_POLICY, Course, Run

COURSE = "course"
# The end is later than any measurement, because a run that has ended takes no enrolments.
START, END, ZONE, TERM = "2026-03-01", "2099-05-31", "Europe/Dublin", "spring"


def prepare(name: str, learners: int) -> None:
    """Make the database `name`: a course, and so many people."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(name)
        rig.run("services.catalog", MIGRATE, settings={"TANDEM_MONGO_DATABASE": name})
        client[name]["courses"].insert_one(to_document(_course()))
        client[name]["people"].insert_many(map(to_document, _people(learners)))


def add_run(name: str, run_id: str) -> None:
    """Open a run without a capacity in the database `name`."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client[name]["runs"].insert_one(to_document(_run(run_id)))


def learner(number: int) -> str:
    """A learner's id."""
    return f"learner-{number:06}"


def _course() -> Course:
    now = datetime.now(UTC)
    return Course(id=COURSE, code="C-1", title="Course", description="", created_at=now)


def _people(count: int) -> Iterable[Person]:
    return (
        Person(
            id=learner(number),
            given_name="Given",
            family_name="Family",
            email=f"{number}@example.edu",
            language="en",
            zone=ZONE,
            roles=(Role.LEARNER,),
        )
        for number in range(count)
    )


def _run(run_id: str) -> Run:
    return Run(
        id=run_id,
        course_id=COURSE,
        term=TERM,
        title="Course",
        delivery_mode=DeliveryMode.BLENDED,
        zone=ZONE,
        start_date=START,
        end_date=END,
        capacity=0,
        instructor_ids=(),
        policy=DEFAULT_POLICY,
    )
