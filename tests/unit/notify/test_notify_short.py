"""Text messages fit in their parts, notifications on small screens, and codes confirm numbers."""

import json
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.devices import (
    TRIES,
    VALID,
    Allowance,
    Codes,
    Device,
    RegisterDevice,
    phone,
    tried,
)
from services.notify.domain.enums import Channel, Kind
from services.notify.domain.messages import Outcome, SendResult, compose
from services.notify.domain.notices import About, Text
from services.notify.domain.short import (
    LONGEST_KEPT,
    LONGEST_LINE,
    SEGMENTS,
    combined,
    cut_to,
    line_of,
    push_of,
    segments,
)
from services.notify.samples import NAME, ZONE, sample
from services.notify.sender_short import WORDS
from services.notify.texts import Texts
from services.notify.webpush import LARGEST
from tests.unit.notify.test_notify_deliveries import NOTICE, NOW

CODES = Codes("k" * 32)
NUMBER = RegisterDevice("ada", phone_number="+353851234567")
texts = st.text(max_size=400)


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", 1),
        ("a" * 160, 1),
        ("a" * 161, 2),
        ("a" * 306, 2),
        ("a" * 307, 3),
        ("ä" * 160, 1),
        ("€" * 80, 1),
        ("€" * 81, 2),
        ("€" * 152, 2),
        ("€" * 153, 3),  # 76 in a part of 153: no sign is divided
        ("ع" * 70, 1),
        ("ع" * 71, 2),
        ("ع" * 134, 2),
        ("ع" * 135, 3),
        ("😀" * 35, 1),
        ("😀" * 36, 2),
        ("😀" * 67, 3),  # 33 in a part of 67
        ("a" * 70 + "“", 2),
    ],
)
def test_parts_of_a_text_message(text: str, parts: int) -> None:
    """Digits of GSM's alphabet are counted as septets, others as UTF-16 (3GPP TS 23.038)."""
    assert segments(text) == parts


@given(texts, st.integers(1, 3))
def test_a_text_is_cut_to_its_parts(text: str, most: int) -> None:
    """A text that fits stays; another is its own start with dots, and as a whole fits."""
    short = cut_to(text, most)
    assert segments(short) <= most
    if segments(text) <= most:
        assert short == text
    else:
        assert short.endswith("...")
        assert text.startswith(short[:-3].rstrip("\u2069"))


def test_a_cut_value_keeps_its_direction() -> None:
    """An isolate that a cut left open is closed, so that the dots stand where they belong."""
    assert cut_to("\u2068" + "ع" * 100 + "\u2069", 1).endswith("ع\u2069...")


@given(texts, texts, st.booleans())
def test_every_notification_fits(title: str, body: str, urgent: bool) -> None:
    """A notification with the longest title that there is fits in what each push service takes."""
    made = compose(NOTICE, "ada", (Channel.PUSH,), Text(title[:200], body), None, NOW)
    delivery = replace(made.deliveries[0], urgent=urgent)
    push = push_of(delivery, made.message, Text(title[:200], "Dear Ada,\n\n" + body), (), NOW)
    assert len(push.payload) <= LARGEST
    told = json.loads(push.payload)
    assert told["title"] == title[:200].encode(errors="replace").decode()
    assert len(told["line"]) <= LONGEST_LINE + 1
    assert "\n" not in told["line"]
    assert push.urgency == ("high" if urgent else push.urgency)
    assert len(push.topic) == 32


def test_a_notification_is_kept_while_it_is_news() -> None:
    """Until its class begins; then until it ends; else three days; for a minute at least."""
    made = compose(NOTICE, "ada", (Channel.PUSH,), Text("t", "b"), None, NOW)

    def ttl(start: timedelta, end: timedelta) -> int:
        about = About(Kind.SESSION_MOVED, "s1", NOW + start, NOW + end)
        message = replace(made.message, about=about)
        return push_of(made.deliveries[0], message, Text("t", "b"), (), NOW).ttl

    hour, day = timedelta(hours=1), timedelta(days=1)
    assert ttl(hour, 2 * hour) == 3600
    assert ttl(-hour, hour) == 3600
    assert ttl(-2 * hour, -hour) == ttl(9 * day, 10 * day) == LONGEST_KEPT.total_seconds()
    assert ttl(timedelta(seconds=1), hour) == 60


