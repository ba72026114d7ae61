"""Export and erasure of a person, on the whole platform."""

import json
import zipfile
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import pytest
from tandem.sessions.v1 import events_pb2 as sessions

from campus.client import Campus
from campus.platform import Platform
from chassis.contracts import events
from chassis.contracts.events import Event
from chassis.ids import new_id
from chassis.messaging import topology
from tests.system.classes import tandem, tandem_json
from tests.system.person import Someone, archived, places_with

SERVICES = ("catalog", "library", "sessions", "progress", "notify")


@pytest.fixture(scope="module")
def someone(campus: Campus) -> Someone:
    """A learner who has done everything."""
    staff = campus.calling_as("registrar", "registrar", "instructor", "service", "operator")
    found = Someone(campus, staff)
    found.live()
    return found


def test_all_of_a_person_is_exported_and_then_nowhere(
    platform: Platform, someone: Someone, tmp_path: Path
) -> None:
    """An export has what the person wrote; after an erasure no store has it any more."""
    exported = _export(platform, someone, tmp_path / "export.zip")
    assert {name.partition("/")[0] for name in exported} == {*SERVICES, "README.txt"}
    for kind in ("catalog/people", "sessions/questions", "sessions/replies", "sessions/class-log",
                 "sessions/feedback", "progress/statements", "progress/documents",
                 "notify/people", "notify/messages"):  # fmt: skip
        assert someone.secret in exported[f"{kind}.jsonl"], kind
    assert "questions that the person asked" in exported["README.txt"]
    _put_letters(platform, someone)
    assert places_with(platform, someone.secret) != []
    assert archived(platform, someone.secret)

    rows = tandem_json(platform, "privacy", "erase", someone.id, "--reason", "request 17")
    done = {(row["service"], row["kind"]): row["count"] for row in rows}
    assert done["sessions", "questions"] == 2
    assert done["broker", "dead letters"] == 2
    assert done["notify", "messages"] > 0
    assert {row["service"] for row in rows if row["erased_at"]} == set(SERVICES)
    assert _places_at_last(platform, someone) == []
    assert not archived(platform, someone.secret)
    left = tandem_json(platform, "privacy", "status", someone.id)
    assert {row["service"] for row in left if row["next_sweep_at"]} == set(SERVICES)


def _places_at_last(platform: Platform, someone: Someone) -> list[str]:
    """Where the text is when nothing of it is on its way any more: what came late is erased by the
    next sweeps, and an erasure that is asked for again sweeps at once.
    """
    for _ in range(5):
        if not (places := places_with(platform, someone.secret)):
            break
        tandem(platform, "privacy", "erase", someone.id, "--reason", "request 17")
    return places


def test_a_stranger_has_no_records(platform: Platform, tmp_path: Path) -> None:
    """Neither an export nor an erasure of an unknown id leaves anything."""
    file = tmp_path / "stranger.zip"
    tandem(platform, "privacy", "export", "../str$anger", "--output", str(file), code=1)
    assert [*tmp_path.iterdir()] == []
    tandem(platform, "privacy", "erase", "../str$anger", "--reason", "17", code=1)
    tandem(platform, "privacy", "status", "../str$anger", code=1)


def _export(platform: Platform, someone: Someone, path: Path) -> dict[str, str]:
    tandem(platform, "privacy", "export", someone.id, "--output", str(path))
    with zipfile.ZipFile(path) as archive:
        return {name: archive.read(name).decode() for name in archive.namelist()}


def _put_letters(platform: Platform, someone: Someone) -> None:
    """Put two dead letters about the person: one is an event, the other one is none."""
    asked = sessions.QuestionAsked(
        question_id=someone.question, asker_id=someone.id, question=someone.secret
    )
    event = Event(
        id=new_id(), type=events.event_type(sessions.QuestionAsked), source="/tandem/sessions",
        time=datetime.now(UTC), subject=someone.question, partition_key=someone.question,
        sequence=99, traceparent="", data=asked,
    )  # fmt: skip
    with pika.BlockingConnection(
        pika.URLParameters(platform.environment()["TANDEM_AMQP_URL"])
    ) as connection:
        channel = connection.channel()
        channel.confirm_delivery()
        bodies: list[tuple[dict[str, Any], bytes]] = [
            (events.headers_of(event), events.body_of(asked)),
            ({}, json.dumps({"who": someone.id, "said": someone.secret}).encode()),
        ]
        for headers, body in bodies:
            properties = pika.BasicProperties(headers=headers, content_type="application/json")
            channel.basic_publish("", topology.dead("notify.questions"), body, properties)
