"""One click in a mail program ends the mails of a category, without a login."""

import re
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from email import message_from_string
from pathlib import Path
from typing import Any

import httpx
import pytest
from tandem.progress.v1 import events_pb2 as progress

from chassis.capabilities import CapabilityUrls
from chassis.edge.server import Server
from chassis.testing import Issuer, settings_for
from services.notify.domain.enums import Category, Channel, DeliveryState, Frequency
from services.notify.domain.messages import UNWANTED
from services.notify.domain.preferences import CategoryPreference, ChannelFrequency
from services.notify.mail import MailServer, Marks
from services.notify.pages_unsubscribe import Unsubscribing
from services.notify.usecases import inbox
from tests.integration.notify.script import Script, playing
from tests.integration.notify.world import HOUR, SENDER, TEXTS, World

KEY = "a key of thirty-two characters.."
ONE_CLICK = {"List-Unsubscribe": "One-Click"}
BOTH, INBOX = (Channel.IN_APP, Channel.EMAIL), (Channel.IN_APP,)


@pytest.fixture
def urls(world: World, tmp_path: Path) -> Iterator[CapabilityUrls]:
    """The URLs of the page, behind the real edge."""
    chosen = settings_for(Issuer().write_jwks(tmp_path / "jwks"))
    page = Unsubscribing(world.database, CapabilityUrls("http://none", KEY, "unsubscribe"), TEXTS)
    server = Server(chosen, "tests", world.database, [], page.pages())
    server.start()
    yield CapabilityUrls(f"http://127.0.0.1:{server.http_port}", KEY, "unsubscribe")
    server.drain(chosen.drain)


@pytest.fixture
def url(world: World, urls: CapabilityUrls) -> str:
    """The URL of a mail to Ada about a catch-up, as a mail server received it."""
    world.people("ada", "grace")
    return link_of(world, urls)


def link_of(world: World, urls: CapabilityUrls) -> str:
    """Send a mail about a catch-up, and return the URL that is in its header."""
    world.tell(world.assigned("ada"))
    (mail,) = sent(world, urls)
    assert mail["List-Unsubscribe-Post"] == "List-Unsubscribe=One-Click"
    found = re.fullmatch("<(.*)>", mail["List-Unsubscribe"])
    assert found
    return found[1]


def sent(world: World, urls: CapabilityUrls) -> list[Any]:
    """What a mail server receives of what is due."""
    with playing(Script()) as script:
        world.send(MailServer(script.url, SENDER, 60, marks=Marks(unsubscribe=urls)))
        return [message_from_string(text) for text in script.texts]


def call(method: str, url: str, **more: Any) -> httpx.Response:
    """Call as a mail program does: without cookies or a token."""
    return httpx.request(method, url, trust_env=False, timeout=60, **more)


def channels(world: World, category: Category = Category.CATCH_UP) -> tuple[Channel, ...]:
    """Ada's channels for a category."""
    found = inbox.get_preferences(world.database.reader(), "ada").categories
    return next(each.channels for each in found if each.category is category)


def test_one_click_ends_the_mails_of_the_category(world: World, url: str) -> None:
    """Ada gets no more mails about catch-ups, a queued one included, but mails about the rest; the
    inbox, and what others chose, stay as they are.
    """
    changed = world.changed("ada", "c2")
    world.tell(changed)
    answer = call("POST", url, data=ONE_CLICK)
    assert (answer.status_code, answer.history) == (200, [])
    assert channels(world) == INBOX
    assert channels(world, Category.SEAT) == BOTH
    assert world.rows("preferences", {"_id": "grace"}) == []
    with playing(Script()) as script:
        world.send(MailServer(script.url, SENDER, 60))
        assert script.texts == []
    assert [each.error for each in world.mails_in(DeliveryState.FAILED)] == [UNWANTED]


def test_mail_programs_post_multipart(world: World, url: str) -> None:
    """The form that mail programs should use, multipart/form-data, does the same."""
    assert call("POST", url, files={"List-Unsubscribe": (None, "One-Click")}).status_code == 200
    assert channels(world) == INBOX


