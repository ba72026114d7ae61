"""The rules of webhooks: patterns, URLs, signatures, and what follows from answers."""

import ipaddress
import json
import re
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any
from unittest.mock import patch
from uuid import UUID

import pytest
from google.protobuf.message import Message
from hypothesis import given, settings
from hypothesis import strategies as st
from standardwebhooks.webhooks import Webhook as Receiver
from standardwebhooks.webhooks import WebhookVerificationError

from chassis.contracts.events import PREFIX, Event, body_of, contracts, event_type, headers_of
from chassis.edge.http import outgoing
from chassis.errors import Invalid
from chassis.operations.settings import SettingsError, load
from services.notify.domain.webhooks import (
    OVERLAP,
    TRIED_FOR,
    Answer,
    CreateWebhook,
    Outcome,
    Secrets,
    Webhook,
    WebhookDelivery,
    WebhookDeliveryState,
    WebhookState,
    after_turn,
    answer_of,
    answered,
    check_webhook,
    matches,
    queued_anew,
    resumed,
    rotated,
)
from services.notify.settings import Settings
from services.notify.webhook_events import structured
from services.notify.webhook_posts import Line

NOW = datetime.now(UTC)
SECRETS = Secrets("k" * 32)
HOOK = Webhook("w1", "https://example.edu/hook", ("#",), "", NOW)
DELIVERY = WebhookDelivery(
    "w1:e1", "w1", "e1", "tandem.a.b.c.v1", "k1", NOW, b"{}", NOW, NOW, NOW + timedelta(days=30)
)
GOOD, BAD, GONE = (answer_of(status) for status in (204, 500, 410))
WORDS = st.lists(st.sampled_from(["tandem", "catalog", "enrolment"]), min_size=1, max_size=5)
PARTS = st.lists(st.sampled_from(["tandem", "catalog", "*", "#"]), min_size=1, max_size=6)


def as_expression(parts: list[str]) -> str:
    """A pattern as a regular expression on words that each end with a dot."""
    known = {"*": r"[^.]+\.", "#": r"(?:[^.]+\.)*"}
    return "".join(known.get(part, rf"{part}\.") for part in parts)


@given(WORDS, PARTS)
def test_patterns_are_those_of_topic_exchanges(words: list[str], parts: list[str]) -> None:
    """`*` is one word, `#` any number of words, others are themselves."""
    wanted = re.fullmatch(as_expression(parts), "".join(f"{word}." for word in words))
    assert matches(".".join(parts), ".".join(words)) is (wanted is not None)


def faults(url: str = HOOK.url, *patterns: str, http: bool = False) -> dict[str, str]:
    """What would be right of a new webhook, by the fields that are wrong."""
    command = CreateWebhook(url, patterns or ("#",), "")
    try:
        check_webhook(command, contracts(), http)
    except Invalid as error:
        return {each.field: each.right for each in error.violations}
    return {}


@pytest.mark.parametrize(
    "url",
    [
        "",
        "example.edu/hook",
        "http://example.edu/hook",
        "ftp://example.edu",
        "https://",
        "https://:443/",
        "https://example.edu:0/",
        "https://example.edu:99999/",
        "https://[::1/",
        "https://user:secret@example.edu/",
        "https://example.edu/#part",
        "https://example.edu/a b",
        "https://example.edu/\r\nx: y",
        "https://exämple.edu/",
        "https://example.edu\\@evil.example/",
        "javascript:alert(1)",
    ],
)
def test_a_url_is_of_https(url: str) -> None:
    """Anything else is refused before it is stored."""
    assert "url" in faults(url)


@pytest.mark.parametrize("scheme", ["http", "HTTP", "hTtP"])
def test_nothing_goes_out_in_plain_text(scheme: str) -> None:
    """Without TLS an event goes to allowed networks only, however the scheme is written."""
    hook = replace(HOOK, url=f"{scheme}://192.0.2.1/")
    networks = [ipaddress.ip_network("10.0.0.0/8")]
    public = patch.object(outgoing, "is_public", return_value=True)
    with public, Line(hook, SECRETS, networks, 0.5) as line:
        answer = line.post(DELIVERY)
    assert "no address that is allowed" in answer.error


