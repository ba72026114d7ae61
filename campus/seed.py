"""`python -m campus.seed`: creates a small university on any installation, for trials.

It sends the demo's people, courses and classes through the public APIs, with the first class at
nine on the next Monday. A repeat within a week changes nothing, so it can be stopped and started
again. It is for trials only, because it adds people to the roster.
"""

import os
import random
import sys
from collections.abc import Callable, Mapping
from contextlib import ExitStack
from datetime import UTC, date, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import TypeVar

import grpc
from tandem.library.v1 import library_pb2
from tandem.library.v1 import resources_pb2 as library_resources
from tandem.sessions.v1 import sessions_pb2
from tandem.types.v1 import types_pb2

from campus.demo import media, term
from campus.services import Services, calling_with
from campus.upload import upload
from campus.waiting import wait_for

T = TypeVar("T")

SERVICES = ("catalog", "library", "sessions", "progress", "notify")
TARGETS = {name: f"TANDEM_{name.upper()}_TARGET" for name in SERVICES}
TOKEN = "TANDEM_TOKEN_FILE"  # noqa: S105 - a variable's name
STORE = "TANDEM_S3_ENDPOINT"
NEEDED = {
    **dict.fromkeys(TARGETS.values(), "host:port of a service's gRPC server"),
    TOKEN: "a file with a token of the roles registrar, instructor and service",
}
SEED = 2026
PATIENCE = 300.0  # seconds that the platform has to apply what was sent


class SeedError(Exception):
    """The platform did not apply something in time."""


def main(environment: Mapping[str, str] = os.environ) -> None:
    """Seed the installation of the environment; if variables are missing, list them and exit with
    78.
    """
    missing = [f"{name}: {what}" for name, what in NEEDED.items() if not environment.get(name)]
    if missing:
        print("\n".join(["these variables are missing:", *missing]), file=sys.stderr)
        sys.exit(78)  # EX_CONFIG of sysexits.h
    token = Path(environment[TOKEN]).read_text().strip()
    with ExitStack() as opened:
        channels = {
            name: opened.enter_context(grpc.insecure_channel(environment[variable]))
            for name, variable in TARGETS.items()
        }
        monday = next_monday(datetime.now(UTC).date())
        seed(calling_with(token, channels), monday, environment.get(STORE, ""))
    print(
        f"{term.LEARNERS} learners, {len(term.TITLES)} runs; the first class is on {monday}, 09:00"
    )


def next_monday(today: date) -> date:
    """Return the first Monday after `today`."""
    return today + timedelta(days=7 - today.weekday())


def seed(staff: Services, monday: date, store: str = "") -> None:
    """Create the term whose first class is on `monday`. Raises SeedError, or grpc.RpcError."""
    staff.catalog.BatchUpsertPeople(term.roster(random.Random(SEED)))
    runs = {code: _run(staff, code, monday) for code in term.TITLES}
    items = {name: _material(staff, name, monday, store) for name in term.MATERIALS}
    _wait_for("the materials to be verified", lambda: _are_available(staff, list(items.values())))
    for code, run_id in runs.items():
        staff.catalog.PublishPath(term.path(code, run_id, items))
        staff.catalog.BatchEnrol(term.enrolments(code, run_id))
    _classes(staff, runs, monday)


def _run(staff: Services, code: str, monday: date) -> str:
    course = staff.catalog.CreateCourse(term.course(code))
    return staff.catalog.OpenRun(term.run(code, course.id, monday)).id


def _material(staff: Services, name: str, monday: date, store: str) -> str:
    return upload(
        staff,
        name.replace("-", " ").capitalize(),
        media.document(name),
        types_pb2.ITEM_KIND_PDF,
        "application/pdf",
        request_id=f"{name}-{monday}",
        store=store,
    )


def _are_available(staff: Services, items: list[str]) -> bool:
    answer = staff.library.ListItems(library_pb2.ListItemsRequest(item_ids=items))
    return {item.state for item in answer.items} == {library_resources.ITEM_STATE_AVAILABLE}


def _classes(staff: Services, runs: Mapping[str, str], monday: date) -> None:
    """Plan a lecture with seats in the room and online, and a seminar after it."""
    room = staff.sessions.CreateRoom(term.room()).id
    lecture = term.lecture(runs[term.PHYSICS], room, monday)
    session = _known("the runs", lambda: staff.sessions.ScheduleSession(lecture))
    seminar = term.seminar(runs[term.HISTORY], room, monday, "14:00")
    _known("the runs", lambda: staff.sessions.ScheduleSession(seminar))
    for learner, kind in term.seats():
        wish = sessions_pb2.ChooseSeatRequest(session_id=session.id, learner_id=learner, kind=kind)
        _known("the enrolments", partial(staff.sessions.ChooseSeat, wish))


def _wait_for(what: str, holds: Callable[[], bool]) -> None:
    wait_for(what, holds, PATIENCE, SeedError)


def _known(what: str, call: Callable[[], T]) -> T:
    """Return a call's answer as soon as sessions has the events of catalog."""
    answers: list[T] = []

    def answered() -> bool:
        try:
            answers.append(call())
        except grpc.RpcError as error:
            if error.code() != grpc.StatusCode.FAILED_PRECONDITION:
                raise
        return bool(answers)

    _wait_for(f"{what} to be known to sessions", answered)
    return answers[0]


if __name__ == "__main__":
    main()
