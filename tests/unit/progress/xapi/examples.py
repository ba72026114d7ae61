"""Statements for tests: whole ones, and strategies for valid ones."""

import copy
from typing import Any

from hypothesis import strategies as st

Json = Any
AGENT: dict[str, Json] = {"objectType": "Agent", "name": "Ana", "mbox": "mailto:ana@uni.example"}
ACCOUNT: dict[str, Json] = {"account": {"homePage": "https://uni.example", "name": "p-1"}}
GROUP: dict[str, Json] = {"objectType": "Group", "member": [AGENT, ACCOUNT]}
VERB: dict[str, Json] = {
    "id": "http://adlnet.gov/expapi/verbs/completed",
    "display": {"en-US": "completed"},
}
ACTIVITY: dict[str, Json] = {"objectType": "Activity", "id": "https://uni.example/a/1"}
UUID = "aa97b177-9383-4934-8543-0f91a7a02836"
ATTACHMENT: dict[str, Json] = {
    "usageType": "https://uni.example/usage",
    "display": {"en": "notes"},
    "contentType": "text/plain; charset=ascii",
    "length": 27,
    "sha2": "495395e777cd98da653df9615d09c0fd6bb2f8d4788394cd53c56a3bfdcd848a",
}
DEFINITION: dict[str, Json] = {
    "name": {"en": "One", "de-AT": "Eins"},
    "description": {"en": "First"},
    "type": "http://adlnet.gov/expapi/activities/cmi.interaction",
    "moreInfo": "https://uni.example/more",
    "interactionType": "choice",
    "correctResponsesPattern": ["a"],
    "choices": [{"id": "a", "description": {"en": "A", "de": "Ah"}}, {"id": "b"}],
    "extensions": {"https://uni.example/e": {"$deep": [None, 1.5]}},
}
CONTEXT: dict[str, Json] = {
    "registration": UUID,
    "instructor": AGENT,
    "team": GROUP,
    "contextActivities": {"parent": ACTIVITY, "category": [{"id": "https://uni.example/c"}]},
    "revision": "2",
    "platform": "web",
    "language": "en-US",
    "statement": {"objectType": "StatementRef", "id": UUID},
    "extensions": {},
}
RESULT: dict[str, Json] = {
    "score": {"scaled": 0.5, "raw": 5, "min": 0, "max": 10},
    "success": True,
    "completion": False,
    "response": "a",
    "duration": "PT1M30.5S",
    "extensions": {"https://uni.example/e": None},
}
SMALL: dict[str, Json] = {"actor": AGENT, "verb": VERB, "object": ACTIVITY}
WHOLE: dict[str, Json] = {
    **SMALL,
    "id": UUID,
    "object": {**ACTIVITY, "definition": DEFINITION},
    "result": RESULT,
    "context": CONTEXT,
    "timestamp": "2026-03-02T08:00:00.123Z",
    "stored": "2026-03-02T08:00:01Z",
    "authority": {"objectType": "Group", "member": [AGENT, ACCOUNT]},
    "version": "1.0.3",
    "attachments": [ATTACHMENT],
}
SUB_STATEMENT: dict[str, Json] = {
    "objectType": "SubStatement",
    **{name: WHOLE[name] for name in (*SMALL, "result", "context", "timestamp", "attachments")},
}


def changed(statement: dict[str, Json], path: str, value: Json) -> dict[str, Json]:
    """A copy with another value at a path such as context.team.member."""
    made = copy.deepcopy(statement)
    *steps, last = path.split(".")
    place = made
    for step in steps:
        place = place.setdefault(step, {})
    place[last] = value
    return made


json_values: st.SearchStrategy[Json] = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3),
    max_leaves=8,
)
agents = st.sampled_from(
    [AGENT, ACCOUNT, {"openid": "https://ana.example"}, {"mbox_sha1sum": "Ab" * 20}]
)
groups = st.builds(
    lambda members: {"objectType": "Group", "member": members},
    st.lists(agents, min_size=1, max_size=3),
) | st.just({"objectType": "Group", "mbox": "mailto:team@uni.example", "name": "Team"})
activities = st.sampled_from(
    [ACTIVITY, {"id": "https://uni.example/a/2", "definition": DEFINITION}]
)
_verbs = st.sampled_from([VERB, {"id": "https://uni.example/v"}])
_extensions = st.dictionaries(
    st.sampled_from(["https://uni.example/e", "tag:uni.example,2026:f"]), json_values, max_size=2
)
_contexts = st.fixed_dictionaries(
    {},
    optional={
        "registration": st.uuids().map(str),
        "instructor": agents | groups,
        "team": groups,
        "contextActivities": st.dictionaries(
            st.sampled_from(["parent", "grouping", "category", "other"]),
            activities | st.lists(activities, max_size=2),
            min_size=1,
        ),
        "extensions": _extensions,
    },
)
_parts = {
    "result": st.fixed_dictionaries(
        {},
        optional={
            "score": st.fixed_dictionaries({"scaled": st.integers(-1, 1) | st.floats(-1, 1)}),
            "duration": st.sampled_from(["PT60S", "PT1M"]),
            "extensions": _extensions,
        },
    ),
    "context": _contexts,
    "timestamp": st.sampled_from(
        ["2026-03-02T08:00:00Z", "2026-03-02T09:00:00.000+01:00", "2026-03-02T08:00:00.001Z"]
    ),
}
_sub_statements = st.fixed_dictionaries(
    {
        "objectType": st.just("SubStatement"),
        "actor": agents | groups,
        "verb": _verbs,
        "object": activities,
    },
    optional=_parts,
)
_objects = (
    activities
    | groups
    | st.just(AGENT)
    | _sub_statements
    | st.just({"objectType": "StatementRef", "id": UUID})
)
statements: st.SearchStrategy[dict[str, Json]] = st.fixed_dictionaries(
    {"actor": agents | groups, "verb": _verbs, "object": _objects},
    optional={
        **_parts,
        "id": st.uuids().map(str),
        "stored": st.just("2026-03-02T08:00:00Z"),
        "authority": agents,
        "version": st.sampled_from(["1.0.0", "1.0.3"]),
    },
)
