"""Events that wait for an event of another service come back, cheaply, and people can see them."""

import re
import urllib.request
from pathlib import Path
from typing import Any

from chassis.messaging import deadletters
from tests.deep import only_deep
from tests.integration.chassis.bus import Bus, an_event, eventually
from tests.integration.chassis.bus_service import QUEUE

DEAD = f"{QUEUE}.dead"


def waiting(bus: Bus) -> dict[str, str]:
    """The reason of each event that waits."""
    return {row["_id"]: row["reason"] for row in bus.database.mongo["waiting"].find()}


def test_what_waits_is_applied_when_its_news_is_there(bus: Bus) -> None:
    """One of 200 waits and leaves the others alone; it fails never, and is applied in the end."""
    bus.declare()
    late = an_event("late", "needs-ada")
    bus.send(*(an_event(f"e{number}") for number in range(199)), late)
    with bus.running("worker"):
        eventually("the others", lambda: len(bus.effects()) == 199)
        found = eventually("its document", lambda: waiting(bus))
        assert found == {f"{QUEUE}:{late.id}": "ada is not known yet"}
        bus.let_know("ada")
        eventually("its effect", lambda: len(bus.effects()) == 200)
        eventually("nothing waits", lambda: not waiting(bus))
    assert set(bus.effects().values()) == {1}
    assert bus.count(DEAD) == 0


@only_deep
def test_what_waited_too_long_is_a_dead_letter(bus: Bus) -> None:
    """At the limit it is given up, with its reason; a replay starts the time again."""
    bus.declare()
    bus.send(an_event("late", "needs-ada"))
    with bus.running("worker", TANDEM_WAIT_LIMIT="5"):
        eventually("the dead letter", lambda: bus.count(DEAD) == 1)
        [letter] = deadletters.show(bus.amqp_url, QUEUE)
        assert (letter.reason, letter.attempts) == ("ada is not known yet", 0)
        eventually("nothing waits", lambda: not waiting(bus))
        assert deadletters.replay(bus.amqp_url, QUEUE) == 1
        eventually("it waits again", lambda: waiting(bus))
        bus.let_know("ada")
        eventually("its effect", lambda: bus.effects() == {"late": 1})
    assert bus.count(DEAD) == 0


@only_deep
def test_metrics_tell_how_many_wait_and_for_how_long(bus: Bus, tmp_path: Path) -> None:
    """/metrics has the number of those that wait, and the age of the oldest."""
    bus.declare()
    bus.send(*(an_event(f"e{number}", "needs-ada") for number in range(7)))
    log = tmp_path / "log"
    with log.open("w") as out, bus.running("worker", stdout=out):
        port = eventually("the port", lambda: re.search(r'"ops_port": (\d+)', log.read_text()))[1]

        def figures() -> Any:
            with urllib.request.urlopen(f"http://127.0.0.1:{port}/metrics") as answer:
                text = answer.read().decode()
            labels = re.escape(f'{{subscription="{QUEUE}"}}')
            number = re.search(rf"^tandem_waiting{labels} 7\.0$", text, re.MULTILINE)
            oldest = re.search(rf"^tandem_waiting_oldest_seconds{labels} (.+)$", text, re.MULTILINE)
            return number and oldest and float(oldest[1])

        assert eventually("the figures", figures) > 0
