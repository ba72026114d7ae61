"""A mail that comes back makes its delivery fail, and its address gets no more mail."""

from collections import Counter
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any

import grpc
import pytest
from tandem.notify.v1 import notify_pb2, notify_pb2_grpc, resources_pb2
from tandem.progress.v1 import events_pb2 as progress

from chassis.edge.methods import Servicer
from chassis.testing import ChannelFor, running
from services.notify import api
from services.notify.domain.bounces import BounceAddresses, address_hash
from services.notify.domain.enums import Category, Channel, DeliveryState, Frequency, Kind
from services.notify.domain.messages import SUPPRESSED, VANISHED
from services.notify.domain.preferences import CategoryPreference, ChannelFrequency, SetPreferences
from services.notify.domain.values import checked
from services.notify.mail import MailServer, Marks
from services.notify.texts import Texts
from services.notify.usecases.inbox import set_preferences
from tests.integration.notify.script import HANG_UP, Script, playing
from tests.integration.notify.world import SENDER, Mailbox, World, address_of, person
from tests.reports import dsn

ADDRESSES = BounceAddresses("bounces@university.example", "k" * 32)
Stub = notify_pb2_grpc.NotifyServiceStub
CODE = grpc.StatusCode
DELIVERED, FAILED = DeliveryState.DELIVERED, DeliveryState.FAILED


@pytest.fixture
def channel_for(world: World) -> Iterator[ChannelFor]:
    """Channels to the API on behalf of callers."""
    contract = notify_pb2.DESCRIPTOR.services_by_name["NotifyService"]
    servicer = Servicer(api.NotifyApi(world.database, Texts(), ADDRESSES), contract)
    with running([servicer], world.database) as channels:
        yield channels


@pytest.fixture
def mail_server(channel_for: ChannelFor) -> Any:
    """The API as the university's mail server calls it."""
    return Stub(channel_for("postfix", "service"))


@pytest.fixture
def operator(channel_for: ChannelFor) -> Any:
    """The API as an operator calls it."""
    return Stub(channel_for("op", "operator"))


def send(world: World, *people: str) -> list[str]:
    """Send each of these people a mail; return the senders of the envelopes."""
    world.people(*people)
    world.hear("notify.triggers", *(world.event(world.assigned(one)) for one in people))
    return deliver(world)


def deliver(world: World, **answers: list[str]) -> list[str]:
    """Send what is due; return the senders of the envelopes."""
    with playing(Script(**answers)) as script:
        world.send(MailServer(script.url, SENDER, 60, marks=Marks(bounces=ADDRESSES)))
        return script.senders


def report(stub: Any, recipient: str, *said: str) -> str:
    """Report a bounce; return what followed."""
    request = notify_pb2.ReportBounceRequest(recipient=recipient, message=dsn(*said))
    answer = stub.ReportBounce(request)
    return notify_pb2.BounceOutcome.Name(answer.outcome).removeprefix("BOUNCE_OUTCOME_")


def refused(call: Any) -> grpc.StatusCode:
    """The status with which a call is refused."""
    with pytest.raises(grpc.RpcError) as caught:
        call()
    code: grpc.StatusCode = caught.value.code()
    return code


def of(world: World, person_id: str) -> Any:
    """The delivery by mail to a person."""
    (found,) = world.deliveries(person_id=person_id, channel=Channel.EMAIL)
    return found


def preferences(channel_for: ChannelFor, person_id: str) -> Any:
    """What a person sees of the own preferences."""
    request = notify_pb2.GetPreferencesRequest(person_id=person_id)
    return Stub(channel_for(person_id, "learner")).GetPreferences(request)


def listed(operator: Any, **more: Any) -> Any:
    """The suppressions that an operator sees."""
    request = notify_pb2.ListSuppressionsRequest(**more)
    return operator.ListSuppressions(request).suppressions


def test_each_mail_has_an_envelope_of_its_own(world: World, mailbox: Mailbox, ada: str) -> None:
    """The sender of the envelope, which a mail server receives, names the delivery."""
    world.people(ada)
    world.tell(world.assigned(ada))
    world.send(MailServer(mailbox.url, SENDER, 60, marks=Marks(bounces=ADDRESSES)))
    (mail,) = mailbox.mails(ada)
    assert ADDRESSES.mail_id(mail["X-Envelope-From"]) == of(world, ada).id
    assert mail["From"] == SENDER


