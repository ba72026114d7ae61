"""Agents Resource (xAPI 1.0.3, part 3, section 2.4; IEEE 9274.1.1, section 4.1.6.3)."""

from typing import Any

import pytest

from tests.conformance.xapi.resources import AGENTS, Resources

SHA1 = "ebd31e95054c018b10727ccffd2ef2ec3a016ee9"
ACCOUNT = {"homePage": "https://uni.example", "name": "ana"}


@pytest.mark.parametrize(
    ("number", "agent", "person"),
    [
        ("XAPI-00236", {"account": ACCOUNT}, {"account": [ACCOUNT]}),
        ("XAPI-00237", {"objectType": "Agent", "account": ACCOUNT}, {"account": [ACCOUNT]}),
        (
            "XAPI-00238",
            {"name": "Ana", "account": ACCOUNT},
            {"name": ["Ana"], "account": [ACCOUNT]},
        ),
        ("XAPI-00239", {"mbox": "mailto:a@uni.example"}, {"mbox": ["mailto:a@uni.example"]}),
        ("XAPI-00240", {"mbox_sha1sum": SHA1}, {"mbox_sha1sum": [SHA1]}),
        ("XAPI-00241", {"openid": "https://a.example"}, {"openid": ["https://a.example"]}),
        ("XAPI-00242", {"account": ACCOUNT}, {"account": [ACCOUNT]}),
        ("XAPI-00244", {"mbox": "mailto:a@uni.example"}, {"mbox": ["mailto:a@uni.example"]}),
        ("XAPI-00245", {"openid": "https://a.example"}, {"openid": ["https://a.example"]}),
        ("XAPI-00246", {"account": ACCOUNT}, {"account": [ACCOUNT]}),
        ("XAPI-00247", {"mbox_sha1sum": SHA1}, {"mbox_sha1sum": [SHA1]}),
        ("XAPI-00248", {"account": ACCOUNT}, {"account": [ACCOUNT]}),
    ],
)
def test_a_person_has_what_the_agent_has(
    documents: Resources, number: str, agent: dict[str, Any], person: dict[str, Any]
) -> None:
    """GET returns a Person, in which each property of the agent is an array, and nothing else."""
    answer = documents.call("GET", AGENTS, {"agent": agent})
    assert (answer.status, answer.media_type) == (200, "application/json")
    assert "etag" in answer.headers
    assert documents.read(AGENTS, {"agent": agent}) == {"objectType": "Person", **person}


@pytest.mark.parametrize(
    ("number", "parameters"),
    [
        ("XAPI-00243", {}),
        ("XAPI-00249", {"agent": {"objectType": "Agent", "name": "Ana"}}),
        ("XAPI-00249", {"agent": {"mbox": "a@uni.example"}}),
        ("XAPI-00249", {"agent": {"mbox": ["mailto:a@uni.example"]}}),
        ("XAPI-00249", {"agent": {"objectType": "Group", "mbox": "mailto:a@uni.example"}}),
        ("XAPI-00249", {"agent": {"mbox": "mailto:a@uni.example", "openid": "https://a.example"}}),
        ("XAPI-00249", {"agent": {"account": {"name": "ana"}}}),
        ("XAPI-00249", {"agent": {"account": {**ACCOUNT, "name": "\ud800"}}}),
        ("XAPI-00249", {"agent": {"account": {**ACCOUNT, "name": "x" * 3000}}}),
        ("XAPI-00249", {"agent": "[" * 2000}),
    ],
)
def test_what_is_no_agent_is_refused(
    documents: Resources, number: str, parameters: dict[str, Any]
) -> None:
    """A parameter that is missing, or no agent with one identifier, is answered 400."""
    assert documents.status("GET", AGENTS, parameters) == 400
