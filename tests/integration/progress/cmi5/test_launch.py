"""Launching units of cmi5: URL, documents, tokens, sessions, rights and races."""

import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial

import grpc
import pytest
from tandem.progress.v1 import progress_pb2, resources_pb2
from tandem.types.v1 import types_pb2

from chassis.errors import FailedPrecondition, PermissionDenied
from services.progress.domain.cmi5.sessions import GRACE, LASTS
from services.progress.domain.cmi5.terms import EXTENSION, SESSION_ID, Verb
from services.progress.usecases import cmi5
from tests.integration.progress.classroom import RUN, refused, task, withdrawn
from tests.integration.progress.cmi5.units import BASE, Lms, Refused, unit

ITEM = types_pb2.ACTIVITY_KIND_ITEM


@pytest.fixture(autouse=True)
def run(lms: Lms) -> None:
    """A run with two units, one of which waits for the other, and two learners."""
    quiz = unit(mastery_score=0.8, launch_parameters="a=1", entitlement_key="key")
    late = unit("late", kind=ITEM)
    late.requires.append("quiz")
    lms.classroom.open(quiz, late, task(), learners=["ada", "bo"])


def test_a_launch_has_all_that_a_unit_needs(lms: Lms) -> None:
    """The URL with its five parameters beside its own query (section 8.1)."""
    launched = lms.launch()
    activity = f"{BASE}/runs/{RUN}/activities/quiz"
    actor = {"objectType": "Agent", "account": {"homePage": BASE, "name": "ada"}}
    assert launched.launched.launch_url.startswith("https://pub.example/start?lang=en&endpoint=")
    assert launched.asked["endpoint"] == f"{BASE}/"
    assert launched.asked["activityId"] == activity
    assert json.loads(launched.asked["actor"]) == actor
    assert uuid.UUID(launched.asked["registration"])
    assert launched.asked["fetch"].startswith(f"{BASE}/cmi5/fetch?k=")
    assert launched.launched.launch_method == types_pb2.LAUNCH_METHOD_OWN_WINDOW


def test_launch_data_and_the_statement_launched_agree(lms: Lms) -> None:
    """Both have the session, the publisher's id, mode, moveOn, score and parameters (sections 9.6
    and 10).
    """
    launched = lms.launch(return_url="https://uni.example/back")
    launched.fetch()
    data, (said,) = launched.launch_data(), lms.statements(Verb.LAUNCHED)
    session = launched.launched.session_id
    assert data | {"contextTemplate": None} == {
        "contextTemplate": None,
        "launchMode": "Normal",
        "launchMethod": "OwnWindow",
        "moveOn": "CompletedOrPassed",
        "launchParameters": "a=1",
        "masteryScore": 0.8,
        "returnURL": "https://uni.example/back",
        "entitlementKey": {"courseStructure": "key"},
    }
    assert said["context"]["extensions"] == {
        SESSION_ID: session,
        f"{EXTENSION}masteryscore": 0.8,
        f"{EXTENSION}launchmode": "Normal",
        f"{EXTENSION}launchurl": "https://pub.example/start?lang=en",
        f"{EXTENSION}moveon": "CompletedOrPassed",
        f"{EXTENSION}launchparameters": "a=1",
    }
    template = data["contextTemplate"]
    assert template["extensions"] == {SESSION_ID: session}
    assert {"id": "https://pub.example/quiz"} in template["contextActivities"]["grouping"]
    assert said["context"]["registration"] == launched.asked["registration"]


def test_a_registration_is_of_an_enrolment(lms: Lms) -> None:
    """All launches of it have the same one, other learners have others (section 9.6.1)."""
    one, again, other = (lms.launch(each).asked["registration"] for each in ("ada", "ada", "bo"))
    assert one == again != other


def test_who_may_launch_what(lms: Lms) -> None:
    """Only the learner; only a unit; only when it is open; only with a place in the run."""
    for activity, code in (
        ("late", grpc.StatusCode.FAILED_PRECONDITION),
        ("essay", grpc.StatusCode.NOT_FOUND),
        ("none", grpc.StatusCode.NOT_FOUND),
    ):
        assert refused(partial(lms.launch, "ada", activity))[0] is code
    request = progress_pb2.LaunchActivityRequest(run_id=RUN, learner_id="ada", activity_id="quiz")
    for caller in (lms.classroom.learner("bo"), lms.classroom.staff):
        code, _ = refused(partial(caller.LaunchActivity, request))
        assert code is grpc.StatusCode.PERMISSION_DENIED
    lms.classroom.hear("plans", withdrawn("bo"))
    assert refused(lambda: lms.launch("bo"))[0] is grpc.StatusCode.NOT_FOUND
    assert lms.statements() == []