def test_a_permanent_failure(
    world: World, channel_for: ChannelFor, mail_server: Any, operator: Any
) -> None:
    """The delivery is FAILED with its code, and told once; the address gets no more mail, the inbox
    does; the person sees why, and an operator lists it without the address.
    """
    sender, _ = send(world, "ada", "grace")
    assert not preferences(channel_for, "ada").HasField("mail_returned_at")
    assert report(mail_server, sender, "failed", "5.1.1") == "SUPPRESSED"
    assert (of(world, "ada").state, of(world, "ada").error) == (FAILED, "the mail came back: 5.1.1")
    assert world.published().count("failed.v1") == 1
    assert preferences(channel_for, "ada").HasField("mail_returned_at")
    assert not preferences(channel_for, "grace").HasField("mail_returned_at")
    (found,) = listed(operator)
    assert (found.person_id, found.code) == ("ada", "5.1.1")
    assert found.id == address_hash(address_of("ada"))
    assert "example.com" not in str(found)
    world.tell(world.changed("ada", "c2"), world.changed("grace", "c3"))
    assert len(deliver(world)) == 1
    (kept,) = world.deliveries(person_id="ada", error=SUPPRESSED)
    assert kept.state is FAILED
    assert world.notified().count("ada") == 2 + 1  # and that mail comes back


@pytest.mark.parametrize(
    ("status", "outcome", "state"),
    [("4.4.7", "FAILED", FAILED), ("5.7.1", "FAILED", FAILED), ("5.6.0", "FAILED", FAILED)],
)
def test_failures_that_are_not_of_the_address(
    world: World, mail_server: Any, operator: Any, status: str, outcome: str, state: DeliveryState
) -> None:
    """A server that gave up, or refused this mail, makes the delivery fail, and suppresses
    nothing.
    """
    (sender,) = send(world, "ada")
    assert report(mail_server, sender, "failed", status) == outcome
    assert of(world, "ada").state is state
    assert not listed(operator)


def test_a_delay_is_noted(world: World, mail_server: Any, operator: Any) -> None:
    """A mail that is late stays delivered, with a note; and when it then fails, it has failed, also
    if the news of the delay comes last.
    """
    (sender,) = send(world, "ada")
    for _ in range(2):
        assert report(mail_server, sender, "delayed", "4.4.1") == "DELAYED"
        assert of(world, "ada").state is DELIVERED
        assert of(world, "ada").error.endswith("4.4.1")
    report(mail_server, sender, "failed", "4.4.7")
    report(mail_server, sender, "delayed", "4.4.1")
    assert (of(world, "ada").state, of(world, "ada").error) == (FAILED, "the mail came back: 4.4.7")
    assert not listed(operator)


def test_good_news_changes_nothing(world: World, mail_server: Any) -> None:
    """A report that a mail arrived changes nothing."""
    (sender,) = send(world, "ada")
    before = of(world, "ada")
    assert report(mail_server, sender, "delivered", "2.0.0") == "IGNORED"
    assert of(world, "ada") == before


def test_repeats_and_many_at_once(world: World, mail_server: Any, operator: Any) -> None:
    """A report that comes again, and many at once, have one effect, and are told once."""
    (sender,) = send(world, "ada")
    with ThreadPoolExecutor(8) as pool:
        found = pool.map(lambda _: report(mail_server, sender, "failed", "5.1.1"), range(16))
        assert set(found) == {"SUPPRESSED"}
    assert world.published().count("failed.v1") == 1
    assert len(listed(operator)) == 1


def test_a_person_is_told_once_that_mail_comes_back(
    world: World, channel_for: ChannelFor, mail_server: Any, operator: Any
) -> None:
    """In the inbox, with the code and what to do, however many mails come back at once; again if an
    operator had lifted the block.
    """
    (first,) = send(world, "ada")
    world.tell(world.changed("ada"))
    (second,) = deliver(world)
    with ThreadPoolExecutor(4) as several:
        both = [first, second] * 4
        list(several.map(lambda each: report(mail_server, each, "failed", "5.1.1"), both))
    assert world.notified("comes back") == ["ada"]
    (message,) = world.rows("messages", {"kind": "mail_returned"})
    assert checked(Kind.MAIL_RETURNED, message["values"]) == message["values"]
    request = notify_pb2.ListMessagesRequest(person_id="ada")
    newest = Stub(channel_for("ada", "learner")).ListMessages(request).messages[0]
    assert newest.id == message["_id"]
    assert newest.category == resources_pb2.CATEGORY_ACCOUNT
    assert "(5.1.1)" in newest.body
    assert "records" in newest.body
    operator.RemoveSuppression(
        notify_pb2.RemoveSuppressionRequest(suppression_id=address_hash(address_of("ada")))
    )
    world.tell(world.changed("ada", "c2"))
    (again,) = deliver(world)
    assert report(mail_server, again, "failed", "5.2.1") == "SUPPRESSED"
    assert world.notified("comes back") == ["ada", "ada"]


