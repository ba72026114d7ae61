"""How long a service's books are kept: settings that hold for a database that is in use."""

from collections.abc import Mapping
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chassis.data import bootstrap, retention
from services.sessions.settings import Settings
from services.sessions.store import SessionsStore


def lengths(mongo: Any, names: Mapping[str, Any]) -> dict[str, Any]:
    """After how many seconds each collection's documents expire."""
    found = {name: mongo[name].index_information().get("at_1", {}) for name in names}
    return {name: index.get("expireAfterSeconds") for name, index in found.items()}


@pytest.fixture
def given(make_database: Any, stack: Mapping[str, str]) -> dict[str, Any]:
    """The settings of sessions' migrate role, for a database that was prepared before."""
    return {
        "mongo_url": stack["TANDEM_MONGO_URL"],
        "mongo_database": make_database(SessionsStore).mongo.name,
        "amqp_url": "amqp://nobody",
        "library_target": "nowhere",
    }


def test_migrate_brings_a_database_to_the_settings(mongo: Any, given: dict[str, Any]) -> None:
    """A changed length holds after the next migrate; to repeat it changes nothing."""
    database = mongo[given["mongo_database"]]
    for days in (20, 5, 5):
        length = timedelta(days=days)
        settings = Settings(
            **given, keep_inbox=length, keep_requests=length * 2, keep_presence=length * 3
        )
        bootstrap.migrate(settings, "sessions", SessionsStore)
        assert lengths(database, settings.kept) == {
            "inbox": days * 86_400,
            "requests": days * 86_400 * 2,
            "marks": days * 86_400 * 3,
            "wrong_codes": days * 86_400 * 3,
        }


def test_an_index_that_is_no_deadline_becomes_one(mongo: Any, given: dict[str, Any]) -> None:
    """An index on `at` that deletes nothing is made to; documents and other indexes stay."""
    database = mongo[given["mongo_database"]]
    database["marks"].insert_one({"_id": 1, "at": datetime.now(UTC)})
    database["marks"].create_index("at")
    before = set(database["marks"].index_information()) - {"at_1"}
    retention.keep(database, {"marks": timedelta(days=3)})
    assert lengths(database, {"marks": 0}) == {"marks": 3 * 86_400}
    assert set(database["marks"].index_information()) - {"at_1"} == before
    assert database["marks"].count_documents({}) == 1
