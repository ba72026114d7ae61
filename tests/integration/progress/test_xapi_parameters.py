"""Wrong and hostile parameters of queries of the LRS's statements."""

from contextlib import suppress

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from chassis.data.store import Database
from chassis.errors import Invalid, NotFound
from services.progress.store import ProgressStore
from tests.conftest import FakeClock
from tests.deep import DEEP
from tests.integration.progress.lrs import Lrs
from tests.integration.progress.xapi_queries import DONE, REGISTRATION

ANY = st.text(max_size=60) | st.sampled_from(["true", "0", REGISTRATION, '{"mbox": 1}', "[[", "~"])
NAMES = st.sampled_from(
    [
        "agent",
        "verb",
        "activity",
        "registration",
        "since",
        "until",
        "limit",
        "format",
        "cursor",
        "ascending",
        "attachments",
        "related_agents",
        "related_activities",
        "statementId",
    ]
)


@pytest.mark.parametrize(
    ("parameters", "field"),
    [
        ({"statementId": REGISTRATION, "verb": DONE}, "verb"),
        ({"statementId": "x"}, "statementId"),
        ({"statementId": REGISTRATION, "voidedStatementId": REGISTRATION}, "voidedStatementId"),
        ({"agent": "{"}, "agent"),
        ({"agent": '{"name": "Ana"}'}, "agent"),
        ({"agent": '{"objectType": "Group", "member": []}'}, "agent"),
        ({"verb": "no IRI"}, "verb"),
        ({"activity": ""}, "activity"),
        ({"registration": "1"}, "registration"),
        ({"since": "yesterday"}, "since"),
        ({"limit": "-1"}, "limit"),
        ({"format": "xml"}, "format"),
        ({"ascending": "1"}, "ascending"),
        ({"cursor": "x"}, "cursor"),
    ],
)
def test_a_wrong_parameter_is_told(lrs: Lrs, parameters: dict[str, str], field: str) -> None:
    """Each with its name."""
    with pytest.raises(Invalid) as refused:
        lrs.ask("GET", parameters)
    assert field in {each.field.split(".")[0] for each in refused.value.violations}


def test_all_wrong_parameters_are_told_at_once(lrs: Lrs) -> None:
    """Three faults of one query."""
    with pytest.raises(Invalid) as refused:
        lrs.ask("GET", {"verb": "x", "limit": "x", "since": "x"})
    assert {each.field for each in refused.value.violations} == {"verb", "limit", "since"}


def test_no_parameters_cause_more_than_a_refusal(
    module_database: Database[ProgressStore],
) -> None:
    """Any texts for any parameters give an answer, or an error of the domain."""
    lrs = Lrs(module_database, FakeClock())

    @settings(max_examples=300 if DEEP else 25)
    @given(st.dictionaries(NAMES, ANY, max_size=4))
    def ask(parameters: dict[str, str]) -> None:
        with suppress(Invalid, NotFound):
            assert lrs.ask("GET", parameters).status == 200

    ask()