def test_another_address_gets_mail(world: World, channel_for: ChannelFor, mail_server: Any) -> None:
    """Who has another address gets mail again; news of a person with the same one changes nothing;
    a late bounce of the former address does not suppress the new one.
    """
    (sender,) = send(world, "ada")
    world.hear("notify.people", world.event(person("ada")))
    moved: Any = person("ada")
    moved.email = "ada@elsewhere.example"
    world.hear("notify.people", world.event(moved))
    assert report(mail_server, sender, "failed", "5.1.1") == "SUPPRESSED"
    assert not preferences(channel_for, "ada").HasField("mail_returned_at")
    assert world.notified("comes back") == []
    world.tell(world.changed("ada", "c2"))
    assert len(deliver(world)) == 1
    world.people("ada")
    world.tell(world.changed("ada", "c3"))
    assert deliver(world) == []


def test_an_operator_removes_a_suppression(world: World, mail_server: Any, operator: Any) -> None:
    """An address that is removed gets mail again; what is not there is NOT_FOUND."""
    first, _ = send(world, "ada", "grace")
    report(mail_server, first, "failed", "5.1.1")
    assert not listed(operator, person_id="grace")
    (found,) = listed(operator, person_id="ada")
    request = notify_pb2.RemoveSuppressionRequest(suppression_id=found.id)
    operator.RemoveSuppression(request)
    assert not listed(operator)
    assert refused(lambda: operator.RemoveSuppression(request)) is CODE.NOT_FOUND
    world.tell(world.changed("ada", "c2"))
    assert len(deliver(world)) == 1


def test_pages_of_suppressions(world: World, mail_server: Any, operator: Any) -> None:
    """Each suppression is on one page."""
    for number, sender in enumerate(send(world, *(f"p{number}" for number in range(5)))):
        report(mail_server, sender, "failed", f"5.1.{number}")
    seen, token = [], ""
    for _ in range(3):
        request = notify_pb2.ListSuppressionsRequest(page_size=2, page_token=token)
        page = operator.ListSuppressions(request)
        seen += [each.code for each in page.suppressions]
        token = page.next_page_token
    assert (sorted(seen), token) == ([f"5.1.{number}" for number in range(5)], "")


def test_what_nobody_knew_is_known(world: World, mail_server: Any) -> None:
    """A mail of which nobody knows whether it was sent was sent, if it comes back; it is told once
    that it failed.
    """
    world.people("ada")
    world.tell(world.assigned("ada"))
    (sender,) = deliver(world, dot=[HANG_UP])
    report(mail_server, sender, "failed", "5.1.1")
    assert of(world, "ada").error == "the mail came back: 5.1.1"
    assert world.published().count("failed.v1") == 1


@pytest.mark.parametrize("frequency", [Frequency.IMMEDIATE, Frequency.DAILY])
def test_a_bounce_that_overtakes_the_result(
    world: World, mail_server: Any, frequency: Frequency
) -> None:
    """A mail that comes back before the server's answer is stored has failed; so has a digest."""
    world.people("ada")
    world.choose("ada", often(frequency))
    world.tell(world.assigned("ada"))
    world.clock.forward(hours=25)

    class Hasty(MailServer):
        """A server whose bounce comes at once."""

        def send(self, mail: Any) -> Any:
            result = super().send(mail)
            report(mail_server, ADDRESSES.of_mail(mail.id), "failed", "5.1.1")
            return result

    with playing(Script()) as script:
        world.send(Hasty(script.url, SENDER, 60, marks=Marks(bounces=ADDRESSES)))
    assert (of(world, "ada").state, of(world, "ada").error) == (FAILED, "the mail came back: 5.1.1")
    # Of the inbox twice: of the news, and that its mail came back.
    assert world.published() == ["delivered.v1", "delivered.v1", "failed.v1"]


def test_bounces_that_are_refused(world: World, channel_for: ChannelFor, mail_server: Any) -> None:
    """Who is no service may not report; an address that was guessed is no address, and a mail that
    is gone is NOT_FOUND; none of them changes anything.
    """
    (sender,) = send(world, "ada")
    before = of(world, "ada")
    gone = ADDRESSES.of_mail("5f0c1d9e-7a34-4c52-9b8e-0f6a3d2b7c41")
    forged = BounceAddresses(ADDRESSES.address, "j" * 32).of_mail(before.id)
    assert refused(lambda: report(mail_server, gone, "failed", "5.1.1")) is CODE.NOT_FOUND
    assert refused(lambda: report(mail_server, forged, "failed", "5.1.1")) is CODE.INVALID_ARGUMENT
    assert refused(lambda: report(mail_server, sender, "", "")) is CODE.INVALID_ARGUMENT
    ada = Stub(channel_for("ada", "learner"))
    assert refused(lambda: report(ada, sender, "failed", "5.1.1")) is CODE.PERMISSION_DENIED
    assert of(world, "ada") == before


