"""A launch that fails between what it stores leaves nothing, and can be done again."""

from typing import Any

import grpc
import pytest

from chassis.errors import FailedPrecondition
from services.progress.domain.cmi5.terms import Verb
from services.progress.store import ProgressStore
from tests.integration.progress.classroom import refused
from tests.integration.progress.cmi5.units import Lms, unit

WRITTEN = ["cmi5_sessions", "cmi5_registrations", "xapi_documents", "statements", "storing"]


@pytest.mark.parametrize("write", ["put_cmi5_registration", "put_document", "add_rows"])
def test_a_launch_is_stored_as_a_whole(
    lms: Lms, monkeypatch: pytest.MonkeyPatch, write: str
) -> None:
    """Where one of its writes fails, the learner hears of it, and the next launch is as the first:
    one session, one statement, and no session that is abandoned.
    """
    lms.classroom.open(unit(), learners=["ada"])
    events = lms.database.mongo["outbox"].count_documents({})

    def fails(*_: Any, **__: Any) -> None:
        raise FailedPrecondition("a write fails")

    with monkeypatch.context() as broken:
        broken.setattr(ProgressStore, write, fails)
        assert refused(lms.launch) == (grpc.StatusCode.FAILED_PRECONDITION, "a write fails")
    assert [name for name in WRITTEN if lms.database.mongo[name].count_documents({})] == []
    assert lms.database.mongo["outbox"].count_documents({}) == events
    launched = lms.launch()
    assert set(launched.fetch()) == {"auth-token"}
    assert lms.sessions(Verb.LAUNCHED) == [launched.launched.session_id]
    assert lms.statements(Verb.ABANDONED) == []
