"""The worker as a process: batches of real messages into a real database."""

import re
import signal
import time
import urllib.request
from functools import partial
from typing import Any

import pytest

from chassis.contracts import events
from chassis.messaging import deadletters, topology
from tests.deep import ONLY_DEEP, only_deep
from tests.integration.chassis.bus import Bus, an_event, channel_of, eventually
from tests.integration.chassis.bus_service import QUEUE
from tests.integration.chassis.proxy import Proxy
from tests.mongo import end_transactions

DEAD = f"{QUEUE}.dead"
ONCE = {"ONE_TRY": "1"}


def once_each(names: list[str]) -> dict[str, int]:
    """Every event's effect, once."""
    return dict.fromkeys(names, 1)


def _reached(bus: Bus, least: int) -> bool:
    return len(bus.effects()) >= least


def _has(bus: Bus, name: str) -> bool:
    return name in bus.effects()


def test_from_a_commit_to_its_effect(bus: Bus) -> None:
    """Relay and worker together: every committed event has its effect, once."""
    bus.declare()
    names = [f"e{number}" for number in range(400)]
    with bus.running("relay"), bus.running("worker") as worker:
        for first in range(0, 400, 100):
            bus.commit(f"run-{first}", names[first : first + 100])
        eventually("all effects", lambda: len(bus.effects()) == 400)
        worker.terminate()
        assert worker.wait(120) == 0
    assert bus.effects() == once_each(names)


def test_repeats_have_one_effect(bus: Bus) -> None:
    """The same event again, in one batch and in a later one, has no second effect."""
    bus.declare()
    some = [an_event(f"e{number}") for number in range(50)]
    bus.send(*some, *some)
    with bus.running("worker"):
        eventually("the effects", lambda: len(bus.effects()) == 50)
        bus.send(*some, an_event("last"))
        eventually("the last one", lambda: "last" in bus.effects())
    assert set(bus.effects().values()) == {1}
    assert (bus.count(DEAD), bus.count("tandem.delay.1s")) == (0, 0)


@only_deep
def test_two_workers_that_race_have_one_effect(bus: Bus) -> None:
    """Two workers given the same events at once apply each once."""
    bus.declare()
    some = [an_event(f"e{number}") for number in range(400)]
    for _ in range(4):
        bus.send(*some)
    with bus.running("worker") as one, bus.running("worker") as two:
        # Before, SIGTERM may come to one that does not hear it yet.
        eventually("both to consume", lambda: bus.figures().consumers == 2)
        eventually("the effects", lambda: len(bus.effects()) == 400)
        for worker in (one, two):
            worker.terminate()
            assert worker.wait(120) == 0
    assert set(bus.effects().values()) == {1}
    assert bus.count(DEAD) == 0


@pytest.mark.parametrize("learner", ["poison", pytest.param("drop", marks=ONLY_DEEP)])
def test_poison_stands_alone(bus: Bus, learner: str) -> None:
    """One poison in 200: 199 effects and one dead letter, which a replay heals."""
    bus.declare()
    names = [f"e{number}" for number in range(200)]
    bus.send(*(an_event(name, learner if name == "e77" else "l") for name in names))
    with bus.running("worker", **ONCE):
        eventually("the dead letter", lambda: bus.count(DEAD) == 1)
        eventually("the others", lambda: len(bus.effects()) == 199)
        [letter] = deadletters.show(bus.amqp_url, QUEUE)
        reason, tries = {
            "poison": ("ValueError: poison", 2),
            "drop": ("nobody wants it", 1),
        }[learner]
        assert (letter.reason, letter.attempts) == (reason, tries)
        assert letter.died_at.endswith("Z")
        bus.let_know(learner)
        assert deadletters.replay(bus.amqp_url, QUEUE) == 1
        eventually("its effect", lambda: len(bus.effects()) == 200)
    assert bus.effects() == once_each(names)
    assert bus.count(DEAD) == 0


HEADERS = events.headers_of(an_event("e"))
NO_EVENTS: list[tuple[dict[str, Any] | None, bytes]] = [
    (None, b"\x00\xff not JSON"),
    (HEADERS, b"\xff\xfe"),
    (HEADERS, b"[" * 100_000),
    ({**HEADERS, "cloudEvents_id": 7}, b"{1}"),
    ({**HEADERS, "cloudEvents_type": ["a", {"b": 1}]}, b"{2}"),
    ({**HEADERS, "cloudEvents_time": "noon", "x-tandem-attempts": "many"}, b"{3}"),
]


