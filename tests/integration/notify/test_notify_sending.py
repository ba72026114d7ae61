"""Sending mail: at most once, whatever the server and the workers do."""

import socket
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from tandem.catalog.v1 import events_pb2 as catalog

from campus.stack.smtp import SMTP, read_mail
from chassis.testing import figure
from services.notify import announcer
from services.notify.domain.enums import Category, Channel, DeliveryState
from services.notify.domain.messages import (
    EXPIRED,
    LEFT,
    NO_PERSON,
    UNKNOWN,
    UNWANTED,
    Mail,
    SendResult,
)
from services.notify.domain.preferences import CategoryPreference
from services.notify.mail import MailServer
from tests.integration.notify.script import HANG_UP, Script, playing
from tests.integration.notify.world import SENDER, Mailbox, World, names, person


def queue(world: World, *people: str) -> None:
    """A mail to each of these people is queued."""
    world.people(*people)
    world.hear("notify.triggers", *(world.event(world.assigned(one)) for one in people))


def server_at(url: str) -> MailServer:
    """A mail server."""
    return MailServer(url, SENDER, timeout=60)


def test_many_mails_go_over_one_connection(world: World) -> None:
    """A run of the sender speaks to the server once."""
    queue(world, *names(120, "p"))
    with playing(Script()) as script:
        world.send(server_at(script.url))
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 120
    assert len(script.texts) == 120
    assert script.connections == 1


@pytest.mark.parametrize("word", ["ehlo", "mail", "rcpt", "data", "dot"])
@pytest.mark.parametrize("answer", ["451 4.3.0 later for p00000@example.com", "421 4.3.2 closing"])
def test_what_is_put_off_is_sent_later(world: World, word: str, answer: str) -> None:
    """A mail that the server puts off is sent after a pause, once; the log says why it was late."""
    queue(world, *names(1, "p"))
    answers = {word: [answer]} if word != "ehlo" else {"ehlo": [answer], "helo": [answer]}
    with playing(Script(**answers)) as script:
        world.send(server_at(script.url))
        (waiting,) = world.mails_in(DeliveryState.QUEUED)
        assert waiting.attempts == (word != "ehlo")  # to find no server is no try
        assert answer.split()[0] in waiting.error or word == "ehlo"
        assert "@" not in waiting.error
        taken = len(script.texts)
        world.send(server_at(script.url))
        assert len(script.texts) == taken  # not before the pause is over
        world.system.at += timedelta(seconds=11)
        world.send(server_at(script.url))
        assert len(script.texts) == taken + 1
    (sent,) = world.mails_in(DeliveryState.DELIVERED)
    assert (sent.attempts, sent.error) == (1 + (word != "ehlo"), "")


@pytest.mark.parametrize("word", ["mail", "rcpt", "data", "dot"])
def test_what_is_refused_fails_alone(world: World, word: str) -> None:
    """A mail that the server refuses for good fails, and the mails after it go out."""
    queue(world, *names(3, "p"))
    refusal = "550 5.1.1 no such user p00000@example.com"
    with playing(Script(**{word: [refusal]})) as script:
        world.send(server_at(script.url))
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 2
    (failed,) = world.mails_in(DeliveryState.FAILED)
    assert failed.error == "the mail server answered 550 5.1.1"
    assert world.published().count("failed.v1") == 1


@pytest.mark.parametrize("word", ["mail", "rcpt", "data"])
def test_a_server_that_wants_a_password_first_loses_nothing(world: World, word: str) -> None:
    """Its refusal is of the settings and of no mail: each waits, and goes out when they are
    right.
    """
    queue(world, *names(2, "p"))
    with playing(Script(**{word: ["530 5.7.0 Must issue a STARTTLS command first"]})) as script:
        world.send(server_at(script.url))
        waiting = world.mails_in(DeliveryState.QUEUED)
        assert {each.attempts for each in waiting} == {0}
        assert "the mail server answered 530 5.7.0" in {each.error for each in waiting}
        world.system.at += timedelta(seconds=11)
        world.send(server_at(script.url))
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 2


@pytest.mark.parametrize("word", ["mail", "rcpt"])
def test_a_connection_that_ends_before_the_text_loses_nothing(world: World, word: str) -> None:
    """If the connection ends before the text was sent, the mail is sent later."""
    queue(world, *names(2, "p"))
    with playing(Script(**{word: [HANG_UP]})) as script:
        world.send(server_at(script.url))
        world.system.at += timedelta(seconds=11)
        world.send(server_at(script.url))
        assert len(script.texts) == 2
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 2


def test_a_connection_that_ends_after_the_text_is_never_repeated(world: World) -> None:
    """A mail of which nobody knows whether the server took it is not sent again, but failed."""
    queue(world, *names(2, "p"))
    with playing(Script(dot=[HANG_UP])) as script:
        for _ in range(3):
            world.send(server_at(script.url))
            world.system.at += timedelta(hours=1)
        assert len(script.texts) == 2
    (failed,) = world.mails_in(DeliveryState.FAILED)
    assert failed.error == UNKNOWN


