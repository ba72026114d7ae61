"""Storing statements in the LRS: validity, ids, conflicts, rights, events."""

import hashlib
import json
import uuid
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from types import NoneType
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from tandem.progress.v1 import resources_pb2

from chassis.contracts.mapping import to_message
from chassis.errors import AlreadyExists, DomainError, Invalid, PermissionDenied
from services.progress.domain.xapi.clients import Scope
from services.progress.domain.xapi.completed import timestamp_text
from services.progress.domain.xapi.places import activity_iri, person_iri, run_iri
from services.progress.domain.xapi.sending import sent_of
from services.progress.domain.xapi.storing import StoreStatements
from services.progress.domain.xapi.versions import Version
from services.progress.migrations import MIGRATIONS
from services.progress.store_announcements import storing
from services.progress.usecases.xapi_statements import store_statements
from services.progress.xapi.exchange import XapiRequest
from services.progress.xapi.multipart import Attachment, read, write
from tests.deep import DEEP
from tests.integration.progress.classroom import RUN, Classroom, task
from tests.integration.progress.lrs import (
    ADL,
    BASE,
    TOOL,
    Lrs,
    about,
    client,
    learner,
    refers,
    said,
    voids,
)


def outbox(lrs: Lrs) -> list[tuple[str, Any]]:
    """Return the events that wait for the relay."""
    rows = lrs.database.mongo["outbox"].find().sort("_id")
    return [(row["type"], json.loads(row["body"])) for row in rows]


def test_the_server_completes_a_statement(lrs: Lrs) -> None:
    """A statement gets id, stored, timestamp, authority and version; what it had stays."""
    sent = said()
    del sent["id"]
    (id_,) = lrs.post(sent)
    found = lrs.one(id_)
    assert uuid.UUID(found["id"])
    assert found["stored"] == found["timestamp"] == "2026-03-02T08:00:00.000Z"
    assert (found["authority"], found["version"]) == (lrs.client.authority, "1.0.0")
    assert {name: found[name] for name in sent} == sent


def test_the_authority_that_came_is_replaced(lrs: Lrs) -> None:
    """A client can't speak in another's name."""
    (id_,) = lrs.post(said(authority={"mbox": "mailto:rector@uni.example"}))
    assert lrs.one(id_)["authority"] == lrs.client.authority


def test_every_fault_of_a_batch_is_told_and_nothing_is_stored(lrs: Lrs) -> None:
    """Two statements with faults, each with its place; the good one is not stored either."""
    good = said()
    with pytest.raises(Invalid) as refused:
        lrs.post(good, said(actor={}), said("no IRI"))
    fields = {each.field for each in refused.value.violations}
    assert {field[:3] for field in fields} == {"[1]", "[2]"}
    assert lrs.ids() == []


def test_an_id_twice_in_a_batch_is_refused(lrs: Lrs) -> None:
    """Also when both say the same."""
    sent = said()
    with pytest.raises(Invalid, match="is there twice"):
        lrs.post(sent, sent | {"id": sent["id"].upper()})


def test_put_takes_the_id_of_the_parameter(lrs: Lrs) -> None:
    """A statement need not repeat it, and must not contradict it; PUT needs it."""
    sent = said()
    id_ = sent.pop("id")
    assert lrs.put(id_, sent).status == 204
    assert lrs.one(id_)["id"] == id_
    with pytest.raises(Invalid, match="statementId"):
        lrs.put(str(uuid.uuid4()), sent | {"id": id_})
    with pytest.raises(Invalid, match="statementId"):
        lrs.ask("PUT", {}, json.dumps(sent).encode())


