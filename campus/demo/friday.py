"""Friday: the catch-ups' deadline has passed, and so have two of the path of physics."""

from campus.demo import afterwards
from campus.demo.deliveries import finished, wait_for
from campus.demo.term import PHYSICS
from campus.demo.world import World


def play(world: World) -> None:
    """Move the clock past the deadline; learners with a missed catch-up get a message."""
    world.narrator.scene("Friday: deadlines pass")
    everyone = len(world.learners[PHYSICS])
    before, told = finished(world), _told(world)
    world.go_to(5, "18:00")
    missed = len(world.groups["half"] | world.groups["none"] | world.groups["offline"])
    world.until(
        "the missed catch-ups", lambda: world.tally.count("progress.catch_up.missed") == missed
    )
    # Of the quiz, everyone is told on Friday that it is due on Saturday.
    world.until("the deadline of the quiz", lambda: _told(world) - told >= 3 * everyone)
    news = _told(world) - told
    wait_for(world, "the messages about deadlines", before, 2 * (missed + news))
    world.narrator.say(
        f"{missed} catch-ups were not completed in time. Their learners get a message."
    )
    world.narrator.say(f"Learners of PHYS-101 get {news} messages about deadlines of its path.")
    afterwards.read_feedback(world)
    world.narrator.events(world.tally.new_events())


def _told(world: World) -> int:
    """Return how many deadlines were told as approaching or missed."""
    return sum(world.tally.count(f"progress.due.{each}") for each in ("approaching", "missed"))
