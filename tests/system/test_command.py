"""The command `tandem`, as people and programs use it."""

import json
import subprocess
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime
from pathlib import Path
from select import select

import pika
import pytest
from tandem.notify.v1.events_pb2 import MessageDelivered

from campus.platform import Platform
from chassis.contracts import events
from chassis.data.numbering import lane_of
from chassis.data.store import connect
from chassis.ids import new_id
from tests.deep import ONLY_DEEP, only_deep
from tests.system.classes import (
    TANDEM,
    MakeClass,
    dead_letters,
    surroundings,
    tandem,
    tandem_json,
    until,
)


def test_up_is_harmless_when_all_runs(platform: Platform) -> None:
    """A second `up` starts nothing, and changes no setting of later processes."""
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


def test_status_is_of_what_was_brought_up(platform: Platform) -> None:
    """The servers in the shell's environment do not matter."""
    rows = tandem_json(platform, "status", given={"TANDEM_AMQP_URL": "amqp://elsewhere/"})
    assert {row["state"] for row in rows} == {"running"}


@only_deep
def test_two_ups_at_once_start_what_is_missing_once(whole: Platform) -> None:
    """The second waits for the first, and finds all done."""
    before = {row.name: row.pid for row in whole.status()}
    whole.roles["notify-relay"].process.kill()
    with ThreadPoolExecutor(2) as pool:
        first, second = pool.map(lambda _: tandem_json(whole, "up"), range(2))
    assert first == second
    assert {row["name"] for row in first if row["pid"] != before[row["name"]]} == {"notify-relay"}


@only_deep
def test_down_stops_all_and_up_finds_the_data(platform: Platform, make_class: MakeClass) -> None:
    """In between, every command that needs the platform says that it is down."""
    group = make_class(5)
    group.enrol(group.learners)
    traced = {key: value for key, value in platform.environment().items() if "OTEL_" in key}
    assert {row["state"] for row in tandem_json(platform, "down")} == {"stopped"}
    assert "stopped" in tandem(platform, "status", code=1)
    assert "`tandem up` starts it" in tandem(platform, "dead-letters", "list", code=1)
    rows = tandem_json(platform, "up", given=traced)
    assert {row["state"] for row in rows} == {"running"}
    until("the enrolments", lambda: group.summary().learners == 5)


def test_status_of_nothing_says_so(tmp_path: Path) -> None:
    """The exit code is 1, and a command that needs the platform says what to type."""
    nothing = Platform(tmp_path, given={})
    assert "stopped" in tandem(nothing, "status", code=1)
    assert "`tandem up` starts it" in tandem(nothing, "events", "tail", "--since", "1m", code=1)


def test_events_are_replayed_from_the_history(platform: Platform, make_class: MakeClass) -> None:
    """The events of the last minutes are read from the stream, by type."""
    group = make_class(3)
    group.enrol(group.learners)
    until("the enrolments", lambda: group.summary().learners == 3)
    text = tandem(platform, "events", "tail", "--since", "5m", "--type", "enrolment", "--json")
    rows = [json.loads(line) for line in text.splitlines()]
    ours = [row for row in rows if row["data"]["runId"] == group.run]
    assert sorted(row["data"]["learnerId"] for row in ours) == group.learners
    assert [row["offset"] for row in rows] == sorted(row["offset"] for row in rows)
    assert group.run in tandem(platform, "events", "tail", "--since", "5m")


def test_events_are_told_as_they_happen(platform: Platform, make_class: MakeClass) -> None:
    """A live tail prints new events until it is stopped."""
    group = make_class(100)
    words = ["events", "tail", "--type", "enrolment", "--json", "--data", platform.folder]
    with subprocess.Popen(
        [TANDEM, *map(str, words)], env=surroundings(), stdout=subprocess.PIPE, text=True
    ) as tail:
        output = tail.stdout
        assert output
        learners = iter(group.learners)

        def is_told() -> bool:
            """The tail may not listen yet: enrol more learners until it shows one."""
            group.enrol([next(learners)])
            return bool(select([output], [], [], 1.0)[0])

        until("an enrolment to be told", is_told)
        row = json.loads(output.readline())
        assert tail.poll() is None
        tail.terminate()
    assert row["type"] == "tandem.catalog.enrolment.created.v1"
    assert row["data"]["learnerId"] in group.learners


def test_a_bad_duration_says_what_would_be_right(platform: Platform) -> None:
    """The answer shows the forms that are understood."""
    assert "90s, 10m, 2h or 7d" in tandem(platform, "events", "tail", "--since", "soon", code=2)


