"""Comparing a presentation with a platform that applies it bit by bit."""

import time
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import grpc
import pytest
from tandem.catalog.v1 import catalog_pb2
from tandem.catalog.v1 import resources_pb2 as catalog
from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress

from campus.oulad.compare import Sent, compared
from campus.oulad.files import Presentation
from campus.oulad.messages import person_id
from tests import oulad_files

ROWS = {
    "courses.csv": ["XAA,2014J,268"],
    "studentInfo.csv": ["XAA,2014J,1"],
    "assessments.csv": ["XAA,2014J,x60,TMA,5", "XAA,2014J,x61,Exam,"],
    "studentAssessment.csv": ["x60,1,4"],
}


@pytest.mark.parametrize("code", [grpc.StatusCode.NOT_FOUND, grpc.StatusCode.PERMISSION_DENIED])
def test_it_waits_until_everything_is_applied(
    code: grpc.StatusCode, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Also for the run itself and for its path, of which progress hears last; what is refused is
    an error.
    """
    monkeypatch.setattr(time, "sleep", lambda _: None)
    source = Presentation(oulad_files.write(tmp_path, ROWS, []), "XAA", "2014J")
    platform: Any = SimpleNamespace(catalog=_Catalog(), progress=_Progress(code))
    sent = Sent("run", [], 1, 0)
    if code is not grpc.StatusCode.NOT_FOUND:
        with pytest.raises(_Refused):
            compared(platform, source, sent, lambda _: None)
        return
    counts = compared(platform, source, sent, lambda _: None)
    assert [(each.what, each.platform) for each in counts] == [
        ("people", 1),
        ("items", 0),
        ("activities", 2),
        ("enrolments that stay", 1),
        ("learners in progress", 1),
        ("deadlines of each", 1),
        ("statements", 1),
    ]
    assert all(each.is_whole for each in counts)


class _Refused(grpc.RpcError):
    """An answer that is an error."""

    def __init__(self, code: grpc.StatusCode) -> None:
        super().__init__()
        self._code = code

    def code(self) -> grpc.StatusCode:
        """Return what grpc calls the status."""
        return self._code


class _Catalog:
    """Has the whole presentation."""

    def GetPath(self, _: object) -> catalog.Path:
        return catalog.Path(activities=[catalog.Activity()] * 2)

    def ListEnrolments(self, _: object) -> catalog_pb2.ListEnrolmentsResponse:
        staying = catalog.Enrolment(
            learner_id=person_id("1"), state=catalog.ENROLMENT_STATE_ENROLLED
        )
        return catalog_pb2.ListEnrolmentsResponse(enrolments=[staying])

    def GetPerson(self, request: catalog_pb2.GetPersonRequest) -> catalog.Person:
        return catalog.Person(id=request.person_id)


class _Progress:
    """Does not know the run at first; then it has a step more at every second call."""

    def __init__(self, code: grpc.StatusCode) -> None:
        self._code, self._calls = code, 0

    def ListRunProgress(self, _: object) -> progress_pb2.ListRunProgressResponse:
        self._calls += 1
        if self._calls < 4:
            raise _Refused(self._code)
        summary = progress.RunSummary(
            statements=int(self._calls >= 6), learners=int(self._calls >= 8)
        )
        return progress_pb2.ListRunProgressResponse(summary=summary)

    def GetProgress(self, _: object) -> progress_pb2.GetProgressResponse:
        self._calls += 1
        if self._calls < 12:
            return progress_pb2.GetProgressResponse()
        activities = [progress.ActivityProgress(), progress.ActivityProgress()]
        activities[0].due.FromSeconds(0)
        return progress_pb2.GetProgressResponse(activities=activities)
