"""Voided statements, and statements that refer to others, in any order of their storing."""

import itertools
import json
import uuid
from concurrent.futures import ThreadPoolExecutor

import pytest

from chassis.errors import NotFound
from services.progress.domain.xapi.clients import Scope
from services.progress.domain.xapi.places import person_iri
from tests.integration.progress.classroom import FILM, RUN, Classroom, item, task
from tests.integration.progress.lrs import (
    ADL,
    BASE,
    VOIDED,
    Json,
    Lrs,
    about,
    client,
    learner,
    refers,
    said,
    voids,
)

SEGMENTS = "https://w3id.org/xapi/video/extensions/played-segments"


def is_voided(lrs: Lrs, id_: str) -> bool:
    """Return whether a statement is voided; it is found in exactly one of both ways."""
    try:
        lrs.one(id_)
    except NotFound:
        assert lrs.one(id_, voided=True)["id"] == id_
        return True
    with pytest.raises(NotFound):
        lrs.one(id_, voided=True)
    return False


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_a_voided_statement_is_found_by_its_voided_id_alone(
    lrs: Lrs, order: tuple[int, ...]
) -> None:
    """In any order of a statement, the one that voids it and one that comments on it: queries find
    the latter two, also by what finds the voided one.
    """
    target = said("https://uni.example/done")
    sent = [target, voids(target["id"]), refers(target["id"])]
    for place in order:
        lrs.post(sent[place])
    assert is_voided(lrs, target["id"])
    others = {sent[1]["id"], sent[2]["id"]}
    assert set(lrs.ids()) == set(lrs.ids(verb="https://uni.example/done")) == others


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
def test_a_voiding_statement_is_not_voided(lrs: Lrs, order: tuple[int, ...]) -> None:
    """In any order of a statement, one that voids it and one that would void the latter."""
    target = said()
    first = voids(target["id"])
    sent = [target, first, voids(first["id"])]
    for place in order:
        lrs.post(sent[place])
    assert [is_voided(lrs, each["id"]) for each in sent] == [True, False, False]


@pytest.mark.parametrize("order", itertools.permutations(range(3)))
@pytest.mark.parametrize("at_once", [False, True])
def test_a_statement_is_found_by_what_finds_its_targets_target(
    lrs: Lrs, order: tuple[int, ...], at_once: bool
) -> None:
    """In any order, in one batch or one by one: each filter finds all three of a chain."""
    last = said("https://uni.example/done", object={"id": "https://uni.example/exam"})
    middle = refers(last["id"])
    sent = [last, middle, refers(middle["id"], actor={"mbox": "mailto:dean@uni.example"})]
    if at_once:
        lrs.post(*(sent[place] for place in order))
    else:
        for place in order:
            lrs.post(sent[place])
    ids = {each["id"] for each in sent}
    assert set(lrs.ids(verb="https://uni.example/done")) == ids
    assert set(lrs.ids(activity="https://uni.example/exam")) == ids
    assert lrs.ids(agent=json.dumps(sent[2]["actor"])) == [sent[2]["id"]]


def test_a_ring_of_references_ends(lrs: Lrs) -> None:
    """Two statements that refer to each other are stored, and each is found by both verbs."""
    one = refers(str(uuid.uuid4()), "https://uni.example/one")
    other = refers(one["id"], "https://uni.example/other")
    one["object"]["id"] = other["id"]
    lrs.post(one)
    lrs.post(other)
    assert set(lrs.ids(verb="https://uni.example/one")) == {one["id"], other["id"]}
    assert set(lrs.ids(verb="https://uni.example/other")) == {one["id"], other["id"]}


def test_who_may_not_read_a_statement_neither_voids_it_nor_learns_of_it(
    classroom: Classroom,
) -> None:
    """A learner refers to another's statement and voids it, on a run of both: nothing happens, and
    the reference is not found by what finds the other's.
    """
    classroom.open(task("quiz"), learners=["ada", "eve"])
    lrs = Lrs(classroom.database, classroom.clock)
    target = about("ada", "passed")
    lrs.post(target)
    reference = {"objectType": "StatementRef", "id": target["id"]}
    for verb in (VOIDED, f"{ADL}commented"):
        lrs.post(about("eve") | {"verb": {"id": verb}, "object": reference}, by=learner("eve"))
    assert not is_voided(lrs, target["id"])
    assert lrs.ids(by=learner("eve"), verb=f"{ADL}passed") == []


