"""Friday: the catch-ups' deadline has passed."""

from campus.demo.deliveries import finished, wait_for
from campus.demo.world import World


def play(world: World) -> None:
    """Move the clock past the deadline; learners with a missed catch-up get a message."""
    world.narrator.scene("Friday: deadlines pass")
    before = finished(world)
    world.go_to(5, "18:00")
    missed = len(world.groups["half"] | world.groups["none"])
    world.until(
        "the missed catch-ups", lambda: world.tally.count("progress.catch_up.missed") == missed
    )
    wait_for(world, "the messages about the missed catch-ups", before, 2 * missed)
    world.narrator.say(
        f"{missed} catch-ups were not completed in time. Their learners get a message."
    )
    world.narrator.events(world.tally.new_events())