@pytest.mark.parametrize("closes", [HANG_UP, "421 4.7.0 enough mails over one connection"])
def test_a_server_that_closes_a_connection_delays_nothing(world: World, closes: str) -> None:
    """A server may close what was open for long: the next mail goes out at once, over a new one."""
    queue(world, *names(4, "p"))
    with playing(Script(mail=["250 fine", "250 fine", closes])) as script:
        world.send(server_at(script.url))
        assert (len(script.texts), script.connections) == (4, 2)
    assert {each.attempts for each in world.mails_in(DeliveryState.DELIVERED)} == {1}


class FailsAt(MailServer):
    """A client that fails at the mail to one address, in a way that nobody foresaw."""

    def __init__(self, url: str, address: str) -> None:
        super().__init__(url, SENDER)
        self._address = address

    def send(self, mail: Mail) -> SendResult:
        """Send a mail, or fail."""
        if mail.to == self._address:
            raise RuntimeError("nobody foresaw this")
        return super().send(mail)


def test_an_error_with_one_mail_is_of_that_mail(world: World) -> None:
    """The others of its batch are sent and known to be."""
    queue(world, *names(4, "p"))
    with playing(Script()) as script:
        world.send(FailsAt(script.url, "p00001@example.com"))
        assert len(script.texts) == 3
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 3
    (failed,) = world.mails_in(DeliveryState.FAILED)
    assert (failed.person_id, failed.error) == ("p00001", UNKNOWN)


def test_tries_are_limited(world: World) -> None:
    """A mail that is put off again and again is given up after as many tries as there are."""
    queue(world, *names(1, "p"))
    with playing(Script(rcpt=["450 4.2.2 full"] * 5)) as script:
        for _ in range(5):
            world.send(server_at(script.url), attempts=3)
            world.system.at += timedelta(hours=1)
    (failed,) = world.mails_in(DeliveryState.FAILED)
    assert failed.attempts == 3
    assert failed.error == "given up after 3 tries: the mail server answered 450 4.2.2"


@contextmanager
def nobody_listens() -> Iterator[str]:
    """A URL at which no mail server answers."""
    with socket.socket() as nobody:
        nobody.bind(("127.0.0.1", 0))  # bound, and no server listens
        yield f"smtp://127.0.0.1:{nobody.getsockname()[1]}"


def test_a_server_that_is_away_costs_no_tries(world: World) -> None:
    """All mail waits; one look after the other finds no server, and no mail pays for it."""
    queue(world, *names(60, "p"))
    with nobody_listens() as url:
        for _ in range(5):
            world.send(server_at(url), attempts=3)
            world.system.at += timedelta(hours=1)
    waiting = world.mails_in(DeliveryState.QUEUED)
    assert len(waiting) == 60
    assert {one.attempts for one in waiting} == {0}
    (error,) = {one.error for one in waiting if one.error}
    assert error.startswith("the mail server can't be used: ")


def test_mail_that_is_too_old_is_not_sent(world: World) -> None:
    """Mail that no server accepted within five days is given up; newer mail is sent."""
    queue(world, "old")
    world.clock.forward(days=5, minutes=1)
    queue(world, "young")
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert len(script.texts) == 1
    (failed,) = world.mails_in(DeliveryState.FAILED)
    assert (failed.person_id, failed.error) == ("old", EXPIRED)


def test_a_server_that_is_overloaded_is_left_alone(world: World) -> None:
    """If the server refuses because of itself, later mails wait without an attempt."""
    queue(world, *names(60, "p"))
    with playing(Script(mail=["451 4.3.2 not now"])) as script:
        for _ in range(3):
            world.send(server_at(script.url))
        assert script.texts == []
        assert sum(one.attempts for one in world.mails_in(DeliveryState.QUEUED)) == 1
        world.system.at += timedelta(seconds=11)
        world.send(server_at(script.url))
        assert len(script.texts) == 60


def test_a_server_that_is_down_and_comes_up(world: World, tmp_path: Path) -> None:
    """Mail that could not be sent while the server was down is sent later, once."""
    sent = partial(figure, "tandem_notify_lateness_seconds_count", lane="bulk")
    in_time = partial(figure, "tandem_notify_lateness_seconds_bucket", lane="bulk", le="3600.0")
    before, before_in_time = sent(), in_time()
    sink = SMTP(tmp_path)
    sink.start()
    try:
        sink.stop()
        queue(world, *names(60, "p"))
        world.send(server_at(sink.address))
        assert len(world.mails_in(DeliveryState.QUEUED)) == 60
        assert sent() == before
        world.clock.forward(hours=2)
        sink.start()
        world.system.at += timedelta(minutes=1)
        world.send(server_at(sink.address))
    finally:
        sink.stop()
    assert len(read_mail(sink.mail)) == 60
    assert len(world.mails_in(DeliveryState.DELIVERED)) == 60
    assert (sent(), in_time()) == (before + 60, before_in_time)


