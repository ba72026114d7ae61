"""Mail whose worker ends while it sends, or has lost its claim."""

import threading
from datetime import timedelta

import pytest

from chassis.jobs.queue import Queue
from chassis.jobs.runner import Runner
from services.notify import sender
from services.notify.domain.enums import DeliveryState
from services.notify.domain.messages import (
    UNKNOWN,
    Delivery,
    Mail,
    Outcome,
    SendResult,
)
from services.notify.mail import MailServer
from services.notify.usecases import sending
from tests.integration.notify.script import Script, playing
from tests.integration.notify.test_notify_sending import queue, server_at
from tests.integration.notify.world import SENDER, TEXTS, Mailbox, World, names

LEASE = timedelta(seconds=60)


def never() -> MailServer:
    """No server, for tests that only claim."""
    raise AssertionError


def test_two_workers_send_one_mail(world: World, mailbox: Mailbox, ada: str) -> None:
    """Workers that send side by side send each mail once."""
    people = [f"{ada}-{number}" for number in range(120)]
    queue(world, *people)
    threads = [threading.Thread(target=world.send, args=(mailbox.server(),)) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    world.send(mailbox.server())
    assert sorted(str(mail["To"]) for mail in mailbox.mails(*people)) == sorted(
        f"{one}@example.com" for one in people
    )
    assert len(world.published()) == 240


class Killed(BaseException):
    """Stands in for the end of the process."""


class Dying(MailServer):
    """A server whose client process ends before or after the last moment."""

    def send(self, mail: Mail) -> SendResult:
        super().send(mail)
        raise Killed


def test_a_worker_that_ends_while_it_sends(world: World) -> None:
    """The mail that it was sending is given up when the claim ends; others are sent."""
    queue(world, *names(50, "p"))
    with playing(Script()) as script:
        with pytest.raises(Killed):
            world.send(Dying(script.url, SENDER, timeout=60))
        world.send(server_at(script.url))
        in_hand = sender.LANES["bulk"]
        assert len(script.texts) == 1 + 50 - in_hand  # the claims hold
        world.system.at += LEASE + timedelta(seconds=1)
        world.send(server_at(script.url))
        assert len(script.texts) == 1 + 50 - in_hand
    lost = world.mails_in(DeliveryState.FAILED)
    assert [one.error for one in lost] == [UNKNOWN] * in_hand


def test_a_worker_that_ends_before_it_sends(world: World) -> None:
    """Another worker sends its claimed mails when the claim ends."""
    queue(world, *names(10, "p"))
    assert Queue(world.database, sender.mail(TEXTS, never, 9, world.system), world.system).claim(
        ["bulk"]
    )
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert script.texts == []
        world.system.at += LEASE + timedelta(seconds=1)
        world.send(server_at(script.url))
        assert len(script.texts) == 10


def test_a_claim_that_was_lost_settles_nothing(world: World) -> None:
    """The results of a delayed worker for mails that others took over are ignored."""
    queue(world, "p")
    jobs = Queue(world.database, sender.mail(TEXTS, never, 9, world.system), world.system)
    late = jobs.claim(["bulk"])
    assert late
    world.system.at += LEASE + timedelta(seconds=1)
    with playing(Script()) as script:
        world.send(server_at(script.url))
    assert world.database.transact(lambda store: sending.begin(store, TEXTS, late)).outgoing == ()
    refused = {late.ids[0]: SendResult(Outcome.REFUSED, "too late to say so")}
    again = world.system.now
    finished = world.database.transact(
        lambda store: sending.record_results(store, Delivery, late, refused, 9, lambda _: again())
    )
    assert finished == 0
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 1
    assert len(world.published()) == 2


class Stopping(MailServer):
    """A server that stops its client process while the client sends its first mail."""

    runner: Runner

    def send(self, mail: Mail) -> SendResult:
        self.runner.stop()
        return super().send(mail)


def test_a_worker_that_is_to_end_gives_back_what_it_has_not_begun(world: World) -> None:
    """It finishes the mail at hand; the others are anyone's at once, and count as not tried."""
    queue(world, *names(10, "p"))
    with playing(Script()) as script:
        server = Stopping(script.url, SENDER, timeout=60)
        server.runner = world.runner(server)
        server.runner.run_due()
        world.send(server_at(script.url))
        assert len(script.texts) == 10
    assert {one.attempts for one in world.mails_in(DeliveryState.DELIVERED)} == {1}