def test_what_may_be_a_webhook() -> None:
    """A URL without TLS only where that is allowed; patterns that match a type; all faults come at
    once.
    """
    assert faults("http://10.0.0.1:8080/hook?x=1", "tandem.catalog.enrolment.*.v1", http=True) == {}
    assert faults(HOOK.url, "tandem.catalog.#", "#", "tandem.*.*.*.v1") == {}
    found = faults(
        "http://a", "tandem.catalogue.#", "#", "Tandem.#", "", "a..b", ".".join("#" * 11)
    )
    assert set(found) == {"url", *(f"patterns[{place}]" for place in (0, 2, 3, 4, 5))}


@settings(max_examples=30)
@given(st.text(st.characters(codec="utf-8"), max_size=100), st.uuids())
def test_the_stock_library_verifies(text: str, event: UUID) -> None:
    """`standardwebhooks` accepts what we sign, and nothing that was changed."""
    body, receiver = json.dumps({"a": text}), Receiver(SECRETS.secret(HOOK.id, 1))
    signed = SECRETS.headers(HOOK, str(event), body.encode(), datetime.now(UTC))
    assert receiver.verify(body, signed) == {"a": text}
    with pytest.raises(WebhookVerificationError):
        receiver.verify(f"{body} ", signed)
    with pytest.raises(WebhookVerificationError):
        receiver.verify(body, {**signed, "webhook-id": f"{event}x"})


def verifies(webhook: Webhook, version: int, now: datetime) -> bool:
    """Whether a receiver with this secret accepts a request of `now`."""
    headers = SECRETS.headers(webhook, "e1", b"{}", now)
    try:
        Receiver(SECRETS.secret(webhook.id, version)).verify("{}", headers)
    except WebhookVerificationError:
        return False
    return True


def test_rotation() -> None:
    """For a day both secrets sign; another rotation ends the oldest at once; secrets differ by
    webhook, version and key.
    """
    now = datetime.now(UTC)
    once = rotated(HOOK, now)
    twice = rotated(once, now)
    assert [verifies(once, version, now) for version in (1, 2, 3)] == [True, True, False]
    assert [verifies(twice, version, now) for version in (1, 2, 3)] == [False, True, True]
    over = replace(once, old_secret_until=now)
    assert [verifies(over, version, now) for version in (1, 2)] == [False, True]
    assert once.old_secret_until == now + OVERLAP
    every = {Secrets(key).secret(hook, version)
             for key in ("a", "b") for hook in ("w1", "w2") for version in (1, 2)}  # fmt: skip
    assert len(every) == 8
    assert "k" * 32 not in str(SECRETS.secret("w1", 1))


@given(st.integers(100, 599))
def test_only_2xx_is_success(status: int) -> None:
    """410 asks to stop; a redirect is a failure, because it is not followed."""
    answer = answer_of(status)
    assert (answer.outcome is Outcome.DELIVERED) is (200 <= status < 300)
    assert (answer.outcome is Outcome.GONE) is (status == 410)
    assert ("redirects" in answer.error) is (300 <= status < 400)


@given(st.integers(100, 599), st.floats(0, 1e300))
def test_a_receiver_may_ask_for_a_pause(status: int, seconds: float) -> None:
    """By 429 and 503, for six hours at most; the event waits as long, or for its own pause."""
    answer = answer_of(status, seconds)
    own = timedelta(seconds=7)
    if status in (429, 503):
        assert answer.retry_after == timedelta(seconds=min(seconds, 6 * 3600))
        assert answered(DELIVERY, answer, NOW, own).due == NOW + max(own, answer.retry_after)
    else:
        assert not answer.retry_after