@pytest.mark.parametrize(
    "queue", [pytest.param("progress.plans", marks=ONLY_DEEP), "sessions.rosters"]
)
def test_an_undecodable_message_is_shown_and_discarded(platform: Platform, queue: str) -> None:
    """A message that no service can read becomes a dead letter, and can be discarded."""
    url = platform.environment()["TANDEM_AMQP_URL"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().basic_publish("", queue, b"\xff not an event")
    until("the dead letter", lambda: dead_letters(platform, queue) == 1)
    (letter,) = tandem_json(platform, "dead-letters", "show", queue)
    assert "no CloudEvent" in letter["reason"]
    assert dead_letters(platform, queue) == 1
    assert tandem_json(platform, "dead-letters", "discard", queue, "--all")["done"] == 1
    assert dead_letters(platform, queue) == 0


@only_deep
def test_a_replayed_dead_letter_is_judged_again(platform: Platform) -> None:
    """Sent back unmended, it is a dead letter again, with the same reason."""
    queue = "notify.people"
    url = platform.environment()["TANDEM_AMQP_URL"]
    with pika.BlockingConnection(pika.URLParameters(url)) as connection:
        connection.channel().basic_publish("", queue, b"{}")
    until("the dead letter", lambda: dead_letters(platform, queue) == 1)
    assert tandem_json(platform, "dead-letters", "replay", queue, "--all")["done"] == 1
    until("the dead letter again", lambda: dead_letters(platform, queue) == 1)
    (letter,) = tandem_json(platform, "dead-letters", "show", queue)
    assert "no CloudEvent" in letter["reason"]
    assert tandem_json(platform, "dead-letters", "discard", queue, "--all")["done"] == 1
    assert dead_letters(platform, queue) == 0


def test_dead_letters_want_a_queue_and_a_choice(platform: Platform) -> None:
    """An unknown queue, and neither or both of --id and --all, are errors."""
    assert "there is no queue" in tandem(platform, "dead-letters", "show", "nothing", code=1)
    for words in ([], ["--all", "--id", "x"]):
        said = tandem(platform, "dead-letters", "replay", "progress.plans", *words, code=1)
        assert "give either" in said


def test_a_token_opens_the_platform(platform: Platform) -> None:
    """`tandem token` prints a JWT of three parts."""
    words = ("token", "someone", "--role", "registrar")
    assert tandem(platform, *words).count(".") == 2
    assert tandem_json(platform, *words)["token"].count(".") == 2


def test_services_are_told_of_the_identity_provider(platform: Platform) -> None:
    """`tandem identity` prints the variables, and as JSON an object of them."""
    variables = tandem_json(platform, "identity")
    assert platform.environment().items() >= variables.items()
    lines = tandem(platform, "identity").splitlines()
    assert lines == [f"{name}={value}" for name, value in variables.items()]


@only_deep
def test_what_is_parked_is_shown_and_released(platform: Platform) -> None:
    """A relay that comes finds it parked and leaves it, until it is released."""
    service, now = "notify", datetime.now(UTC)
    kind = events.event_type(MessageDelivered)
    event: events.Event[MessageDelivered] = events.Event(
        new_id(), kind, "/tandem/notify", now, "m", "outbox-command", 1, "", MessageDelivered()
    )
    parked = {
        "_id": event.id,
        "key": event.partition_key,
        "lane": lane_of(event.partition_key),
        "after": "",
        "sequence": event.sequence,
        "type": event.type,
        "headers": events.headers_of(event),
        "body": events.body_of(event.data),
        "parked_at": now,
    }
    relay = f"{service}-relay"
    platform.roles[relay].process.stop()
    with connect(platform.environment()["TANDEM_MONGO_URL"], "tests") as client:
        client[f"tandem_{service}"]["outbox"].insert_one(parked)
    platform.restart(relay)
    (shown,) = tandem_json(platform, "outbox", "show", service)
    assert (shown["id"], shown["key"]) == (parked["_id"], parked["key"])
    (state,) = tandem_json(platform, "outbox", "list", "--service", service)
    assert state["parked"] == 1
    assert tandem_json(platform, "outbox", "release", service)["released"] == 1
    until("an empty outbox", lambda: _parked_and_waiting(platform, service) == (0, 0))


def _parked_and_waiting(platform: Platform, service: str) -> tuple[int, int]:
    rows = {row["service"]: row for row in tandem_json(platform, "outbox", "list")}
    return rows[service]["parked"], rows[service]["waiting"]