def test_a_token_is_fetched_once(lms: Lms) -> None:
    """A second time, and after the session's end, the error is 1 (section 8.2.3)."""
    launched = lms.launch()
    assert set(launched.fetch()) == {"auth-token"}
    assert launched.fetch()["error-code"] == "1"
    late = lms.launch()
    lms.clock.forward(seconds=LASTS.total_seconds())
    assert late.fetch()["error-code"] == "1"


def test_the_fetch_key_is_stored_nowhere(lms: Lms) -> None:
    """Neither it nor the token's secret stands in the database."""
    launched = lms.launch()
    token = launched.fetch()["auth-token"]
    rows = [
        row
        for name in lms.database.mongo.list_collection_names()
        for row in lms.database.mongo[name].find()
    ]
    assert launched.asked["fetch"].partition("=")[2] not in repr(rows)
    assert token not in repr(rows)


def test_of_fetches_at_once_one_gets_the_token(lms: Lms) -> None:
    """The others get error 1."""
    launched = lms.launch()
    with ThreadPoolExecutor(4) as pool:
        answers = list(pool.map(lambda _: launched.fetch(), range(4)))
    assert sorted(next(iter(each)) for each in answers) == ["auth-token"] + ["error-code"] * 3


def test_of_launches_at_once_one_session_is_open(lms: Lms) -> None:
    """Each other one is abandoned, once."""
    with ThreadPoolExecutor(4) as pool:
        launched = list(pool.map(lambda _: lms.launch(), range(4)))
    alive = [each for each in launched if "auth-token" in each.fetch()]
    gone = lms.sessions(Verb.ABANDONED)
    assert len(alive) == 1
    assert sorted([*gone, alive[0].launched.session_id]) == sorted(
        each.launched.session_id for each in launched
    )


def test_a_new_launch_abandons_the_session_before(lms: Lms) -> None:
    """Its credential is worth nothing more; its duration ends with its last statement (section
    9.3.6).
    """
    first = lms.launch().begin()
    lms.clock.forward(minutes=5)
    first.send(first.allowed())
    lms.clock.forward(hours=1)
    lms.launch()
    (said,) = lms.statements(Verb.ABANDONED)
    assert said["result"] == {"duration": "PT300.00S"}
    assert said["context"]["extensions"] == {SESSION_ID: first.launched.session_id}
    with pytest.raises(AssertionError, match="401"):
        first.send(first.allowed())


def test_an_abandoned_session_stores_nothing_by_a_credential_that_is_remembered(lms: Lms) -> None:
    """The edge remembers right credentials for seconds; the session itself refuses."""
    first = lms.launch().begin()
    statement = first.allowed()
    holder = first.holder()
    lms.launch()
    answer = first.ask_as(holder, "POST", "/statements", [statement])
    assert answer.status == 403
    assert b"has ended" in answer.body


def test_after_terminated_nothing_new_comes(lms: Lms) -> None:
    """What was said before it may come for a minute; then the credential is worth nothing (section
    9.3.8). A terminated session is not abandoned.
    """
    said = lms.launch().begin()
    before = said.allowed()
    lms.clock.forward(seconds=10)
    said.say(Verb.TERMINATED)
    said.send(before)
    lms.clock.forward(seconds=10)
    with pytest.raises(Refused, match="after that of terminated"):
        said.send(said.allowed())
    lms.clock.forward(seconds=GRACE.total_seconds())
    with pytest.raises(AssertionError, match="401"):
        said.launch_data()
    lms.launch()
    assert lms.statements(Verb.ABANDONED) == []


def test_the_same_statement_again_is_fine(lms: Lms) -> None:
    """A unit that heard no answer sends it once more; with other content it is a conflict."""
    said = lms.launch().begin()
    done = said.say(Verb.COMPLETED)
    said.send(done)
    assert len(lms.statements(Verb.COMPLETED)) == 1
    with pytest.raises(Refused, match="409"):
        said.send(done | {"timestamp": "2026-03-02T08:00:01.000Z"})