def test_what_is_no_event_is_a_dead_letter(bus: Bus) -> None:
    """A body or header that can't be read goes to the dead letters as it is, and stops nobody."""
    bus.declare()
    for each in NO_EVENTS:
        bus.send_raw(each)
    bus.send(an_event("good"))
    with bus.running("worker"):
        eventually("the good one", lambda: bus.effects() == {"good": 1})
        eventually("the dead letters", lambda: bus.count(DEAD) == len(NO_EVENTS))
    dead = {body: properties.headers for _, properties, body in bus.messages(DEAD, len(NO_EVENTS))}
    assert dead.keys() == {body for _, body in NO_EVENTS}
    for headers, body in NO_EVENTS:
        assert dead[body]["x-tandem-queue"] == QUEUE
        assert dead[body]["x-tandem-reason"]
        kept = {key: value for key, value in (headers or {}).items() if key != "x-tandem-attempts"}
        assert kept.items() <= dead[body].items()


def test_what_another_version_listens_to_is_a_dead_letter_in_the_end(bus: Bus) -> None:
    """A type that is unknown, or not listened to, waits as long as a Retry, and is not lost."""
    kinds = ["tandem.catalog.enrolment.created.v1", "tandem.no.such.v1"]
    bus.declare()
    for kind in kinds:
        bus.send_raw(({**HEADERS, "cloudEvents_type": kind}, b"{}"))
    with bus.running("worker", **ONCE):
        eventually("the dead letters", lambda: bus.count(DEAD) == 2)
    letters = deadletters.show(bus.amqp_url, QUEUE)
    assert sorted(letter.type for letter in letters) == kinds
    assert {(each.reason, each.attempts) for each in letters} == {("not for this version", 2)}


def test_what_is_not_known_yet_comes_back(bus: Bus) -> None:
    """A Retry waits in the broker, holds nobody up, and is applied once it can be."""
    bus.declare()
    bus.send(an_event("early", "wait-for-ada"), an_event("other"))
    with bus.running("worker"):
        eventually("the other", lambda: bus.effects() == {"other": 1})
        bus.let_know("ada")
        eventually("the early one", lambda: bus.effects() == {"early": 1, "other": 1})
    assert bus.count(DEAD) == 0


@only_deep
def test_a_stopped_worker_has_acknowledged_what_it_did(bus: Bus) -> None:
    """After SIGTERM each event has had its effect or is back in the queue, never both."""
    bus.declare()
    bus.send(*(an_event(f"e{number}") for number in range(2_000)))
    with bus.running("worker") as worker:
        eventually("some effects", bus.effects)
        worker.terminate()
        assert worker.wait(120) == 0
    done = len(bus.effects())
    assert eventually("the rest", lambda: bus.count() + done == 2_000)


@only_deep
def test_a_killed_worker_loses_and_doubles_nothing(bus: Bus) -> None:
    """Workers that die by SIGKILL in the middle leave one effect of each event in the end."""
    bus.declare()
    names = [f"e{number}" for number in range(1_000)]
    bus.send(*map(an_event, names))
    for least in (1, 300):
        with bus.running("worker") as worker:
            eventually("some effects", partial(_reached, bus, least))
            worker.send_signal(signal.SIGKILL)
            worker.wait()
        end_transactions(bus.database.client, "catalog")
    with bus.running("worker"):
        eventually("all effects", lambda: len(bus.effects()) == 1_000)
    assert bus.effects() == once_each(names)


@only_deep
def test_a_connection_cut_mid_batch_loses_and_doubles_nothing(bus: Bus) -> None:
    """A worker that lost its broker under load continues when the broker is back."""
    bus.declare()
    proxy = Proxy(bus.amqp_url)
    proxy.open()
    names = [f"e{number}" for number in range(1_500)]
    bus.send(*map(an_event, names))
    with bus.through(amqp=proxy).running("worker") as worker:
        for least in (1, 500):
            eventually("some effects", partial(_reached, bus, least))
            proxy.cut()
            proxy.open()
        eventually("all effects", lambda: len(bus.effects()) == 1_500)
        eventually("all acknowledgements", lambda: bus.count() == 0)
        worker.terminate()
        assert worker.wait(120) == 0
    proxy.cut()
    assert bus.effects() == once_each(names)
    assert (bus.count(), bus.count(DEAD)) == (0, 0)


def test_mongodb_that_goes_away_is_waited_for(bus: Bus) -> None:
    """While the database is cut off nothing is given up or delayed; then everything is applied."""
    bus.declare()
    proxy = Proxy(bus.mongo_url)
    proxy.open()
    with bus.through(mongo=proxy).running("worker"):
        bus.send(an_event("first"))
        eventually("the first", lambda: bus.effects() == {"first": 1})
        proxy.cut()
        bus.send(*(an_event(f"e{number}") for number in range(100)))
        eventually("its taking", lambda: bus.count() == 0)
        time.sleep(1)  # it tries in vain meanwhile
        proxy.open()
        eventually("the others", lambda: len(bus.effects()) == 101)
    proxy.cut()
    assert set(bus.effects().values()) == {1}
    for queue in (DEAD, "tandem.delay.1s"):
        assert bus.count(queue) == 0


