"""The command `tandem`, as people and programs use it."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pika
import pytest
from tandem.notify.v1.events_pb2 import MessageDelivered

from campus.platform import Platform
from campus.queues import names
from chassis import events
from chassis.ids import new_id
from chassis.store import connect
from tests.system.classes import MakeClass, run_tandem, until


def tandem(platform: Platform, *words: str, code: int = 0) -> str:
    """What the command prints; its exit code is looked at."""
    done = run_tandem(*words, "--data", platform.folder)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout or done.stderr


def tandem_json(platform: Platform, *words: str) -> Any:
    """What the command prints for programs."""
    return json.loads(tandem(platform, *words, "--json"))


def test_up_is_harmless_when_all_runs(platform: Platform) -> None:
    """A second `up` starts nothing anew, and changes no setting of what starts later."""
    before = {row.name: row.pid for row in platform.status()}
    settings = platform.environment()
    assert "OTEL_EXPORTER_OTLP_ENDPOINT" in settings
    rows = tandem_json(platform, "up")
    assert {row["name"]: row["pid"] for row in rows} == before
    assert platform.environment() == settings


def test_status_tells_every_part_and_role(platform: Platform) -> None:
    """All run, each with its pid and address; for people there is a table."""
    rows = tandem_json(platform, "status")
    assert len(rows) == 4 + len(platform.roles)
    assert {row["state"] for row in rows} == {"running"}
    assert all(row["pid"] and row["address"] for row in rows)
    assert "catalog-relay" in tandem(platform, "status")


def test_status_of_nothing_says_so(tmp_path: Path) -> None:
    """Where nothing runs the exit code is 1, and a command that needs it says what to type."""
    nothing = Platform(tmp_path, given={})
    assert "stopped" in tandem(nothing, "status", code=1)
    assert "`tandem up` starts it" in tandem(nothing, "events", "tail", "--since", "1m", code=1)


def test_events_are_replayed_from_the_history(platform: Platform, make_class: MakeClass) -> None:
    """What happened in the last minutes is told from the stream, in its order, by type."""
    group = make_class(3)
    group.enrol(group.learners)
    until("the enrolments", lambda: group.summary().learners == 3)
    text = tandem(platform, "events", "tail", "--since", "5m", "--type", "enrolment", "--json")
    rows = [json.loads(line) for line in text.splitlines()]
    ours = [row for row in rows if row["partitionkey"] == group.run]
    assert [row["data"]["learnerId"] for row in ours] == group.learners
    assert [row["offset"] for row in rows] == sorted(row["offset"] for row in rows)
    assert group.run in tandem(platform, "events", "tail", "--since", "5m")


def test_a_bad_duration_says_what_would_be_right(platform: Platform) -> None:
    """The answer shows the forms that are understood."""
    assert "90s, 10m, 2h or 7d" in tandem(platform, "events", "tail", "--since", "soon", code=2)


@pytest.mark.parametrize("queue", ["progress.plans", "sessions.rosters"])
def test_an_undecodable_message_is_shown_and_discarded(platform: Platform, queue: str) -> None:
    """What no service can read becomes a dead letter with its reason, and can be thrown away."""
    url = platform.environment()["TANDEM_AMQP_URL"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().basic_publish("", queue, b"\xff not an event")
    until("the dead letter", lambda: _count(platform, queue) == 1)
    (letter,) = tandem_json(platform, "dead-letters", "show", queue)
    assert "no CloudEvent" in letter["reason"]
    assert _count(platform, queue) == 1
    assert tandem_json(platform, "dead-letters", "discard", queue, "--all")["done"] == 1
    assert _count(platform, queue) == 0


def test_a_replayed_dead_letter_is_judged_again(platform: Platform) -> None:
    """Sent back unmended, it is a dead letter again, with the same reason."""
    queue = "notify.people"
    url = platform.environment()["TANDEM_AMQP_URL"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().basic_publish("", queue, b"{}")
    until("the dead letter", lambda: _count(platform, queue) == 1)
    assert tandem_json(platform, "dead-letters", "replay", queue, "--all")["done"] == 1
    until("the dead letter again", lambda: _count(platform, queue) == 1)
    tandem_json(platform, "dead-letters", "discard", queue, "--all")


def _count(platform: Platform, queue: str) -> int:
    rows = tandem_json(platform, "dead-letters", "list")
    assert {row["queue"] for row in rows} == set(names())
    return next(int(row["dead_letters"]) for row in rows if row["queue"] == queue)


def test_dead_letters_want_a_queue_and_a_choice(platform: Platform) -> None:
    """An unknown queue, and neither or both of --id and --all, are told."""
    assert "there is no queue" in tandem(platform, "dead-letters", "show", "nothing", code=1)
    for words in ([], ["--all", "--id", "x"]):
        said = tandem(platform, "dead-letters", "replay", "progress.plans", *words, code=1)
        assert "one of the two" in said


def test_a_token_opens_the_platform(platform: Platform) -> None:
    """`tandem token` prints a JWT of three parts."""
    assert tandem(platform, "token", "someone", "--role", "registrar").count(".") == 2


def test_what_is_parked_is_shown_and_released(platform: Platform) -> None:
    """It stays where it is until it is released; then the relay publishes it."""
    service, now = "notify", datetime.now(UTC)
    kind = events.event_type(MessageDelivered)
    told: events.Event[MessageDelivered] = events.Event(
        new_id(), kind, "/tandem/notify", now, "m", "outbox-command", 1, "", MessageDelivered()
    )
    parked = {
        "_id": told.id,
        "key": told.partition_key,
        "sequence": told.sequence,
        "type": told.type,
        "headers": events.headers_of(told),
        "body": events.body_of(told.data),
        "parked_at": now,
    }
    with connect(platform.environment()["TANDEM_MONGO_URL"], "tests") as client:
        client[f"tandem_{service}"]["outbox"].insert_one(parked)
    (shown,) = tandem_json(platform, "outbox", "show", service)
    assert (shown["id"], shown["key"]) == (parked["_id"], parked["key"])
    (state,) = tandem_json(platform, "outbox", "list", "--service", service)
    assert state["parked"] == 1
    assert tandem_json(platform, "outbox", "release", service)["released"] == 1
    until("an empty outbox", lambda: _parked_and_waiting(platform, service) == (0, 0))


def _parked_and_waiting(platform: Platform, service: str) -> tuple[int, int]:
    rows = {row["service"]: row for row in tandem_json(platform, "outbox", "list")}
    return rows[service]["parked"], rows[service]["waiting"]