def test_a_refused_batch_stores_nothing(lms: Lms) -> None:
    """All of its faults are told, and the session is as before."""
    said = lms.launch().begin()
    bad = said.defined(Verb.PASSED, score={"scaled": 0.5})
    with pytest.raises(Refused, match="mastery score") as error:
        said.send(said.defined(Verb.COMPLETED), bad)
    assert "403" in str(error.value)
    assert lms.statements(Verb.COMPLETED) == []
    said.say(Verb.COMPLETED)


def test_statements_at_once_are_judged_one_after_the_other(lms: Lms) -> None:
    """Of several completed ones, one is stored."""
    said = lms.launch().begin()
    sent = [said.defined(Verb.COMPLETED) for _ in range(4)]

    def outcome(statement: dict[str, object]) -> bool:
        try:
            said.send(statement)
        except Refused:
            return False
        return True

    with ThreadPoolExecutor(4) as pool:
        assert sum(pool.map(outcome, sent)) == 1
    assert len(lms.statements(Verb.COMPLETED)) == 1


def test_a_unit_uses_its_own_documents(lms: Lms) -> None:
    """State of its registration, its learner's preferences, its activity's profile; it neither
    changes nor deletes LMS.LaunchData (sections 10 to 12).
    """
    said = lms.launch().begin()
    profile = {"agent": said.asked["actor"], "profileId": "cmi5LearnerPreferences"}
    own = {"activityId": said.asked["activityId"], "profileId": "notes"}
    said.ask("PUT", "/activities/state", {"page": 1}, **said.state("bookmark"))
    said.ask("POST", "/agents/profile", {"audioPreference": "on"}, **profile)
    said.ask("POST", "/activities/profile", {"x": 1}, **own)
    assert json.loads(said.ask("GET", "/agents/profile", **profile).body) == {
        "audioPreference": "on"
    }
    all_states = said.state()
    del all_states["stateId"]
    other = json.dumps({"account": {"homePage": BASE, "name": "bo"}})
    denied = [
        ("PUT", "/activities/state", said.state()),
        ("DELETE", "/activities/state", said.state()),
        ("DELETE", "/activities/state", all_states),
        ("GET", "/activities/state", said.state() | {"registration": str(uuid.uuid4())}),
        ("GET", "/activities/state", said.state() | {"activityId": "https://pub.example/quiz"}),
        ("GET", "/agents/profile", profile | {"agent": other}),
        ("GET", "/activities/profile", own | {"activityId": "https://pub.example/quiz"}),
    ]
    for method, path, parameters in denied:
        with pytest.raises(PermissionDenied):
            said.ask(method, path, {} if method == "PUT" else None, **parameters)


def test_a_unit_reads_its_learners_statements_of_the_run_alone(lms: Lms) -> None:
    """Not those of another learner."""
    lms.launch("bo").begin()
    said = lms.launch().begin()
    lms.clock.forward(milliseconds=1)
    found = json.loads(said.ask("GET", "/statements").body)["statements"]
    assert {each["actor"]["account"]["name"] for each in found} == {"ada"}
    assert {each["verb"]["id"] for each in found} == {Verb.LAUNCHED, Verb.INITIALIZED}


def test_without_an_lrs_nothing_is_launched(lms: Lms, monkeypatch: pytest.MonkeyPatch) -> None:
    """The caller is told which setting is empty."""
    command = cmi5.LaunchActivity(RUN, "ada", "quiz")
    with pytest.raises(FailedPrecondition, match="TANDEM_XAPI_URL"):
        lms.database.transact(lambda store: cmi5.launch_activity(store, command, ""))


def test_in_the_mode_review_nothing_is_judged(lms: Lms) -> None:
    """Initialized and terminated alone are taken (section 10)."""
    said = lms.launch(mode=resources_pb2.LAUNCH_MODE_REVIEW).begin()
    assert said.launch_data()["launchMode"] == "Review"
    with pytest.raises(Refused, match="mode REVIEW"):
        said.say(Verb.COMPLETED)
    said.say(Verb.TERMINATED)
