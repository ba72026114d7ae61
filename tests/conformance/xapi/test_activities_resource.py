"""Activities Resource (xAPI 1.0.3, part 3, section 2.5; IEEE 9274.1.1, section 4.1.6.4)."""

from typing import Any
from uuid import uuid4

import pytest

from tests.conformance.xapi.resources import ACTIVITIES, Resources, covers, person

TYPE = "http://adlnet.gov/expapi/activities/meeting"
MEETING = {"type": TYPE, "name": {"en-US": "example meeting"}}


def _new() -> str:
    return f"https://uni.example/{uuid4()}"


def _statement(target: dict[str, Any], **more: Any) -> dict[str, Any]:
    verb = {"id": "http://adlnet.gov/expapi/verbs/attended"}
    return {"actor": person("ana"), "verb": verb, "object": target, **more}


def _activity(activity_id: str, **definition: Any) -> dict[str, Any]:
    return {"objectType": "Activity", "id": activity_id, "definition": definition}


@covers("XAPI-00251", "XAPI-00252", "XAPI-00253")
def test_the_complete_activity(documents: Resources, number: str) -> None:
    """GET returns the activity with the definition that a statement gave it."""
    told = _activity(_new(), **MEETING, extensions={"https://uni.example/$x.y": {"a.b": [1.5]}})
    documents.tell(_statement(told))
    answer = documents.call("GET", ACTIVITIES, {"activityId": told["id"]})
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert "etag" in answer.headers
    assert documents.read(ACTIVITIES, {"activityId": told["id"]}) == told


@pytest.mark.parametrize("parameters", [{}, {"activityId": ""}, {"activityId": "no/scheme"}])
def test_what_is_no_activity_is_refused(documents: Resources, parameters: dict[str, str]) -> None:
    """XAPI-00250: GET without activityId, or with what is no IRI, is answered 400."""
    assert documents.status("GET", ACTIVITIES, parameters) == 400


def test_all_languages_of_all_statements(documents: Resources) -> None:
    """XAPI-00254: the definition joins what statements tell: languages, and what only one tells."""
    name = _new()
    documents.tell(
        _statement(_activity(name, **MEETING)),
        _statement(_activity(name, name={"fr-FR": "réunion"}, description={"de": "Treffen"})),
    )
    documents.tell(_statement(_activity(name, name={"en-US": "meeting"})))
    assert documents.read(ACTIVITIES, {"activityId": name})["definition"] == {
        "type": TYPE,
        "name": {"en-US": "meeting", "fr-FR": "réunion"},
        "description": {"de": "Treffen"},
    }


def test_activities_of_contexts_and_sub_statements(documents: Resources) -> None:
    """XAPI-00254: what a statement tells of other activities than its object counts too."""
    parent, inner, other = _new(), _new(), _new()
    context = {"contextActivities": {"parent": [_activity(parent, **MEETING)]}}
    grouping = {"contextActivities": {"grouping": _activity(other, **MEETING)}}
    sub = {"objectType": "SubStatement", **_statement(_activity(inner, **MEETING))}
    documents.tell(_statement({**sub, "context": grouping}, context=context))
    for name in (parent, inner, other):
        assert documents.read(ACTIVITIES, {"activityId": name}) == _activity(name, **MEETING)


def test_an_unknown_activity(documents: Resources) -> None:
    """2.5.s2.b1: of an activity without a definition, the activity is returned."""
    name = _new()
    assert documents.read(ACTIVITIES, {"activityId": name}) == {
        "objectType": "Activity",
        "id": name,
    }
