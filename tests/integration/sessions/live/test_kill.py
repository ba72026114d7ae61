"""A replica is killed while a class talks: everyone is back on the other, and nothing is lost."""

import contextlib
from collections.abc import Iterator
from contextlib import ExitStack
from typing import NamedTuple

import pytest
from pymongo.errors import AutoReconnect
from tandem.sessions.v1 import polls_pb2
from tandem.sessions.v1.resources_pb2 import Session

from chassis.testing import AUDIENCE, ISSUER
from tests.deep import DEEP, deep, only_deep
from tests.integration.processes import RoleProcess
from tests.integration.sessions.live.replicas import LiveSchool, Member, Request, Response
from tests.integration.sessions.test_polls import ask, close
from tests.mongo import end_transactions

LEARNERS = 50 if DEEP else 8
BEFORE, MEANWHILE, AFTER = 1, 2, 1
EACH = BEFORE + MEANWHILE + AFTER


class Port(NamedTuple):
    """Where a process listens."""

    port: int


@pytest.fixture
def processes(live: LiveSchool) -> Iterator[list[RoleProcess]]:
    """Two real processes of the role."""
    settings = live.settings()
    environment = {
        "TANDEM_ENVIRONMENT": "development",
        "TANDEM_MONGO_URL": settings.mongo_url,
        "TANDEM_MONGO_DATABASE": live.school.database.mongo.name,
        "TANDEM_AMQP_URL": settings.amqp_url,
        "TANDEM_JWKS_URL": settings.jwks_url,
        "TANDEM_TOKEN_ISSUER": ISSUER,
        "TANDEM_TOKEN_AUDIENCE": AUDIENCE,
    }
    with ExitStack() as stack:
        found = [RoleProcess(["-m", "services.sessions", "live"], environment) for _ in range(2)]
        for each in found:
            stack.callback(each.kill)
        yield found


class Learner:
    """A learner's device: it keeps what it received, and sends again what was not answered."""

    def __init__(self, live: LiveSchool, ports: list[Port], name: str) -> None:
        self._live, self._ports, self.name = live, ports, name
        self.texts: list[str] = []
        self.numbers: list[int] = []
        self._open: list[str] = []
        self._member = self._join()

    def _join(self) -> Member:
        after = self.numbers[-1] if self.numbers else 0
        return self._live.member(self._ports[0], self.name, after=after).joined()

    def say(self, text: str) -> None:
        """Write in the chat."""
        self._open.append(text)
        self._member.chat(text)

    def come_back(self) -> None:
        """Join another replica after the last entry, and send again what may be lost."""
        self._member.wait_over()
        self._keep()
        self._ports.reverse()
        self._member = self._join()
        for text in self._open:
            self._member.chat(text)

    def hear(self, count: int) -> None:
        """Wait until that many entries have come in all."""
        missing = count - len(self.numbers)
        self._member.wait(lambda it: len(it.numbers()) >= missing, f"{count} entries")

    def keep(self) -> None:
        """Note what came."""
        self._keep()

    def _keep(self) -> None:
        self.texts += self._member.texts()
        self.numbers += self._member.numbers()
        done = {each.request_id for each in self._member.all("done")}
        self._open = [text for text in self._open if text not in done]


@deep
def test_a_replica_is_killed(live: LiveSchool, processes: list[RoleProcess]) -> None:
    """Learners talk on two replicas, and one is killed: everybody has every entry once, in order,
    and each command had one effect.
    """
    names = [f"learner-{number}" for number in range(LEARNERS)]
    live.school.enrol(*names)
    ports = [Port(each.listening()["port"]) for each in processes]
    learners = [
        Learner(live, ports[:: 1 if place % 2 else -1], name) for place, name in enumerate(names)
    ]
    _say(learners, 0, BEFORE)
    for each in learners:
        each.hear(LEARNERS * BEFORE)
    _say(learners, BEFORE, BEFORE + MEANWHILE)
    its_own = processes[0].ports()
    processes[0].kill()
    end_transactions(live.school.database.client, "sessions", its_own)
    for place, each in enumerate(learners):
        if place % 2:
            each.come_back()
    _say(learners, BEFORE + MEANWHILE, EACH)
    for each in learners:
        each.hear(LEARNERS * EACH)
        each.keep()
    said = sorted(f"{name} {number}" for name in names for number in range(EACH))
    assert all(each.numbers == [*range(1, LEARNERS * EACH + 1)] for each in learners)
    assert all(sorted(each.texts) == said for each in learners)


@only_deep
@pytest.mark.parametrize("trouble", ["kill", "step down"])
def test_votes_are_exact(live: LiveSchool, processes: list[RoleProcess], trouble: str) -> None:
    """While a class votes by two replicas, one is killed, or MongoDB's primary steps down: all vote
    again what was not answered, with the same id, and each learner counts once.
    """
    names = [f"learner-{number:02d}" for number in range(LEARNERS)]
    live.school.enrol(*names)
    poll = ask(live.school, Session(id=live.session_id), named=True)
    ports = [Port(each.listening()["port"]) for each in processes]
    members = {
        name: live.member(ports[place % 2], name).joined() for place, name in enumerate(names)
    }
    for name, member in members.items():
        _vote(member, name, poll, 1)
    members[names[1]].wait(lambda it: it.answer(f"{names[1]} 1"), "an answer")
    if trouble == "kill":
        processes[0].kill()
    else:
        with contextlib.suppress(AutoReconnect):
            live.school.database.client.admin.command("replSetStepDown", 1, force=True)
    left = dict(members)
    for again in range(1, 100):
        left = {name: member for name, member in left.items() if not _voted(member, name, again)}
        if not left:
            break
        for name, member in left.items():
            if member.over:
                member = left[name] = live.member(ports[1], name).joined()
            _vote(member, name, poll, again + 1)
    assert not left
    assert [each.votes for each in close(live.school, poll).options] == [0, LEARNERS]
    stored = live.school.database.mongo["votes"].count_documents({"choices": [2]})
    assert stored == LEARNERS


def _vote(member: Member, name: str, poll: polls_pb2.Poll, attempt: int) -> None:
    """Vote with the same id in each attempt; the frame's own id tells the answers apart."""
    request = polls_pb2.VotePollRequest(
        request_id=name, poll_id=poll.id, learner_id=name, choices=[2]
    )
    member.send(Request(request_id=f"{name} {attempt}", vote_poll=request))


def _voted(member: Member, name: str, attempt: int) -> bool:
    """Wait until an attempt is answered, or the stream is over; return whether it was done."""
    found: list[Response] = []

    def ends(it: Member) -> bool:
        found[:] = [answer] if (answer := it.answer(f"{name} {attempt}")) else []
        return bool(found) or it.over

    member.wait_until(ends)
    return bool(found) and found[0].HasField("done")


def _say(learners: list[Learner], first: int, end: int) -> None:
    for number in range(first, end):
        for each in learners:
            each.say(f"{each.name} {number}")