def test_repeats_and_many_at_once(world: World, url: str) -> None:
    """Any number of clicks, at once too, answer alike and change nothing more."""
    with ThreadPoolExecutor(8) as pool:
        codes = set(pool.map(lambda _: call("POST", url, data=ONE_CLICK).status_code, range(16)))
    assert codes == {200}
    assert channels(world) == INBOX


def test_a_click_keeps_what_was_chosen(world: World, url: str) -> None:
    """Who had chosen mail only has no channel left; who then chooses mail again gets it again."""
    only_mail = CategoryPreference(Category.CATCH_UP, (Channel.EMAIL,))
    world.choose("ada", only_mail)
    assert call("POST", url, data=ONE_CLICK).status_code == 200
    assert channels(world) == ()
    world.choose("ada", only_mail)
    assert channels(world) == (Channel.EMAIL,)


def test_urgent_mails_follow_the_choice(world: World, urls: CapabilityUrls) -> None:
    """An urgent mail has the link, too; afterwards urgent news comes to the inbox only."""
    world.people("ada", "grace")
    world.run("ada")
    world.schedule(48 * HOUR)
    world.tell(world.moved(48 * HOUR, 49 * HOUR))
    world.broadcast()
    (mail,) = [each for each in sent(world, urls) if each["To"].startswith("ada@")]
    assert call("POST", mail["List-Unsubscribe"].strip("<>"), data=ONE_CLICK).status_code == 200
    (cancelled,) = world.tell(world.cancelled(49 * HOUR))
    world.broadcast()
    (made,) = world.deliveries(event_id=cancelled.id, person_id="ada")
    assert (made.channel, made.urgent) == (Channel.IN_APP, True)


@pytest.mark.parametrize("method", ["GET", "HEAD"])
def test_who_looks_changes_nothing(world: World, url: str, method: str) -> None:
    """Those who check links get the page, and nothing is changed."""
    answer = call(method, url)
    assert (answer.status_code, channels(world)) == (200, BOTH)
    assert answer.headers["cache-control"] == "no-store"
    assert answer.headers["referrer-policy"] == "no-referrer"
    assert "set-cookie" not in answer.headers


def test_the_page_asks_in_the_language_of_the_person(world: World, urls: CapabilityUrls) -> None:
    """The page is in the person's language, has a title, a heading and one button, and its form
    posts what one click posts.
    """
    world.people("ada", language="de-AT")
    url = link_of(world, urls)
    page = call("GET", url).text
    assert '<html lang="de" dir="ltr">' in page
    assert "<title>E-Mails über Termine zum Nachholen</title>" in page
    assert page.count("<h1>") == page.count("<button>") == 1
    fields = dict(re.findall(r'name="([^"]*)" value="([^"]*)"', page))
    answer = call("POST", url, data=fields)
    assert (answer.status_code, channels(world)) == (200, INBOX)
    assert "keine E-Mails mehr" in answer.text


@pytest.mark.parametrize(
    "body",
    [
        {},
        {"data": {"List-Unsubscribe": "No"}},
        {"data": {"list-unsubscribe": "one-click"}},
        {"json": ONE_CLICK},
        {"content": b"List-Unsubscribe=One-Click", "headers": {"content-type": "text/plain"}},
        {"content": b"\xff\x00", "headers": {"content-type": "multipart/form-data; boundary=b"}},
        {
            "content": b"--b\n" * 3000,
            "headers": {"content-type": "multipart/form-data; boundary=b"},
        },
        {"content": b"x" * 20_000},
    ],
)
def test_a_body_that_does_not_ask(world: World, url: str, body: dict[str, Any]) -> None:
    """A POST without the field of RFC 8058 is refused, and changes nothing."""
    assert 400 <= call("POST", url, **body).status_code < 500
    assert channels(world) == BOTH


def test_nested_parts_end_nothing(world: World, url: str) -> None:
    """Parts in parts, deeper than a parser can go, are refused."""
    deep = b"".join(
        b"--%d\nContent-Type: multipart/x; boundary=%d\n\n" % (n, n + 1) for n in range(350)
    )
    headers = {"content-type": "multipart/form-data; boundary=0"}
    assert call("POST", url, content=deep, headers=headers).status_code == 400