def test_urgent_mail_goes_first(world: World) -> None:
    """Urgent mail is sent before mail that was queued earlier."""
    queue(world, *names(60, "p"))
    world.clock.forward(hours=1)
    world.people("grace")
    world.run()
    world.schedule(timedelta(days=2))
    world.tell(world.cancelled(timedelta(days=2)))
    world.broadcast()
    with playing(Script()) as script:
        world.send(server_at(script.url))
    assert "To: grace@example.com" in script.texts[0]


def test_a_choice_made_meanwhile_holds_for_queued_mail(world: World) -> None:
    """Mail of a category that its person turned off after it was queued is not sent; others are."""
    queue(world, *names(2, "p"))
    nothing = CategoryPreference(Category.CATCH_UP, (Channel.IN_APP,))
    world.choose("p00000", nothing)
    with playing(Script()) as script:
        world.send(server_at(script.url))
        assert len(script.texts) == 1
    (unsent,) = world.mails_in(DeliveryState.FAILED)
    assert (unsent.person_id, unsent.error) == ("p00000", UNWANTED)


def test_who_left_meanwhile_gets_no_queued_mail(world: World) -> None:
    """A mail about a run that its learner has left is not sent; who teaches there gets it."""
    world.people("ada", "bob", "grace")
    world.run("ada", "bob")
    world.schedule(timedelta(days=2))
    world.tell(world.cancelled(timedelta(days=2)))
    world.broadcast()
    gone = catalog.EnrolmentWithdrawn(enrolment_id="r1-ada", run_id="r1", learner_id="ada")
    world.hear("notify.rosters", world.event(gone))
    with playing(Script()) as script:
        world.send(server_at(script.url))
    (unsent,) = world.mails_in(DeliveryState.FAILED)
    assert (unsent.person_id, unsent.error) == ("ada", LEFT)
    sent = world.mails_in(DeliveryState.DELIVERED)
    assert sorted(each.person_id for each in sent) == ["bob", "grace"]


def test_who_left_the_university_gets_no_news(world: World, mailbox: Mailbox, ada: str) -> None:
    """Neither queued mail, nor a new message; who is back gets news again."""
    queue(world, ada)
    gone: Any = person(ada)
    gone.retired_at.GetCurrentTime()
    world.hear("notify.people", world.event(gone))
    world.send(mailbox.server())
    (unsent,) = world.mails_in(DeliveryState.FAILED)
    assert unsent.error == NO_PERSON
    world.tell(world.assigned(ada))
    assert len(world.deliveries(channel=Channel.IN_APP)) == 1
    world.people(ada)
    world.tell(world.assigned(ada))
    world.send(mailbox.server())
    assert len(mailbox.mails(ada)) == 1


def test_an_address_that_cannot_be_written_to(world: World, mailbox: Mailbox, ada: str) -> None:
    """An address that could turn one mail into two fails before any server gets it."""
    bad = catalog.PersonUpserted(person_id="bad", email="x@example.com,all@example.com")
    world.hear("notify.people", world.event(bad))
    world.tell(world.assigned("bad"))
    queue(world, ada)
    world.send(mailbox.server())
    assert len(mailbox.mails(ada)) == 1
    (failed,) = world.mails_in(DeliveryState.FAILED)
    assert failed.person_id == "bad"
    assert {one.person_id for one in world.deliveries(channel=Channel.IN_APP)} == {ada, "bad"}


def test_mail_of_the_version_before_is_taken_over(world: World) -> None:
    """Its queued mail gets a job; mail that its sender claimed waits for the claim's end."""
    queue(world, "ada", "bob", "eve")
    rows = world.database.mongo["deliveries"]
    old = {"job": "", "claimed_until": ""}
    rows.update_many({"state": "QUEUED"}, {"$unset": old, "$set": {"retry_at": None}})
    claimed = {"$set": {"claimed_until": datetime.now(UTC) + timedelta(hours=1)}}
    rows.update_one({"person_id": "bob", "state": "QUEUED"}, claimed)
    over = {"claimed_until": datetime.now(UTC) - timedelta(hours=1), "sending": True}
    rows.update_one({"person_id": "eve", "state": "QUEUED"}, {"$set": over})
    with playing(Script()) as script:
        for _ in range(2):
            announcer.adopt(world.database)
            world.send(server_at(script.url))
        assert len(script.texts) == 1
    assert [one.person_id for one in world.mails_in(DeliveryState.DELIVERED)] == ["ada"]
    assert [one.person_id for one in world.mails_in(DeliveryState.QUEUED)] == ["bob"]
    (lost,) = world.mails_in(DeliveryState.FAILED)
    assert (lost.person_id, lost.error) == ("eve", UNKNOWN)


def test_the_version_before_takes_no_mail_of_this_one(world: World) -> None:
    """New mail looks claimed for ever to it: its query finds none."""
    queue(world, "ada")
    now = {"$not": {"$gt": datetime.now(UTC)}}
    query = {"state": "QUEUED", "sending": False, "claimed_until": now, "retry_at": now}
    assert world.rows("deliveries", query) == []
