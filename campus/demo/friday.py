"""Friday: the catch-ups' deadline has passed."""

from campus.demo.deliveries import finished, wait_for
from campus.demo.world import World


def play(world: World) -> None:
    """Let time pass; those who did not study are told."""
    world.narrator.scene("Friday: deadlines pass")
    before = finished(world)
    world.go_to(5, "18:00")
    missed = len(world.groups["half"] | world.groups["none"])
    world.until(
        "the missed catch-ups", lambda: world.tally.count("progress.catch_up.missed") == missed
    )
    wait_for(world, "each of them to be told", before, 2 * missed)
    world.narrator.say(f"{missed} catch-ups were not studied in time; their learners are told.")
    world.narrator.events(world.tally.news())