@pytest.mark.parametrize(
    "damage", [lambda url: url[:-1], lambda url: url + "x", lambda url: url[:-9] + "A" * 9]
)
def test_links_of_others_open_nothing(world: World, url: str, damage: Any) -> None:
    """A link that was guessed or damaged answers 404, and changes nothing."""
    for method in ("GET", "POST"):
        assert call(method, damage(url), data=ONE_CLICK).status_code == 404
    assert channels(world) == BOTH


def test_a_mail_that_is_gone(urls: CapabilityUrls) -> None:
    """A link of a mail that is not known any more answers 404."""
    assert call("POST", urls.url_of("gone"), data=ONE_CLICK).status_code == 404


def test_codes_of_other_pages_open_nothing(world: World, url: str) -> None:
    """A token that the same key made for another kind of page is none of ours."""
    base, _, token = url.rpartition("/")
    foreign = CapabilityUrls("http://none", KEY, "calendar").url_of(token.partition(".")[0])
    assert call("GET", f"{base}/{foreign.rpartition('/')[2]}").status_code == 404


def test_one_click_in_a_digest(world: World, urls: CapabilityUrls) -> None:
    """A digest's link ends the mails of each category that it told of, and says which; the inbox,
    and how often mails of other categories come, stay as they are.
    """
    told, other = (Category.CATCH_UP, Category.DEADLINE), Category.SEAT
    world.people("ada")
    world.run("ada")
    world.choose("ada", *(daily(each) for each in (*told, other)))
    world.tell(world.assigned("ada"), world.extended("ada"))
    world.clock.forward(hours=25)
    (mail,) = sent(world, urls)
    world.database.mongo["digests"].delete_many({})  # as MongoDB does after a day
    url = mail["List-Unsubscribe"].strip("<>")
    assert "classes to catch up on and deadlines" in call("GET", url).text
    assert [channels(world, each) for each in told] == [BOTH, BOTH]
    for _ in range(2):
        answer = call("POST", url, data=ONE_CLICK)
        assert answer.status_code == 200
        assert "no more e-mail about classes to catch up on and deadlines" in answer.text
        assert [channels(world, each) for each in told] == [INBOX, INBOX]
    choice = world.database.reader().choices(["ada"])["ada"]
    assert choice.frequency(other, Channel.EMAIL) is Frequency.DAILY


def test_a_digest_does_not_end_what_it_left_out(world: World, urls: CapabilityUrls) -> None:
    """What was overtaken before it was sent was not told, so its category stays."""
    world.people("ada")
    world.run("ada")
    world.choose("ada", daily(Category.CATCH_UP), daily(Category.DEADLINE))
    world.tell(world.assigned("ada"), world.extended("ada"))
    world.tell(world.ended(progress.CatchUpWithdrawn, "ada"))
    world.clock.forward(hours=25)
    (mail,) = sent(world, urls)
    assert call("POST", mail["List-Unsubscribe"].strip("<>"), data=ONE_CLICK).status_code == 200
    assert channels(world, Category.DEADLINE) == INBOX
    assert channels(world, Category.CATCH_UP) == BOTH


@pytest.mark.parametrize(
    ("language", "named"),
    [
        ("de", "Termine zum Nachholen und Fristen"),
        ("ar", "المحاضرات التي يجب تعويضها والمواعيد النهائية"),
    ],
)
def test_the_page_of_a_digest_in_other_languages(
    world: World, urls: CapabilityUrls, language: str, named: str
) -> None:
    """It names the categories as a list of that language."""
    world.people("ada", language=language)
    world.run("ada")
    world.choose("ada", daily(Category.CATCH_UP), daily(Category.DEADLINE))
    world.tell(world.assigned("ada"), world.extended("ada"))
    world.clock.forward(hours=25)
    (mail,) = sent(world, urls)
    assert named in call("GET", mail["List-Unsubscribe"].strip("<>")).text


def daily(category: Category) -> CategoryPreference:
    """The inbox, and e-mail once a day."""
    inbox = ChannelFrequency(Channel.IN_APP, Frequency.IMMEDIATE)
    mail = ChannelFrequency(Channel.EMAIL, Frequency.DAILY)
    return CategoryPreference(category, (), (inbox, mail))