def test_deliveries_after_answers() -> None:
    """Delivered ones lose their body; failed ones wait, and are parked after three days; one that
    was not wanted stays as it is. A replay takes each as new.
    """
    pause = timedelta(seconds=7)
    done = answered(DELIVERY, GOOD, NOW, pause)
    assert (done.state, done.body, done.attempts) == (WebhookDeliveryState.DELIVERED, b"", 1)
    failed = answered(DELIVERY, BAD, NOW + TRIED_FOR - timedelta(seconds=1), pause)
    assert (failed.state, failed.attempts) == (WebhookDeliveryState.WAITING, 1)
    assert failed.due == NOW + TRIED_FOR + timedelta(seconds=6)
    parked = answered(failed, BAD, NOW + TRIED_FOR, pause)
    assert (parked.state, parked.error) == (WebhookDeliveryState.PARKED, BAD.error)
    assert parked.body == DELIVERY.body
    assert answered(DELIVERY, GONE, NOW, pause) == DELIVERY
    assert queued_anew(parked, NOW) == DELIVERY


ANSWERS = st.lists(st.sampled_from([GOOD, BAD]), max_size=6)


@given(st.lists(ANSWERS, max_size=6))
def test_a_webhook_after_turns(turns: list[list[Answer]]) -> None:
    """It fails while no request of a turn succeeds, and since the first of these turns; a turn
    without requests says nothing.
    """
    webhook, failing, since = HOOK, 0, None
    for number, turn in enumerate(turns):
        now = NOW + timedelta(minutes=number)
        webhook = after_turn(webhook, turn, now)
        if turn:
            failing = 0 if GOOD in turn else failing + 1
            since = (since or now) if failing else None
        assert (webhook.failures, webhook.failing_since) == (failing, since)
    assert resumed(webhook) == HOOK


def test_gone_stops_a_webhook() -> None:
    """Whatever else the turn brought; a replay brings it back."""
    stopped = after_turn(HOOK, [GOOD, GONE, BAD], NOW)
    assert stopped.state is WebhookState.STOPPED
    assert "410" in stopped.reason
    assert resumed(stopped) == HOOK


def test_secrets_are_not_shown() -> None:
    """Neither of the rules' objects tells the key that makes secrets."""
    assert "k" * 32 not in repr(SECRETS)


@pytest.mark.parametrize("cls", contracts().values(), ids=lambda cls: cls.DESCRIPTOR.name)
def test_an_event_in_structured_mode(cls: type[Message]) -> None:
    """Each type keeps the attributes and the data that it has at the broker."""
    event: Event[Any] = Event("e1", event_type(cls), "/tandem/x", NOW, "s", "k", 7, "", cls())
    read = json.loads(structured(event))
    assert read.pop("data") == json.loads(body_of(event.data))
    assert read.pop("datacontenttype") == "application/json"
    assert {f"{PREFIX}{name}": value for name, value in read.items()} == headers_of(event)


@pytest.mark.parametrize(
    ("setting", "value"),
    [
        ("KEY", "short"),
        ("NETWORKS", "10.0.0.0/8,home"),
        ("NETWORKS", "10.0.0.1/8"),
        ("WITHIN", "0"),
    ],
)
def test_settings_that_cannot_be(setting: str, value: str) -> None:
    """A key has 32 characters, a network is one, and a receiver has up to a minute."""
    given = {
        "TANDEM_MONGO_URL": "mongodb://127.0.0.1",
        "TANDEM_AMQP_URL": "amqp://127.0.0.1",
        f"TANDEM_WEBHOOKS_{setting}": value,
    }
    with pytest.raises(SettingsError, match=f"WEBHOOKS_{setting}"):
        load(Settings, given, "webhooks")


def test_networks_of_webhooks() -> None:
    """They are read from one setting; none without it."""
    given = {"TANDEM_MONGO_URL": "mongodb://127.0.0.1", "TANDEM_AMQP_URL": "amqp://127.0.0.1"}
    assert load(Settings, given, "webhooks").networks == ()
    given["TANDEM_WEBHOOKS_NETWORKS"] = "10.20.0.0/16, fd00::/8"
    assert list(map(str, load(Settings, given, "webhooks").networks)) == [
        "10.20.0.0/16",
        "fd00::/8",
    ]
