"""What xAPI statements mean for progress, and statements of ours as xAPI."""

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.progress.domain.enums import Role
from services.progress.domain.statements import Result, Statement, normal
from services.progress.domain.video import VideoExtensions
from services.progress.domain.xapi.index_keys import OWN, keys_of
from services.progress.domain.xapi.places import (
    Place,
    activity_iri,
    item_iri,
    person_iri,
    place_of,
    run_iri,
)
from services.progress.domain.xapi.projection import VIDEO, duration_of, projected
from services.progress.domain.xapi.rendering import rendered
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version
from tests.unit.progress.xapi.examples import UUID

BASE = "https://progress.uni.example/xapi"
IDS = st.text(st.characters(codec="utf-8", exclude_categories=["Cs", "Cc"]), min_size=1, max_size=9)
SECONDS = st.floats(0.5, 1e9)
RESULTS = st.builds(
    Result,
    completion=st.none() | st.booleans(),
    success=st.none() | st.booleans(),
    scaled_score=st.none() | st.floats(-1, 1),
    duration=st.none() | st.timedeltas(timedelta(0), timedelta(days=9_000)),
)
VIDEOS = st.builds(
    VideoExtensions,
    length=SECONDS,
    time=st.just(0.0) | SECONDS,
    time_from=st.just(0.0) | SECONDS,
    time_to=st.just(0.0) | SECONDS,
    played_segments=st.sampled_from(["", "0[.]9.5[,]12[.]60"]),
)


@st.composite
def statements(draw: st.DrawFn) -> Statement:
    """Return statements that RecordStatements would store; a result tells something."""
    kind = draw(st.sampled_from(["activity", "item", "both"]))
    result = draw(st.none() | RESULTS)
    return normal(
        Statement(
            id=UUID,
            learner_id=draw(IDS),
            verb="http://adlnet.gov/expapi/verbs/completed",
            run_id=draw(IDS),
            activity_id="" if kind == "item" else draw(IDS),
            item_id="" if kind == "activity" else draw(IDS),
            timestamp=draw(st.datetimes(datetime(2000, 1, 1), timezones=st.just(UTC))),
            result=None if result == Result() else result,
            video=draw(st.none() | VIDEOS),
            authority=draw(st.sampled_from([Role.LEARNER, Role.SERVICE])),
        )
    )


@given(statements())
def test_what_is_rendered_is_projected_to_the_same(statement: Statement) -> None:
    """What RecordStatements would have stored, and what the LRS makes of its xAPI, are equal; and
    the xAPI is valid.
    """
    whole = rendered(statement, BASE)
    assert violations_of(whole, Version.V1_0_3) == []
    role = statement.authority
    assert role is not None
    assert projected(whole, BASE, role) == statement


@given(statements())
def test_keys_do_not_depend_on_the_lrss_url(statement: Statement) -> None:
    """A statement of ours has the same keys without the URL and with it."""
    assert set(keys_of(rendered(statement, OWN), OWN)) == set(
        keys_of(rendered(statement, BASE), BASE)
    )


SAID: dict[str, Any] = rendered(
    Statement(
        UUID,
        "ada",
        "http://adlnet.gov/expapi/verbs/completed",
        "run-1",
        "quiz",
        "film",
        datetime(2026, 3, 2, 8, tzinfo=UTC),
        authority=Role.SERVICE,
    ),
    BASE,
)


@pytest.mark.parametrize(
    "change",
    [
        {"actor": {"mbox": "mailto:ada@uni.example"}},
        {"actor": person_iri("https://other.example", "ada")},
        {"actor": person_iri(BASE, "ada") | {"objectType": "Group"}},
        {"object": {"id": "https://uni.example/a"}},
        {"object": {"id": run_iri(BASE, "run-1")}},
        {"object": {"objectType": "StatementRef", "id": UUID}},
        {"context": {}},
        {"context": {"contextActivities": {"parent": [{"id": run_iri(BASE, "1")}]}}},
    ],
    ids=lambda change: next(iter(change)),
)
def test_what_is_none_of_ours(change: dict[str, Any]) -> None:
    """Another's actor or object, a run alone, an item without a run, or with two."""
    given_ = {**SAID, **change}
    if change.get("context"):
        other = {"id": run_iri(BASE, "2")}
        given_["context"]["contextActivities"]["grouping"] = [other]
    assert projected(given_, BASE, Role.SERVICE) is None


def test_the_run_of_an_item_stands_in_any_kind_of_context() -> None:
    """As an object or an array."""
    for kind in ("parent", "grouping", "category", "other"):
        given_ = SAID | {"context": {"contextActivities": {kind: {"id": run_iri(BASE, "r")}}}}
        found = projected(given_, BASE, Role.SERVICE)
        assert found is not None
        assert (found.run_id, found.activity_id, found.item_id) == ("r", "", "film")


def test_extensions_of_a_video_are_read_as_players_write_them() -> None:
    """The length in the context or the result; what is no number or text counts as not told."""
    told = {f"{VIDEO}time": "1", f"{VIDEO}time-to": True, f"{VIDEO}played-segments": "0[.]9"}
    for place in ("context", "result"):
        given_ = SAID | {"result": {"extensions": dict(told)}}
        given_[place] = {**given_[place], "extensions": given_[place].get("extensions", {})}
        given_[place]["extensions"] |= {f"{VIDEO}length": 60}
        found = projected(given_, BASE, Role.SERVICE)
        assert found is not None
        assert found.video == VideoExtensions(length=60.0, played_segments="0[.]9")


@pytest.mark.parametrize(
    ("text", "seconds"),
    [("PT1H30M", 5400), ("P4W", 2_419_200), ("P1DT0.5S", 86_400.5), ("PT1,5M", 90)],
)
def test_durations(text: str, seconds: float) -> None:
    """ISO 8601's designators, with a fraction after a point or a comma."""
    assert duration_of(text) == timedelta(seconds=seconds)


@pytest.mark.parametrize("text", ["P1Y", "P1M", "", "P", None, 5, "PT1.2.3S", "PT99999999999999H"])
def test_durations_that_have_no_fixed_length(text: object) -> None:
    """Years and months, what is none, and what is too long."""
    assert duration_of(text) is None


@pytest.mark.parametrize(
    ("iri", "place"),
    [
        (activity_iri(BASE, "a/b", "ü?"), Place("a/b", "ü?")),
        (item_iri(BASE, "x"), Place(item_id="x")),
        (run_iri(BASE, "x"), Place("x")),
        (f"{BASE}/runs/", Place()),
        (f"{BASE}/runs/x/other/y", Place()),
        (f"{BASE}/runs/{'x' * 65}", Place()),
        (f"{BASE}x/runs/x", Place()),
        (None, Place()),
    ],
)
def test_iris_of_ours(iri: object, place: Place) -> None:
    """Each names what it was made of, whatever characters ids have; others name nothing."""
    assert place_of(iri, BASE) == place


def test_a_learners_own_statement_is_a_learners() -> None:
    """The authority follows from who sent it."""
    one, other = (projected(SAID, BASE, role) for role in (Role.LEARNER, Role.SERVICE))
    assert one is not None
    assert other == replace(one, authority=Role.SERVICE)
