"""Monday, 12:00: the library makes smaller files of its items, and learners search for them."""

import urllib.request

from tandem.library.v1 import library_pb2
from tandem.library.v1 import resources_pb2 as library

from campus.demo.term import HISTORY, PHYSICS
from campus.demo.world import World

WORDS = "motion lecture"


def play(world: World) -> None:
    """Wait for the renditions; let one learner play the recording by HLS, and two search for it."""
    world.narrator.scene("Monday, 12:00: renditions, a playlist, a search")
    world.until("the renditions", lambda: all(_is_processed(world, name) for name in world.items))
    for name in ("physics-reading", "recording"):
        world.narrator.detail(f"{name}: {', '.join(renditions(world, name))}")
    world.narrator.say(
        "The library has made more files of each item: of a document its text and its cover, of "
        "the recording a poster and a quality for slow lines. It has no sound to keep alone."
    )
    learner, outsider = people(world)
    world.narrator.say(
        f"{learner} plays the recording: the playlist names {len(qualities(world, learner))} "
        f"quality, in {segments(world, learner)} segments of six seconds, each by a signed URL."
    )
    world.until("the search index", lambda: bool(found_by(world, learner)))
    world.narrator.say(
        f'{learner} searches for "{WORDS}" and finds {len(found_by(world, learner))} item. '
        f"{outsider}, who does not take PHYS-101, finds {len(found_by(world, outsider))}."
    )
    world.narrator.events(world.tally.new_events())


def people(world: World) -> tuple[str, str]:
    """Return a learner of the lecture's run, and somebody who is not in it."""
    physics = set(world.learners[PHYSICS])
    return min(physics), min(set(world.learners[HISTORY]) - physics)


def renditions(world: World, name: str) -> list[str]:
    """Return the names of the renditions of an item."""
    request = library_pb2.GetItemRequest(item_id=world.items[name])
    return [each.name for each in world.staff.library.GetItem(request).renditions]


def found_by(world: World, learner: str) -> list[str]:
    """Return the ids of the items that a learner finds by WORDS."""
    request = library_pb2.SearchItemsRequest(query=WORDS)
    hits = world.as_learner(learner).library.SearchItems(request).hits
    return [hit.item.id for hit in hits]


def qualities(world: World, learner: str) -> list[str]:
    """Return the playlists that the recording's master playlist names."""
    return [line for line in _loaded(_master(world, learner)) if line.endswith(".m3u8")]


def segments(world: World, learner: str) -> int:
    """Return how many segments with signed URLs the lowest quality of the recording has."""
    master = _master(world, learner)
    first = qualities(world, learner)[0]
    lines = _loaded(master.rpartition("/")[0] + "/" + first)
    return sum("X-Amz-Signature" in line for line in lines if not line.startswith("#"))


def _master(world: World, learner: str) -> str:
    request = library_pb2.GetPlaylistUrlRequest(item_id=world.items["recording"], reader_id=learner)
    return world.as_learner(learner).library.GetPlaylistUrl(request).url


def _loaded(url: str) -> list[str]:
    with urllib.request.urlopen(url, timeout=30) as answer:  # noqa: S310 (our own platform)
        return answer.read().decode().splitlines()  # type: ignore[no-any-return]


def _is_processed(world: World, name: str) -> bool:
    request = library_pb2.GetProcessingRequest(item_id=world.items[name])
    state = world.staff.library.GetProcessing(request).state
    return state == library.PROCESSING_STATE_DONE
