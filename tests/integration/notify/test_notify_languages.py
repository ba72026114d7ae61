"""Messages are stored as kind and values, and written when they are sent or read."""

import itertools
from typing import Any

import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc

from chassis.edge.grpc import following
from chassis.testing import ChannelFor
from services.notify.domain.enums import Category, Channel, DeliveryState, Frequency, Kind
from services.notify.domain.preferences import CategoryPreference
from services.notify.domain.values import checked
from tests.integration.notify.test_notify_preferences import one_of_each
from tests.integration.notify.world import HOUR, TEXTS, Mailbox, World, text_of

# What the version before this one stored of a message.
OLDER = ("kind", "values")


def inbox(channel_for: ChannelFor, person_id: str) -> Any:
    """The person's messages, as the person reads them."""
    stub = notify_pb2_grpc.NotifyServiceStub(channel_for(person_id, "learner"))
    return stub.ListMessages(notify_pb2.ListMessagesRequest(person_id=person_id)).messages


def test_each_kind_is_stored_with_what_it_declares(world: World) -> None:
    """The values that our handlers give are those that templates get, after the database too; and
    beside them is the text, for the version before this one. No event leads to MAIL_RETURNED
    (test_notify_bounces.py).
    """
    one_of_each(world)
    rows = world.rows("messages", {"person_id": "ada"})
    assert {row["kind"] for row in rows} == set(Kind) - {Kind.MAIL_RETURNED}
    for row in rows:
        kind = Kind(row["kind"])
        assert checked(kind, row["values"]) == row["values"]
        text = TEXTS.write(kind, "en", "Europe/Dublin", "Ada", row["values"])
        assert (row["title"], row["body"]) == (text.title, text.body)


def test_an_inbox_follows_its_person(
    world: World, channel_for: ChannelFor, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Who chooses another language or zone reads the messages of before in it; a stream, too."""
    monkeypatch.setattr(following, "PAUSE", 0.05)
    world.people("ada")
    world.tell(world.assigned("ada"), world.assigned("ada", "Optics"))
    before = inbox(channel_for, "ada")
    assert {one.language for one in before} == {"en"}
    world.people("ada", language="ar-EG", zone="Africa/Cairo")
    after = inbox(channel_for, "ada")
    assert [one.id for one in after] == [one.id for one in before]
    assert {one.language for one in after} == {"ar"}
    assert after[1].title == "مطلوب استدراكها: \u2068Waves\u2069"
    assert "الاثنين، 9 مارس 2026، الساعة 10:00 (\u2068Africa/Cairo\u2069)" in after[1].body
    stub = notify_pb2_grpc.NotifyServiceStub(channel_for("ada", "learner"))
    request = notify_pb2.StreamMessagesRequest(person_id="ada", after_message_id=after[1].id)
    stream = stub.StreamMessages(request)
    assert list(itertools.islice(stream, 1)) == [after[0]]
    stream.cancel()


def test_a_mail_follows_its_person(world: World, mailbox: Mailbox, ada: str) -> None:
    """A mail that waited is written in the language that the person has when it is sent: as text
    and as HTML, which tell the language.
    """
    world.people(ada)
    world.tell(world.assigned(ada))
    world.people(ada, language="ar")
    world.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == "مطلوب استدراكها: \u2068Waves\u2069"
    assert mail["Content-Language"] == "ar"
    assert [part.get_content_type() for part in mail.iter_parts()] == ["text/plain", "text/html"]
    assert "فاتتك محاضرة «\u2068Waves\u2069»" in text_of(mail)
    html = mail.get_body(("html",))
    assert html is not None
    assert '<html lang="ar" dir="rtl">' in html.get_content()
    assert "<bdi>Waves</bdi>" in html.get_content()


def test_a_message_of_an_older_version_is_shown_as_it_was_written(
    world: World, channel_for: ChannelFor, mailbox: Mailbox, ada: str
) -> None:
    """It has its text only; it is read and mailed so, whatever the person's language is now."""
    world.people(ada)
    world.tell(world.assigned(ada))
    world.database.mongo["messages"].update_many({}, {"$unset": dict.fromkeys(OLDER, "")})
    world.people(ada, language="de")
    [shown] = inbox(channel_for, ada)
    assert (shown.title, shown.language) == ("To catch up on: Waves", "")
    assert shown.body.startswith("Dear ")
    world.send(mailbox.server())
    (mail,) = mailbox.mails(ada)
    assert mail["Subject"] == shown.title
    assert mail.get_content_type() == "text/plain"
    assert text_of(mail).replace("\r\n", "\n") == shown.body


@pytest.mark.parametrize(
    "newer",
    [{"kind": "of_a_newer_version"}, {"values.of_a_newer_version": 1}, {"values.due": "soon"}],
)
def test_a_message_of_a_newer_version_is_shown_as_it_was_written(
    world: World, channel_for: ChannelFor, mailbox: Mailbox, ada: str, newer: dict[str, Any]
) -> None:
    """After a rollback: a kind, or values, that this version does not know stop neither an inbox
    nor the mail of others.
    """
    world.people(ada)
    [event] = world.tell(world.assigned(ada))
    world.database.mongo["messages"].update_one({"event_id": event.id}, {"$set": newer})
    other = world.assigned(ada, "Optics")
    other.catch_up_id = "other"
    world.tell(other)
    world.people(ada, language="de")
    assert [one.title for one in inbox(channel_for, ada)] == [
        "Nachzuholen: Optics",
        "To catch up on: Waves",
    ]
    world.send(mailbox.server())
    assert sorted(str(mail["Subject"]) for mail in mailbox.mails(ada)) == [
        "Nachzuholen: Optics",
        "To catch up on: Waves",
    ]


def test_a_broadcast_of_an_older_version_is_told(world: World, ada: str) -> None:
    """What was added to its kind since has what stands for it."""
    world.people(ada, "grace")
    world.run(ada)
    world.schedule(48 * HOUR)
    world.tell(world.moved(48 * HOUR, 72 * HOUR))
    gone = {"$unset": {"notice.values.instructor": ""}}
    assert world.database.mongo["broadcasts"].update_many({}, gone).modified_count
    world.broadcast()
    assert world.notified("Moved") == sorted([ada, "grace"])


def test_who_left_gets_no_mail_in_any_language(world: World, mailbox: Mailbox, ada: str) -> None:
    """A person who is not known any more is not written to."""
    world.people(ada)
    world.tell(world.assigned(ada))
    world.database.mongo["people"].delete_one({"_id": ada})
    world.send(mailbox.server())
    assert mailbox.mails(ada) == []
    assert len(world.mails_in(DeliveryState.FAILED)) == 1


def test_a_choice_of_a_newer_version_is_read(world: World) -> None:
    """After a rollback: a channel or a category that this version does not know is left out."""
    channels = {"SESSION": ["IN_APP", "CARRIER_PIGEON"], "WEATHER": ["EMAIL"]}
    world.database.mongo["preferences"].insert_one({"_id": "ada", "channels": channels})
    chosen = world.database.reader().choices(["ada"])["ada"].categories
    assert chosen == {Category.SESSION: {Channel.IN_APP: Frequency.IMMEDIATE}}
    world.choose("ada", CategoryPreference(Category.SEAT, (Channel.EMAIL,)))
    (row,) = world.rows("preferences", {})
    assert row["channels"] == {"SESSION": ["IN_APP"], "WEATHER": ["EMAIL"], "SEAT": ["EMAIL"]}
