"""What the LRS sets on a statement."""

import copy
from datetime import datetime, timedelta, timezone
from typing import Any

from hypothesis import given

from services.progress.domain.xapi.completed import with_server_fields
from services.progress.domain.xapi.equality import same
from services.progress.domain.xapi.validation import violations_of
from services.progress.domain.xapi.versions import Version
from tests.unit.progress.xapi.examples import (
    ACTIVITY,
    SMALL,
    SUB_STATEMENT,
    UUID,
    WHOLE,
    Json,
    statements,
)

LRS = {"account": {"homePage": "https://lrs.example", "name": "client"}}
AT = datetime(2026, 3, 2, 9, 0, 0, 123999, timezone(timedelta(hours=1)))


def completed(statement: Json, version: Version = Version.V1_0_3) -> dict[str, Any]:
    """The statement as the LRS stores it."""
    other = "0" * 8 + UUID[8:]
    return with_server_fields(statement, id_=other, stored=AT, authority=LRS, version=version)


def test_what_is_missing_is_set() -> None:
    """id, timestamp, stored, authority and version are set, in UTC to the millisecond."""
    told = completed(SMALL)
    assert told["id"] == "00000000" + UUID[8:]
    assert told["timestamp"] == told["stored"] == "2026-03-02T08:00:00.123Z"
    assert (told["authority"], told["version"]) == (LRS, "1.0.0")
    assert completed(SMALL, Version.V2_0_0)["version"] == "2.0.0"


def test_what_is_there_stays() -> None:
    """A given id, timestamp and version stay; stored and authority are the LRS's own."""
    told = completed(WHOLE)
    for name in ("id", "timestamp", "version", "result", "attachments"):
        assert told[name] == WHOLE[name]
    assert (told["stored"], told["authority"]) == ("2026-03-02T08:00:00.123Z", LRS)


def test_context_activities_become_arrays() -> None:
    """A single context activity becomes an array of one, in a sub-statement too."""
    assert completed(WHOLE)["context"]["contextActivities"]["parent"] == [ACTIVITY]
    inner = completed({**SMALL, "object": SUB_STATEMENT})["object"]
    assert inner["context"]["contextActivities"]["parent"] == [ACTIVITY]


@given(statements)
def test_a_completed_statement_is_valid_and_the_same(statement: Json) -> None:
    """What the LRS stores is valid, says the same as what came, and what came is not changed."""
    before = copy.deepcopy(statement)
    told = completed(statement)
    assert violations_of(told, Version.V1_0_3) == []
    sent = {name: value for name, value in statement.items() if name != "stored"}
    assert same(told, sent)
    assert statement == before
