"""Compares what the files have of a presentation with what the platform has."""

from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import grpc
from tandem.catalog.v1 import catalog_pb2, resources_pb2
from tandem.library.v1 import library_pb2
from tandem.library.v1 import resources_pb2 as library
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress

from campus.oulad.files import Presentation
from campus.oulad.messages import person_id
from campus.oulad.patience import Said, wait_while_moving
from campus.paging import rows_of
from campus.parallel import chunks, several_at_once
from campus.services import Services

PAGE = 500
LOOK_UPS = 4  # at once


@dataclass(frozen=True, slots=True)
class Count:
    """One kind of data: how many the files have, how many the platform has, how many of the files'
    were left out on purpose, and why.
    """

    what: str
    files: int
    platform: int
    left_out: int = 0
    why: str = ""

    @property
    def is_whole(self) -> bool:
        """Return whether the platform has all but what was left out."""
        return self.files == self.platform + self.left_out


@dataclass(frozen=True, slots=True)
class Sent:
    """What was sent of a presentation. `items`: ids; the others but the run are numbers."""

    run: str
    items: Sequence[str]
    statements: int
    withdrawn: int


def compared(services: Services, source: Presentation, sent: Sent, said: Said) -> list[Count]:
    """Wait until the platform has applied what was sent, and return the counts.

    Raises LoadError if it does not go on.
    """
    said("waiting for progress")
    _wait(services, source, sent, said)
    students, staying = source.registrations, len(source.registrations) - sent.withdrawn
    enrolments, summary = list(_enrolments(services, sent.run)), _summary(services, sent.run)
    dated = sum(assessment.day is not None for assessment in source.assessments)
    return [
        Count("people", len(students), _people(services, source, enrolments)),
        _of_materials(source, "items", 0, items_available(services, sent.items)),
        _of_materials(
            source, "activities", len(source.assessments), _activities(services, sent.run)
        ),
        Count("enrolments that stay", staying, sum(map(_stays, enrolments))),
        Count("learners in progress", staying, summary.learners),
        Count("deadlines of each", dated * (staying > 0), _deadlines(services, source, sent.run)),
        _of_statements(source, sent.statements, summary.statements),
    ]


def _wait(services: Services, source: Presentation, sent: Sent, said: Said) -> None:
    students = len(source.registrations)

    def statements() -> int:
        return _summary(services, sent.run).statements

    def learners() -> int:
        # Enrolments that are not applied yet, and withdrawals that are not, miss the number alike.
        return students - abs(_summary(services, sent.run).learners - (students - sent.withdrawn))

    def activities() -> int:
        return len(_progress(services, source, sent.run))

    wait_while_moving("statements applied", statements, sent.statements, said)
    wait_while_moving("enrolments applied", learners, students, said)
    if students > sent.withdrawn:  # whoever stays has the activities of the path
        goal = len(source.materials) + len(source.assessments)
        wait_while_moving("activities applied", activities, goal, said)


def _of_materials(source: Presentation, what: str, others: int, platform: int) -> Count:
    left_out = source.never_clicked
    why = "nobody clicked these materials" if left_out else ""
    return Count(what, len(source.materials) + left_out + others, platform, left_out, why)


def _of_statements(source: Presentation, sent: int, applied: int) -> Count:
    why = []
    if source.never_submitted:
        why.append("rows of studentAssessment.csv without a day tell of no submission")
    if sent == len(source.submissions):
        why.append("studentVle.zip has no clicks of it")
    files, left_out = sent + source.never_submitted, source.never_submitted
    return Count("statements", files, applied, left_out, "; ".join(why))


def items_available(services: Services, ids: Sequence[str]) -> int:
    """Return how many of the items are AVAILABLE."""
    answers = (
        services.library.ListItems(library_pb2.ListItemsRequest(item_ids=some, page_size=PAGE))
        for some in chunks(ids, PAGE)
    )
    states = [item.state for answer in answers for item in answer.items]
    return states.count(library.ITEM_STATE_AVAILABLE)


def _people(
    services: Services, source: Presentation, enrolments: Iterable[resources_pb2.Enrolment]
) -> int:
    """Return how many of the students are in the roster: who is enrolled is; others are looked up,
    because withdrawn enrolments are not listed.
    """
    enrolled = {each.learner_id for each in enrolments}
    others = {person_id(each.student) for each in source.registrations} - enrolled
    known = several_at_once(partial(_is_known, services), sorted(others), LOOK_UPS)
    return len(enrolled) + sum(known)


def _is_known(services: Services, id_: str) -> bool:
    try:
        return services.catalog.GetPerson(catalog_pb2.GetPersonRequest(person_id=id_)).id == id_
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return False
        raise


def _activities(services: Services, run: str) -> int:
    return len(services.catalog.GetPath(catalog_pb2.GetPathRequest(run_id=run)).activities)


def _enrolments(services: Services, run: str) -> Iterator[resources_pb2.Enrolment]:
    """Return all enrolments of a run, without those that were withdrawn."""
    request = catalog_pb2.ListEnrolmentsRequest(run_id=run, page_size=PAGE)
    return rows_of(services.catalog.ListEnrolments, request, "enrolments")


def _stays(enrolment: resources_pb2.Enrolment) -> bool:
    return enrolment.state == resources_pb2.ENROLMENT_STATE_ENROLLED


def _deadlines(services: Services, source: Presentation, run: str) -> int:
    """Return how many activities have a due, for a learner who is still enrolled; 0 if all have
    withdrawn.
    """
    return sum(activity.HasField("due") for activity in _progress(services, source, run))


def _progress(
    services: Services, source: Presentation, run: str
) -> Sequence[progress.ActivityProgress]:
    """Return the activities of a learner who is still enrolled; none if all have withdrawn."""
    enrolled = next((row for row in source.registrations if not row.unregistered), None)
    if enrolled is None:
        return ()
    return services.progress.GetProgress(
        progress_pb2.GetProgressRequest(run_id=run, learner_id=person_id(enrolled.student))
    ).activities


def _summary(services: Services, run: str) -> progress.RunSummary:
    """Return the numbers of a run; all 0 as long as progress has not heard of it."""
    request = progress_pb2.ListRunProgressRequest(run_id=run, page_size=1)
    try:
        return services.progress.ListRunProgress(request).summary
    except grpc.RpcError as error:
        if error.code() == grpc.StatusCode.NOT_FOUND:
            return progress.RunSummary()
        raise