def test_the_same_again_is_fine_and_another_with_its_id_a_conflict(lrs: Lrs) -> None:
    """By POST and PUT, alone and in a batch; what is stored stays as it was."""
    sent = said()
    lrs.post(sent)
    before = lrs.one(sent["id"])
    lrs.clock.forward(seconds=1)
    assert lrs.post(sent) == [sent["id"]]
    assert lrs.put(sent["id"], before).status == 204
    for again in (
        lambda: lrs.put(sent["id"], said(id=sent["id"], verb="x:y")),
        lambda: lrs.post(said(), said(id=sent["id"], verb="x:y")),
    ):
        with pytest.raises(AlreadyExists):
            again()
    assert lrs.ids() == [sent["id"]]
    assert lrs.one(sent["id"]) == before


def test_a_timestamp_that_equals_stored_is_the_same_again(lrs: Lrs) -> None:
    """A statement that is stored in the millisecond in which it happened, and one whose timestamp
    the LRS set, are the same again with that timestamp; one of another instant is not.
    """
    now = timestamp_text(lrs.clock.now())
    for sent in (said(timestamp=now), said()):
        lrs.post(sent)
        lrs.clock.forward(seconds=1)
        assert lrs.post(sent) == lrs.post({**sent, "timestamp": now}) == [sent["id"]]
        with pytest.raises(AlreadyExists):
            lrs.post({**sent, "timestamp": timestamp_text(lrs.clock.now())})
        lrs.clock.forward(seconds=-1)


def test_a_number_of_any_size_is_kept_and_compared(lrs: Lrs) -> None:
    """Integers beyond 64 bits come back digit by digit, and make another statement."""
    extensions = "https://uni.example/count"
    sent = said(result={"extensions": {extensions: 10**30}})
    lrs.post(sent)
    assert lrs.one(sent["id"])["result"]["extensions"] == {extensions: 10**30}
    assert lrs.post(sent) == [sent["id"]]
    with pytest.raises(AlreadyExists):
        lrs.post({**sent, "result": {"extensions": {extensions: 10**30 + 1}}})


def test_one_of_many_with_one_id_wins(lrs: Lrs) -> None:
    """Twelve threads store four statements with one id, alone and in batches: one is stored, and
    the same again is fine, and the others are conflicts.
    """
    id_ = str(uuid.uuid4())
    sent = [said(id=id_, verb=f"https://uni.example/v{number % 4}") for number in range(12)]

    def store(place: int) -> str:
        try:
            lrs.post(sent[place]) if place % 2 else lrs.post(sent[place], said())
        except AlreadyExists:
            return ""
        return str(sent[place]["verb"]["id"])

    with ThreadPoolExecutor(12) as pool:
        outcomes = list(pool.map(store, range(12)))
    winner = lrs.one(id_)["verb"]["id"]
    assert [each for each in outcomes if each] == [winner] * 3


@pytest.mark.parametrize("size", [1, 7])
def test_requests_at_once_are_stored_together_and_each_has_its_own_outcome(
    lrs: Lrs, size: int
) -> None:
    """Forty threads send single statements, or batches; every fourth is refused, which changes
    nothing for the others.
    """
    taken = said()
    lrs.post(taken)

    def store(number: int) -> list[str]:
        last = said() if number % 4 else said(id=taken["id"], verb="x:y")
        try:
            return lrs.post(*(said() for _ in range(size - 1)), last)
        except DomainError:
            return []

    with ThreadPoolExecutor(40) as pool:
        stored = [id_ for ids in pool.map(store, range(40)) for id_ in ids]
    assert len(stored) == 30 * size
    assert sorted(lrs.ids()) == sorted([*stored, taken["id"]])


