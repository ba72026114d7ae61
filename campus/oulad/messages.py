"""What a presentation's rows are in the terms of the platform.

Every statement has an id that is made from the dataset, so that the same row is the same statement
in every import.
"""

import uuid
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime, timedelta
from datetime import time as clock_time

from google.protobuf.timestamp_pb2 import Timestamp
from tandem.catalog.v1 import resources_pb2 as catalog
from tandem.options.v1 import options_pb2
from tandem.progress.v1 import resources_pb2 as progress
from tandem.types.v1 import types_pb2

from campus.oulad.files import Assessment, Click, Material, Presentation, Submission
from campus.parallel import chunks, in_turns

EXPERIENCED = "http://adlnet.gov/expapi/verbs/experienced"
COMPLETED = "http://adlnet.gov/expapi/verbs/completed"
NOON = clock_time(12)  # the dataset tells days
_NAMESPACE = uuid.UUID("7b0f7c52-6c1e-5c0c-9a0e-2f3f5d1f0a77")


def key_of(source: Presentation) -> str:
    """Return what the ids of a presentation's requests begin with."""
    return f"oulad-{source.module}-{source.name}"


def person_id(student: str) -> str:
    """Return a student's id in the roster."""
    return f"oulad-{student}"


def person(student: str) -> catalog.Person:
    """Return a student; the dataset has no names."""
    return catalog.Person(
        id=person_id(student),
        given_name="Student",
        family_name=student,
        email=f"oulad-{student}@example.edu",
        language="en",
        zone="Europe/London",
        roles=[options_pb2.ROLE_LEARNER],
    )


def title_of(material: Material) -> str:
    """Return the title of a material."""
    return f"{material.kind} {material.site}"


def page_of(material: Material) -> bytes:
    """Return the text of a material: its kind, because the dataset tells no more.

    Materials of a kind have the same bytes, so that the library makes their renditions only once.
    """
    return f"A page of the kind {material.kind} in the virtual learning environment.\n".encode()


def path(source: Presentation, items: Mapping[str, str]) -> Iterator[catalog.Activity]:
    """Yield the activities of a presentation: its materials, then its assessments.

    `items`: the id of each material's item, by its site.
    """
    for material in source.materials:
        yield catalog.Activity(
            id=f"site-{material.site}",
            title=title_of(material),
            kind=types_pb2.ACTIVITY_KIND_ITEM,
            item_id=items[material.site],
            optional=True,
        )
    for assessment in source.assessments:
        yield _assessment(assessment, source)


class Statements:
    """The statements of one presentation in its run."""

    def __init__(self, source: Presentation, run: str, items: Mapping[str, str]) -> None:
        """`items`: the id of each material's item, by its site."""
        self._source, self._run, self._items = source, run, items

    def batches(self, size: int, at_once: int) -> Iterator[list[progress.Statement]]:
        """Yield those of the clicks, then those of the submissions, in lists of `size`.

        `at_once` that follow each other are of different students, so that they can be stored at
        once: events of one student have one order, and would wait for each other.
        """
        lanes = (self._source.clicks(lane, at_once) for lane in range(at_once))
        yield from in_turns([chunks(map(self._click, lane), size) for lane in lanes])
        yield from chunks(map(self._submission, self._source.submissions), size)

    def _click(self, row: Click) -> progress.Statement:
        name = f"{key_of(self._source)}-click-{row.student}-{row.site}-{row.day}-{row.nth}"
        about = self._about(name, row, f"site-{row.site}", EXPERIENCED)
        about.item_id = self._items[row.site]
        return about

    def _submission(self, row: Submission) -> progress.Statement:
        name = f"submission-{row.student}-{row.assessment}"
        return self._about(name, row, f"assessment-{row.assessment}", COMPLETED)

    def _about(
        self, name: str, row: Click | Submission, activity: str, verb: str
    ) -> progress.Statement:
        """Return a statement; its id is made from its name."""
        return progress.Statement(
            id=str(uuid.uuid5(_NAMESPACE, name)),
            learner_id=person_id(row.student),
            verb=verb,
            run_id=self._run,
            activity_id=activity,
            timestamp=_stamp(self._source, row.day),
        )


def _assessment(row: Assessment, source: Presentation) -> catalog.Activity:
    deadline = None
    if row.day is not None:
        deadline = catalog.TimeRule(fixed=_stamp(source, row.day))
    return catalog.Activity(
        id=f"assessment-{row.id}",
        title=f"{row.kind} {row.id}",
        kind=types_pb2.ACTIVITY_KIND_TASK,
        deadline=deadline,
    )


def _stamp(source: Presentation, day: int) -> Timestamp:
    stamp = Timestamp()
    stamp.FromDatetime(datetime.combine(source.start, NOON, UTC) + timedelta(days=day))
    return stamp