def test_a_client_of_some_runs_voids_what_is_of_them(lrs: Lrs) -> None:
    """Its statement voids one on its run, and has no effect on another's."""
    bound = client("lrs:bound", Scope.ALL, run_ids={RUN})
    here, elsewhere = about("ada"), said()
    lrs.post(here, elsewhere)
    for target in (here, elsewhere):
        reference = {"objectType": "StatementRef", "id": target["id"]}
        lrs.post(about("ada") | {"verb": {"id": VOIDED}, "object": reference}, by=bound)
    assert is_voided(lrs, here["id"])
    assert not is_voided(lrs, elsewhere["id"])


def test_a_statement_and_its_voiding_stored_at_once(lrs: Lrs) -> None:
    """Twenty pairs, each of two threads in batches of their own: every target is voided."""
    pairs = [(target, voids(target["id"])) for target in (said() for _ in range(20))]
    batches = [[each, said()] for pair in pairs for each in pair]
    with ThreadPoolExecutor(8) as pool:
        list(pool.map(lambda batch: lrs.post(*batch), batches))
    assert all(is_voided(lrs, target["id"]) for target, _ in pairs)


def test_what_came_by_record_statements_is_voided_too(classroom: Classroom) -> None:
    """Before it comes, and after."""
    classroom.open(task("quiz"), learners=["ada"])
    lrs = Lrs(classroom.database, classroom.clock)
    early, late = (classroom.said("ada", "completed", activity_id="quiz") for _ in range(2))
    classroom.record(early)
    lrs.post(voids(early.id), voids(late.id))
    classroom.record(late)
    assert is_voided(lrs, early.id)
    assert is_voided(lrs, late.id)


def _played(segments: str) -> Json:
    return about("ada", item=FILM, result={"extensions": {SEGMENTS: segments}})


@pytest.mark.parametrize("order", ["void first", "void last"])
def test_what_a_voided_statement_brought_is_taken_back(classroom: Classroom, order: str) -> None:
    """Completion, score and watched seconds are those of the statements that remain, whether the
    worker hears of the voiding before or after the statement.
    """
    classroom.open(task("quiz"), item("film", FILM), learners=["ada"])
    lrs = Lrs(classroom.database, classroom.clock)
    scored = about("ada", "passed", result={"score": {"scaled": 0.9}})
    watched = [_played("0[.]600"), _played("0[.]3600")]
    lrs.post(scored, about("ada", "attempted", result={"score": {"scaled": 0.2}}), *watched)
    if order == "void last":
        classroom.settle()
        assert classroom.states("ada") == {"quiz": "COMPLETED", "film": "COMPLETED"}
    lrs.post(voids(scored["id"]), voids(watched[1]["id"]))
    classroom.settle()
    assert classroom.states("ada") == {"quiz": "STARTED", "film": "STARTED"}
    key = (RUN, "ada")
    evidence = classroom.database.reader().evidence({key: None})[key]
    by_target = {each.target: each for each in evidence}
    assert by_target["activity:quiz"].best_score == 0.2
    assert by_target[f"item:{FILM}"].watched == ((0.0, 600.0),)


def test_a_voided_first_statement_leaves_nothing_begun(classroom: Classroom) -> None:
    """The only statement on an activity is voided: the activity is open again."""
    classroom.open(task("quiz"), learners=["ada"])
    lrs = Lrs(classroom.database, classroom.clock)
    sent = about("ada", "attempted")
    lrs.post(sent)
    classroom.settle()
    assert classroom.states("ada") == {"quiz": "STARTED"}
    lrs.post(voids(sent["id"]))
    classroom.settle()
    assert classroom.states("ada") == {"quiz": "OPEN"}


def test_a_person_is_the_account_at_the_lrs(lrs: Lrs) -> None:
    """A statement of ours is found by the person's account."""
    sent = about("ada")
    lrs.post(sent, about("eve"))
    assert lrs.ids(agent=json.dumps(person_iri(BASE, "ada"))) == [sent["id"]]