def test_a_known_id_by_the_other_route_is_the_same_or_a_conflict(classroom: Classroom) -> None:
    """What RecordStatements stored is the same for the LRS, and the other way round; other content
    is a conflict on both.
    """
    lrs = Lrs(classroom.database, classroom.clock)
    by_lrs = about("ada", timestamp="2026-03-02T07:00:00Z")
    lrs.post(by_lrs)
    stored = lrs.database.reader().statements([by_lrs["id"]])[by_lrs["id"]]
    assert stored is not None
    message = to_message(stored, resources_pb2.Statement)
    (again,) = classroom.record(message)
    assert (again.changed, list(again.violations)) == (False, [])
    message.verb = f"{ADL}failed"
    (other,) = classroom.record(message)
    assert [each.field for each in other.violations] == ["id"]
    by_grpc = classroom.said("ada", f"{ADL}completed", activity_id="quiz")
    classroom.record(by_grpc)
    rendered = lrs.one(by_grpc.id)
    assert lrs.post(rendered) == [by_grpc.id]
    with pytest.raises(AlreadyExists):
        lrs.post(rendered | {"verb": {"id": f"{ADL}failed"}})


def test_a_learner_stores_own_statements_on_own_runs_only(classroom: Classroom) -> None:
    """Not another's, not on a run where the learner is unknown, not on nothing of ours."""
    classroom.open(task(), learners=["ada"])
    lrs = Lrs(classroom.database, classroom.clock)
    lrs.post(about("ada"), by=learner("ada"))
    elsewhere = about("ada", object={"id": f"{run_iri(BASE, 'run-9')}/activities/quiz"})
    for sent in (about("eve"), elsewhere, said(actor=person_iri(BASE, "ada"))):
        with pytest.raises(PermissionDenied):
            lrs.post(sent, by=learner("ada"))
    assert len(lrs.ids()) == 1


def test_a_client_of_some_runs_stores_statements_on_these_only(lrs: Lrs) -> None:
    """One on another run, and one on none, are refused."""
    bound = client("lrs:bound", Scope.ALL, run_ids={RUN})
    lrs.post(about("ada"), by=bound)
    other = about("ada", object={"id": f"{run_iri(BASE, 'run-9')}/activities/quiz"})
    for sent in (said(), other):
        with pytest.raises(PermissionDenied):
            lrs.post(sent, by=bound)


def test_events_tell_progress_with_content_and_all_else_by_ids(lrs: Lrs) -> None:
    """A statement of a learner becomes StatementsRecorded; others are named only."""
    ours, other, reference = about("ada"), said(), refers(str(uuid.uuid4()))
    lrs.post(ours, other, reference)
    (recorded, told), (stored, named) = outbox(lrs)
    assert recorded == "tandem.progress.statements.recorded.v1"
    assert [each["id"] for each in told["statements"]] == [ours["id"]]
    assert told["statements"][0]["authority"] == "ROLE_SERVICE"
    assert stored == "tandem.progress.statements.stored.v1"
    ids = [other["id"], reference["id"]]
    assert named == {"clientId": lrs.client.id, "statementIds": ids}


def test_requests_that_are_stored_together_are_judged_each_alone(lrs: Lrs) -> None:
    """One of four is refused; one voids another's; the events tell whose statements are whose."""
    first, second = said(), said()
    third = voids(first["id"])
    commands = [
        StoreStatements(by, Version.V1_0_3, sent_of([sent], {}, lambda: ""), {})
        for by, sent in (
            (client("lrs:one"), first),
            (learner("ada"), said()),
            (client("lrs:two"), second),
            (client("lrs:one"), third),
        )
    ]
    outcomes = storing(lrs.database, partial(store_statements, commands=commands, base=BASE))
    assert [type(each) for each in outcomes] == [NoneType, PermissionDenied, NoneType, NoneType]
    assert set(lrs.ids()) == {second["id"], third["id"]}
    assert [told for _, told in outbox(lrs)] == [
        {"clientId": "lrs:one", "statementIds": [first["id"], third["id"]]},
        {"clientId": "lrs:two", "statementIds": [second["id"]]},
    ]


def test_a_statement_that_names_too_much_is_refused(lrs: Lrs) -> None:
    """A group of 3,000 members would need as many entries of the index."""
    members = [{"mbox": f"mailto:m{number}@uni.example"} for number in range(3_000)]
    with pytest.raises(Invalid, match="agents and activities"):
        lrs.post(said(actor={"objectType": "Group", "member": members}))


