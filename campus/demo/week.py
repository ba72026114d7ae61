"""Monday, 12:00: one learner's week, live classes and deadlines together."""

from tandem.progress.v1 import progress_pb2
from tandem.progress.v1 import resources_pb2 as progress

from campus.demo.term import HISTORY
from campus.demo.world import World

_KINDS = {
    progress.TIMELINE_KIND_SESSION: "live class",
    progress.TIMELINE_KIND_DUE: "due",
    progress.TIMELINE_KIND_CATCH_UP: "catch-up due",
}


def play(world: World) -> None:
    """Print the week of a learner who missed the lecture and was in the cancelled seminar."""
    world.narrator.scene("Monday, 12:00: one learner's week")
    both = world.groups["absent"] & set(world.learners[HISTORY])
    learner = min(both or world.groups["absent"])
    request = progress_pb2.GetTimelineRequest(learner_id=learner, zone="Europe/Dublin")
    request.from_time.FromJsonString("2026-03-02T00:00:00Z")
    request.until_time.FromJsonString("2026-03-09T00:00:00Z")
    answer = world.campus.post(
        "progress",
        "tandem.progress.v1.ProgressService/GetTimeline",
        learner,
        request,
        progress_pb2.GetTimelineResponse,
    )
    world.narrator.say(f"{learner} opens the timeline in a browser:")
    for entry in answer.entries:
        world.narrator.detail(_line(entry))


def _line(entry: progress.TimelineEntry) -> str:
    when = entry.local.local.replace("T", " ")[5:16]
    state = ""
    if entry.cancelled:
        state = " [yellow](cancelled, a reading replaces it)[/]"
    elif entry.done:
        over = entry.kind == progress.TIMELINE_KIND_SESSION
        state = " [dim](over)[/]" if over else " [green](done)[/]"
    return f"{when}  {_KINDS[entry.kind]:<13} {entry.title}{state}"
