"""Whom and what a statement names for the queries."""

import pytest

from services.progress.domain.xapi.identities import (
    activities_in,
    agent_key,
    agents_in,
    registration_of,
    related_activities_in,
    related_agents_in,
    verb_of,
)
from tests.unit.progress.xapi.examples import (
    ACCOUNT,
    ACTIVITY,
    AGENT,
    GROUP,
    SMALL,
    UUID,
    VERB,
    Json,
)


def mail(name: str) -> dict[str, str]:
    """An agent of this name."""
    return {"mbox": f"mailto:{name}@uni.example"}


def keys(*names: str) -> set[str]:
    """The keys of such agents."""
    return {agent_key(mail(name)) for name in names}


INNER = {
    "objectType": "SubStatement",
    "actor": mail("f"),
    "verb": VERB,
    "object": {"objectType": "Agent", **mail("g")},
    "context": {"instructor": mail("h"), "contextActivities": {"other": {"id": "x:inner"}}},
}
BROAD = {
    **SMALL,
    "actor": {"objectType": "Group", **mail("team"), "member": [mail("a"), mail("b")]},
    "object": INNER,
    "authority": mail("c"),
    "context": {
        "registration": UUID.upper(),
        "instructor": mail("d"),
        "team": {"objectType": "Group", "member": [mail("e")]},
        "contextAgents": [{"objectType": "contextAgent", "agent": mail("i")}],
        "contextGroups": [
            {"objectType": "contextGroup", "group": {"objectType": "Group", "member": [mail("j")]}}
        ],
        "contextActivities": {"parent": [{"id": "x:p"}], "grouping": {"id": "x:g"}},
    },
}


@pytest.mark.parametrize(
    ("agent", "key"),
    [
        (AGENT, "mbox mailto:ana@uni.example"),
        ({"mbox": "MAILTO:Ana@UNI.example"}, "mbox mailto:Ana@uni.example"),
        ({"mbox_sha1sum": "AB" * 20}, "mbox_sha1sum " + "ab" * 20),
        ({"openid": "https://ana.example"}, "openid https://ana.example"),
        (ACCOUNT, "account https://uni.example p-1"),
        (GROUP, ""),
        ({**GROUP, "openid": "https://g.example"}, "openid https://g.example"),
    ],
)
def test_an_agent_has_one_key(agent: Json, key: str) -> None:
    """Each identifier has one text, and an anonymous group none."""
    assert agent_key(agent) == key


def test_agents_are_actor_and_object() -> None:
    """Without related, actor and object count, with the members of groups."""
    assert agents_in(BROAD) == keys("team", "a", "b")
    as_object = {**SMALL, "object": {"objectType": "Agent", **mail("o")}}
    assert agents_in(as_object) == keys("ana", "o")


def test_related_agents_are_everywhere() -> None:
    """With related, authority, instructor, team, contextAgents, contextGroups and the sub-statement
    count too.
    """
    assert agents_in(BROAD) | related_agents_in(BROAD) == keys("team", *"abcdefghij")


def test_activities_are_the_object() -> None:
    """Without related, only the object counts."""
    assert activities_in(SMALL) == {ACTIVITY["id"]}
    assert activities_in(BROAD) == set()


def test_related_activities_are_those_of_the_context_and_sub_statement() -> None:
    """With related, contextActivities and the sub-statement count too."""
    assert related_activities_in(BROAD) == {"x:p", "x:g", "x:inner"}
    nested = {**SMALL, "object": {**INNER, "object": {"id": "x:o"}}}
    assert activities_in(nested) | related_activities_in(nested) == {"x:o", "x:inner"}


def test_verb_and_registration() -> None:
    """The verb's id, and the registration in small letters, are told."""
    assert verb_of(BROAD) == VERB["id"]
    assert (registration_of(BROAD), registration_of(SMALL)) == (UUID, "")