def test_a_batch_of_a_thousand_is_one_unit_of_work(lrs: Lrs) -> None:
    """All are stored, and one more is refused."""
    sent = [said() for _ in range(1_000)]
    assert lrs.post(*sent) == [each["id"] for each in sent]
    with pytest.raises(Invalid, match="1001 statements"):
        lrs.post(*sent, said())


def test_statements_that_an_older_version_stored_are_found(classroom: Classroom) -> None:
    """The migration gives them keys and cursors: each is found by its verb, person and activity,
    in the order of storing.
    """
    lrs = Lrs(classroom.database, classroom.clock)
    sent = [classroom.said("ada", "completed", activity_id=f"a{number}") for number in range(3)]
    for each in sent:
        classroom.record(each)
        classroom.clock.forward(seconds=1)
    rows = classroom.database.mongo["statements"]
    rows.update_many({}, {"$unset": {"keys": "", "cursor": ""}})
    assert lrs.ids() == []
    (step,) = (each for each in MIGRATIONS if each.number == 16)
    step.run(classroom.database.mongo)
    ids = [each.id for each in sent]
    assert lrs.ids(ascending="true") == ids
    assert lrs.ids(activity=activity_iri(BASE, RUN, "a1")) == [ids[1]]
    assert lrs.ids(agent=json.dumps(person_iri(BASE, "ada")), verb=f"{ADL}completed") == ids[::-1]


def test_a_page_with_attachments_is_bounded_too(lrs: Lrs) -> None:
    """Statements with three megabytes of data each come two on a page, with their data."""
    sent = []
    for number in range(3):
        data = bytes([number]) * 3_000_000
        sha2 = hashlib.sha256(data).hexdigest()
        described = {"usageType": "x:y", "display": {"en": "x"}, "contentType": "a/b"}
        each = said(attachments=[described | {"length": len(data), "sha2": sha2}])
        body, content_type = write(json.dumps(each).encode(), [Attachment(sha2, data, "a/b")])
        assert lrs.ask("POST", body=body, content_type=content_type).status == 200
        sent.append(each["id"])
        lrs.clock.forward(milliseconds=1)
    answer = lrs.ask("GET", {"attachments": "true"})
    found = read(answer.body, answer.headers.get("content-type", answer.media_type))
    assert len(found.attachments) == 2
    assert lrs.database.mongo["attachments"].count_documents({}) == 3
    assert lrs.ids() == sent[::-1]


BODIES = st.binary(max_size=40) | st.recursive(
    st.none() | st.booleans() | st.floats() | st.text(max_size=5) | st.sampled_from([said(), TOOL]),
    lambda inner: (
        st.lists(inner, max_size=3)
        | st.dictionaries(
            st.sampled_from(
                ["id", "actor", "verb", "object", "result", "context", "attachments", "x"]
            ),
            inner,
            max_size=6,
        )
    ),
    max_leaves=8,
).map(lambda value: json.dumps(value).encode())
TYPES = st.sampled_from(["application/json", "multipart/mixed", "multipart/mixed; boundary=x", ""])


@settings(max_examples=300 if DEEP else 30, suppress_health_check=list(HealthCheck))
@given(body=BODIES, content_type=TYPES, method=st.sampled_from(["POST", "PUT"]))
def test_no_body_causes_more_than_a_refusal(
    lrs: Lrs, body: bytes, content_type: str, method: str
) -> None:
    """Any bytes and any JSON are stored or refused."""
    parameters = {"statementId": str(uuid.uuid4())} if method == "PUT" else {}
    request = XapiRequest(method, Version.V2_0_0, lrs.client, parameters, {}, body, content_type)
    assert lrs.resource(request).status in (200, 204, 400, 409)
