"""The lecture's online room at the meeting provider, and how people come into it and leave it.

The provider is that of campus/meetings. What it tells by webhooks becomes presence.
"""

from collections.abc import Iterable, Iterator
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import httpx
from tandem.sessions.v1 import joining_pb2

from campus.demo.check import Check
from campus.demo.term import ONLINE_OF_PHYSICS, PHYSICS
from campus.demo.world import PATIENCE, World
from campus.stack.meetings import Meetings

COPIES = 2
"""How often the provider sends what it tells of who leaves early."""
_AT_ONCE, _AT_THE_END = 0, 1_000


def provider(world: World) -> Meetings:
    """Return the meeting provider."""
    return world.platform.stack.meetings


def open_link(world: World, person: str) -> httpx.Response:
    """Return what a browser gets for a learner's own link into the lecture, before it follows."""
    request = joining_pb2.GetJoinLinkRequest(session_id=world.sessions[PHYSICS])
    return _opened(world.as_learner(person).sessions.GetJoinLink(request).url)


def room_url(world: World, person: str) -> str:
    """Return the signed URL of a learner in the provider's room, to which the own link leads."""
    return open_link(world, person).headers["location"]


def come_in(world: World, learners: Iterable[str]) -> None:
    """Let learners open their links, each in a browser of their own."""
    world.all_at_once(
        lambda learner: _opened(room_url(world, learner), to_its_end=True), sorted(learners)
    )
    provider(world).settle()


def visit(world: World, learners: Iterable[str], joined: int, left: int) -> None:
    """Let the provider tell late, twice and backwards when learners came and left, in minutes from
    the lecture's start.
    """
    begin = world.clock.now().replace(minute=0, second=0, microsecond=0)
    instants = {"joined_at": joined, "left_at": left}
    times = {name: begin + timedelta(minutes=minute) for name, minute in instants.items()}
    meetings = provider(world)
    meetings.control("webhooks", copies=COPIES, held=_AT_THE_END)
    for learner in sorted(learners):
        meetings.control("visit", meeting=world.sessions[PHYSICS], user=learner, **times)
    meetings.control("webhooks", copies=COPIES, held=_AT_ONCE)
    meetings.settle()


def check(world: World) -> Iterator[Check]:
    """Yield the checks of two learners' links into the room."""
    two = ONLINE_OF_PHYSICS[:2]
    urls = [world.room_urls[each] for each in two]
    users = [parse_qs(urlsplit(url).query)["userID"] for url in urls]
    yield Check(
        "each learner's link leads to the room in the learner's name", [[e] for e in two], users
    )
    sums = {parse_qs(urlsplit(url).query)["checksum"][0] for url in urls}
    yield Check("the two links are signed differently", 2, len(sums))


def _opened(url: str, to_its_end: bool = False) -> httpx.Response:
    """Return what a browser gets at a URL; `to_its_end`: after all redirects."""
    return httpx.get(url, follow_redirects=to_its_end, timeout=PATIENCE, trust_env=False)