def test_each_kind_is_short_in_each_language() -> None:
    """With sample values, each kind fits in two parts, and has a line for a notification."""
    written = Texts()
    for language in written.languages:
        for kind in Kind:
            text = written.write(kind, language, ZONE, NAME, sample(kind))
            assert segments(cut_to(text.title, SEGMENTS)) <= SEGMENTS
            assert line_of(text.body), kind


def test_newer_news_of_one_thing_has_its_topic() -> None:
    """Two messages of one class share a topic, and those of two classes don't, nor those of a
    class and of its online meeting.
    """
    made = compose(NOTICE, "ada", (Channel.PUSH,), Text("t", "b"), None, NOW)

    def topic(event: str, session: str, kind: Kind = Kind.SESSION_MOVED) -> str:
        message = replace(made.message, id=event, about=About(kind, session_id=session))
        return push_of(made.deliveries[0], message, Text("t", "b"), (), NOW).topic

    assert topic("m1", "s1") == topic("m2", "s1") != topic("m2", "s2")
    assert topic("m1", "") != topic("m2", "")
    failed, made_later = Kind.MEETING_FAILED, Kind.MEETING_MADE
    assert topic("m1", "s1") != topic("m2", "s1", failed) == topic("m3", "s1", made_later)


outcomes = st.sampled_from([Outcome.ACCEPTED, Outcome.PUT_OFF, Outcome.REFUSED])


@given(st.lists(st.builds(SendResult, outcomes, gone=st.sampled_from([(), ("d",)])), min_size=1))
def test_one_browser_is_enough(results: list[SendResult]) -> None:
    """A notification is delivered if one browser has it, is tried again if one may have it later,
    and forgets every device that is gone.
    """
    found = combined(results)
    told = {each.outcome for each in results}
    if Outcome.ACCEPTED in told:
        assert found.outcome is Outcome.ACCEPTED
    else:
        assert (found.outcome is Outcome.PUT_OFF) == (Outcome.PUT_OFF in told)
    assert len(found.gone) == sum(len(each.gone) for each in results)


def waiting() -> Device:
    """A number whose code was sent."""
    return phone(NUMBER, None, "code-1", NOW)


def test_a_code_confirms_its_number_once() -> None:
    """The right code confirms, and can't be used again; another device's does not."""
    other = phone(NUMBER, None, "code-2", NOW)
    assert CODES.code_of(waiting()) != CODES.code_of(other)
    done, wrong = tried(waiting(), CODES.code_of(waiting()), CODES, NOW)
    assert (done.confirmed_at, wrong) == (NOW, "")
    again, wrong = tried(done, CODES.code_of(waiting()), CODES, NOW)
    assert again == done
    assert "register the number again" in wrong


@given(st.from_regex(r"[0-9]{6}", fullmatch=True))
def test_a_wrong_code_counts(code: str) -> None:
    """After as many wrong codes as there may be, the right one does not confirm either."""
    right = CODES.code_of(waiting())
    if code == right:
        return
    device = waiting()
    for _ in range(TRIES):
        device, wrong = tried(device, code, CODES, NOW)
        assert "wrong" in wrong
    assert tried(device, right, CODES, NOW)[1]
    assert device.confirmed_at is None


def test_a_code_expires() -> None:
    """Ten minutes later the code is worth nothing."""
    right = CODES.code_of(waiting())
    assert tried(waiting(), right, CODES, NOW + VALID)[1]
    assert not tried(waiting(), right, CODES, NOW + VALID - timedelta(seconds=1))[1]


def test_an_allowance_comes_back_after_a_day() -> None:
    """What was sent a day ago does not count."""
    start = datetime(2026, 3, 2, tzinfo=UTC)
    sent = Allowance("person:ada", (start, start + timedelta(hours=1)))
    assert len(sent.within(start + timedelta(hours=24)).sent) == 1
    assert len(sent.within(start + timedelta(hours=23)).sent) == 2


def test_each_language_tells_the_code() -> None:
    """Each language that messages have has words for the code, and they fit in two parts."""
    assert WORDS.keys() == Texts().languages.keys()
    for words in WORDS.values():
        assert segments(words.format(code="123456")) <= 2


def test_a_hint_tells_little() -> None:
    """Of a number the last two digits."""
    assert waiting().hint == "…67"
