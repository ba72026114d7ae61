"""Monday, 12:00: before a week without a network, a learner gets the week's pack."""

import io
import urllib.request
import zipfile

import grpc
from tandem.library.v1 import library_pb2
from tandem.library.v1 import resources_pb2 as library

from campus.demo.term import PHYSICS, WEEK
from campus.demo.world import World

SMALL, LARGE = 50_000, 500_000
"""Budgets in bytes: one has no room for the recording."""
PAGE = "index.html"


def play(world: World) -> None:
    """Build the pack of the lecture's week for two budgets, and load it."""
    world.narrator.scene("Monday, 12:00: a pack for a week without a network")
    world.groups["offline"] = {min(world.groups["absent"] - world.groups["seatless"])}
    (learner,) = world.groups["offline"]
    pack = built(world, learner, LARGE)
    names = files(pack)
    world.narrator.say(
        f"{learner}, who missed the lecture, will have no network, and asks for the pack of week "
        f"{WEEK} with at most {_kilobytes(LARGE)}. The ZIP has {_kilobytes(pack.size)}; its page "
        f"is {names[0]}."
    )
    for name, item in zip(names[1:], pack.items, strict=True):
        world.narrator.detail(f"{name} ({item.rendition}, {_kilobytes(item.size)})")
    small = built(world, learner, SMALL)
    world.narrator.say(
        f"With at most {_kilobytes(SMALL)} it has {_kilobytes(small.size)}. Left out: "
        f"{', '.join(name for name, id_ in world.items.items() if id_ in small.left_out)}."
    )


def built(world: World, learner: str, most_bytes: int) -> library.OfflinePack:
    """Return the pack of the lecture's week that a learner gets, when it is made."""
    request = library_pb2.BuildOfflinePackRequest(
        run_id=world.runs[PHYSICS], reader_id=learner, week=WEEK, most_bytes=most_bytes
    )
    services = world.as_learner(learner)
    wish = library_pb2.GetOfflinePackRequest(
        pack_id=services.library.BuildOfflinePack(request).id, reader_id=learner
    )
    ready = library.OFFLINE_PACK_STATE_READY
    world.until("the offline pack", lambda: services.library.GetOfflinePack(wish).state == ready)
    return services.library.GetOfflinePack(wish)


def files(pack: library.OfflinePack) -> list[str]:
    """Return the names in a pack's ZIP, which is loaded by its URL and read whole."""
    with urllib.request.urlopen(pack.url, timeout=30) as answer:  # noqa: S310 (our own platform)
        content = answer.read()
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        assert archive.testzip() is None
        return archive.namelist()


def is_denied(world: World, person: str) -> bool:
    """Return whether the run's pack is refused to a person."""
    denied = grpc.StatusCode.PERMISSION_DENIED
    return not world.is_taken(lambda: built(world, person, LARGE), denied)


def _kilobytes(size: int) -> str:
    return f"{size / 1000:,.0f} kB"