# pymongo repeats a transaction for two minutes, so without MongoDB a drain takes all of its time.
@pytest.mark.parametrize(
    ("server", "drain"), [("amqp", "20"), pytest.param("mongo", "2", marks=ONLY_DEEP)]
)
def test_a_worker_stops_while_a_server_is_away(bus: Bus, server: str, drain: str) -> None:
    """SIGTERM ends a worker that waits for a server in good order; its events stay."""
    bus.declare()
    proxy = Proxy(getattr(bus, f"{server}_url"))
    proxy.open()
    with bus.through(**{server: proxy}).running("worker", TANDEM_DRAIN=drain) as worker:
        bus.send(an_event("first"))
        eventually("the first", lambda: bus.effects() == {"first": 1})
        proxy.cut()
        bus.send(an_event("second"))
        time.sleep(1)
        worker.terminate()
        assert worker.wait(100) == 0
    # The cut may have come between the first's effect and its acknowledgement: then both are there.
    assert eventually("the second in the queue", lambda: bus.count() in {1, 2})
    assert any(b"second" in body for _, _, body in bus.messages(QUEUE, least=1))


@only_deep
def test_what_can_not_be_sent_away_is_not_lost(bus: Bus, monkeypatch: pytest.MonkeyPatch) -> None:
    """An event stays if its delay queue is missing, though others are acknowledged."""
    monkeypatch.setattr(topology, "DELIVERY_LIMIT", 10_000)  # it comes back for as long as it takes
    bus.declare()
    with channel_of(bus.amqp_url) as channel:
        channel.exchange_delete("tandem.delay.1s")
    with bus.running("worker"):
        bus.send(an_event("early", "wait-for-ada"))
        for number in range(5):
            bus.send(an_event(f"e{number}"))
            eventually("an effect", partial(_has, bus, f"e{number}"))
        bus.let_know("ada")
        eventually("the early one", lambda: "early" in bus.effects())
    assert set(bus.effects().values()) == {1}


def tickers(bus: Bus) -> set[int]:
    """The processes that ran the timer since the last call."""
    found = {row["pid"] for row in bus.database.mongo["ticks"].find()}
    bus.database.mongo["ticks"].delete_many({})
    return found


def test_a_timer_runs_in_one_worker_and_another_takes_over(bus: Bus) -> None:
    """A timer runs in one of two workers; when that one stops, the other takes over at once."""
    bus.declare()
    with bus.running("worker") as one, bus.running("worker") as two:
        [first] = eventually("a tick", lambda: tickers(bus))
        # Only then the other one could tick, too.
        eventually("both to consume", lambda: bus.figures().consumers == 2)
        tickers(bus)
        ticks = bus.database.mongo["ticks"]
        eventually("some ticks", lambda: ticks.count_documents({}) >= 20)
        assert tickers(bus) == {first}
        ticking, other = (one, two) if first == one.pid else (two, one)
        ticking.terminate()
        assert ticking.wait(120) == 0
        tickers(bus)
        assert eventually("the other's tick", lambda: tickers(bus)) == {other.pid}


@only_deep
def test_metrics_tell_what_happened(bus: Bus, tmp_path: Any) -> None:
    """The worker's /metrics counts dispositions, batches, lag and dead letters."""
    bus.declare()
    with (
        (tmp_path / "log").open("w") as log,
        bus.running("worker", stdout=log) as worker,
    ):
        bus.send(an_event("good"), an_event("bad", "drop"))
        found = eventually(
            "the port", lambda: re.search(r'"ops_port": (\d+)', (tmp_path / "log").read_text())
        )

        def told(wanted: str) -> bool:
            with urllib.request.urlopen(f"http://127.0.0.1:{found[1]}/metrics") as answer:
                return re.search(wanted, answer.read().decode()) is not None

        # Each is counted in its own time: batches when they are applied, dead letters by polls.
        for counted in (
            rf'tandem_dead_letters{{queue="{QUEUE}"}} 1.0',
            rf'tandem_verdicts_total{{subscription="{QUEUE}",verdict="applied"}} 1.0',
            rf'tandem_verdicts_total{{subscription="{QUEUE}",verdict="drop"}} 1.0',
            rf'tandem_event_lag_seconds_count{{subscription="{QUEUE}".*}} 1.0',
        ):
            eventually(counted, partial(told, counted))
        worker.terminate()
        assert worker.wait(120) == 0