def test_without_an_address_bounces_are_off(world: World) -> None:
    """An api without TANDEM_BOUNCE_ADDRESS says so."""
    contract = notify_pb2.DESCRIPTOR.services_by_name["NotifyService"]
    with running(
        [Servicer(api.NotifyApi(world.database, Texts()), contract)], world.database
    ) as channels:
        stub = Stub(channels("postfix", "service"))
        code = refused(lambda: report(stub, "bounces@university.example", "failed", "5.1.1"))
    assert code is CODE.FAILED_PRECONDITION


def test_a_digest_that_comes_back(world: World, channel_for: ChannelFor, mail_server: Any) -> None:
    """Each delivery that it told fails with the code, and is told once; one that it left out keeps
    its reason; the address is suppressed. A report again, and after the digest's document is gone,
    changes nothing.
    """
    sender = send_digest(world)
    assert report(mail_server, sender, "failed", "5.1.1") == "SUPPRESSED"
    world.database.mongo["digests"].delete_many({})
    assert report(mail_server, sender, "failed", "5.1.1") == "SUPPRESSED"
    log = world.deliveries(person_id="ada", channel=Channel.EMAIL)
    reasons = Counter(each.error for each in log if each.state is FAILED)
    assert reasons == {"the mail came back: 5.1.1": 2, VANISHED: 1}
    assert world.published().count("failed.v1") == 3
    assert preferences(channel_for, "ada").HasField("mail_returned_at")
    muting = SetPreferences("ada", mute_run_ids=("r1",))
    answer = world.database.transact(lambda store: set_preferences(store, muting))
    assert answer.mail_returned_at is not None


def test_a_digest_that_is_late(world: World, mail_server: Any) -> None:
    """The delay is noted for each delivery that it told."""
    assert report(mail_server, send_digest(world), "delayed", "4.4.1") == "DELAYED"
    late = world.deliveries(person_id="ada", channel=Channel.EMAIL, state=DELIVERED)
    assert [each.error for each in late] == ["the mail is late, and still tried: 4.4.1"] * 2


def test_what_a_digest_left_out_when_it_was_sent_again(world: World, mail_server: Any) -> None:
    """It was in no mail, so it keeps its reason when the digest comes back."""
    first = send_digest(world, rcpt=["451 4.2.0 later"])
    world.hear("notify.triggers", world.event(withdrawn("c1"), sequence=9))
    world.system.at += timedelta(minutes=5)
    (sender,) = deliver(world)
    assert sender == first
    assert report(mail_server, sender, "failed", "5.1.1") == "SUPPRESSED"
    reasons = Counter(each.error for each in world.mails_in(FAILED))
    assert reasons == {"the mail came back: 5.1.1": 1, VANISHED: 2}


def test_a_digest_to_a_suppressed_address(world: World, mail_server: Any) -> None:
    """It is not sent; each of its deliveries fails with that reason."""
    (sender,) = send(world, "ada")
    assert report(mail_server, sender, "failed", "5.1.1") == "SUPPRESSED"
    assert send_digest(world, sends=0) == ""
    reasons = Counter(each.error for each in world.mails_in(FAILED))
    assert reasons == {"the mail came back: 5.1.1": 1, VANISHED: 1, SUPPRESSED: 2}


def send_digest(world: World, sends: int = 1, **answers: list[str]) -> str:
    """Send Ada a digest of two catch-ups, from which a third was left out; return the sender of its
    envelope.
    """
    world.people("ada")
    world.choose("ada", often(Frequency.DAILY))
    for number in range(3):
        assigned = world.assigned("ada")
        assigned.catch_up_id = f"c{number}"
        world.tell(assigned)
    world.hear("notify.triggers", world.event(withdrawn("c0"), sequence=9))
    world.clock.forward(hours=25)
    senders = deliver(world, **answers)
    assert len(senders) == sends
    return senders[0] if sends else ""


def often(frequency: Frequency) -> CategoryPreference:
    """The inbox, and e-mail about catch-ups this often."""
    inbox = ChannelFrequency(Channel.IN_APP, Frequency.IMMEDIATE)
    mail = ChannelFrequency(Channel.EMAIL, frequency)
    return CategoryPreference(Category.CATCH_UP, (), (inbox, mail))


def withdrawn(catch_up_id: str) -> progress.CatchUpWithdrawn:
    """The event that a catch-up of Ada was withdrawn."""
    return progress.CatchUpWithdrawn(catch_up_id=catch_up_id, learner_id="ada", title="Waves")
