"""What is read from mails that came back, and what follows from it."""

import uuid

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from chassis.errors import Invalid
from services.notify.bounces import read, reports_of
from services.notify.domain.bounces import (
    LONGEST_LOCAL,
    BounceAddresses,
    BounceOutcome,
    Report,
    address_hash,
    gravest,
)
from tests.reports import dsn

ADDRESSES = BounceAddresses("bounces@university.example", "k" * 32)
DELIVERY = str(uuid.UUID(int=7))
FAILED, SUPPRESSED = BounceOutcome.FAILED, BounceOutcome.SUPPRESSED
DELAYED, IGNORED = BounceOutcome.DELAYED, BounceOutcome.IGNORED


@pytest.mark.parametrize(
    ("action", "status", "outcome"),
    [
        ("failed", "5.1.1", SUPPRESSED),
        ("failed", "5.2.1", SUPPRESSED),
        ("failed", "5.0.0", SUPPRESSED),
        ("failed", "5.1.8", FAILED),
        ("failed", "5.2.2", FAILED),
        ("failed", "5.3.2", FAILED),
        ("failed", "5.3.4", FAILED),
        ("failed", "5.4.4", SUPPRESSED),
        ("failed", "5.4.7", FAILED),
        ("failed", "5.6.0", FAILED),
        ("failed", "5.7.1", FAILED),
        ("failed", "4.4.7", FAILED),
        ("delayed", "4.4.1", DELAYED),
        ("delayed", "5.1.1", DELAYED),
        ("delivered", "2.0.0", IGNORED),
        ("relayed", "2.0.0", IGNORED),
        ("expanded", "2.0.0", IGNORED),
        ("lost", "5.1.1", IGNORED),
    ],
)
def test_what_follows_from_a_report(action: str, status: str, outcome: BounceOutcome) -> None:
    """A failure fails; a permanent one that is of the address suppresses it; a delay is noted."""
    assert Report(action, status).outcome is outcome


def test_a_report_of_a_server() -> None:
    """Action and status are read, whatever their case, and with comments."""
    assert reports_of(dsn("Failed (for good)", "5.1.1 (no such user)")) == (
        Report("failed", "5.1.1"),
    )


def test_the_gravest_report_counts() -> None:
    """Of a mail that was forwarded to several recipients, the gravest report counts."""
    message = dsn("delivered", "2.0.0", "failed", "5.7.1", "delayed", "4.4.1")
    assert gravest(reports_of(message)).outcome is FAILED


def test_a_report_that_is_cut_off() -> None:
    """The mail that came back may be left out."""
    whole = dsn("failed", "5.1.1")
    cut = whole[: whole.index(b"Content-Type: text/rfc822-headers")]
    assert reports_of(cut) == reports_of(whole)


def test_a_report_without_an_empty_line() -> None:
    """A server that writes all fields as one group is understood."""
    whole = dsn("failed", "5.1.1")
    assert b"example.com\r\n\r\nFinal" in whole
    one_group = whole.replace(b"\r\n\r\nFinal", b"\r\nFinal")
    assert reports_of(one_group) == reports_of(whole)


def test_a_large_mail_that_came_back() -> None:
    """What follows the report may be as large as it likes."""
    whole = dsn("failed", "5.1.1")
    assert reports_of(whole + b"x\r\n" * 300_000) == reports_of(whole)


@pytest.mark.parametrize(
    "message",
    [
        b"",
        b"Content-Type: multipart/report;" + b" a=b;" * 30_000 + dsn("failed", "5.1.1"),
        b"\x00\xff" * 100,
        b"Subject: I am away\r\n\r\nuntil Monday\r\n",
        dsn("", "5.1.1"),
        dsn("failed", ""),
        dsn("failed", "five"),
        dsn("failed", "6.1.1"),
        dsn("failed", "5.1.12345"),
        dsn("failed", "5.1.1").replace(b"multipart/report", b"multipart/mixed"),
        dsn("failed", "5.1.1").replace(b"message/delivery-status", b"text/plain"),
        dsn("failed", "5.1.1").replace(b'boundary="b"', b""),
        b"".join(
            b"Content-Type: multipart/report; boundary=%d\n\n--%d\n" % (n, n) for n in range(2_000)
        ),
    ],
)
def test_what_is_no_report(message: bytes) -> None:
    """Any other message reports nothing."""
    assert reports_of(message) == ()


@given(st.binary(max_size=2_000))
@example(
    b"Content-Type: multipart/report; boundary=b\n\n--b\nContent-Type: message/delivery-status"
)
def test_any_bytes_can_be_read(noise: bytes) -> None:
    """Any bytes, alone or within a report, are read without a crash."""
    reports_of(noise)
    whole = dsn("failed", "5.1.1")
    for place in (0, len(whole) // 3, len(whole) // 2, len(whole)):
        reports_of(whole[:place] + noise + whole[place:])
    for report in reports_of(dsn(noise.decode("latin-1"), "5.1.1")):
        assert report.outcome in BounceOutcome


@given(st.uuids())
def test_addresses_name_their_delivery(id_: uuid.UUID) -> None:
    """An address of a bounce names its delivery, whatever its case, and is short enough."""
    delivery_id = str(id_)
    there = ADDRESSES.of_mail(delivery_id)
    assert ADDRESSES.mail_id(there) == delivery_id
    assert ADDRESSES.mail_id(there.upper()) == delivery_id
    longest = BounceAddresses("b" * LONGEST_LOCAL + "@university.example", "k" * 32)
    assert len(longest.of_mail(delivery_id).partition("@")[0]) == 64


@given(
    st.text(max_size=80), st.integers(0, 51), st.sampled_from("abcdefghijklmnopqrstuvwxyz234567")
)
def test_addresses_of_strangers_name_nothing(text: str, place: int, letter: str) -> None:
    """An address that was guessed, changed, or made with another key names no delivery."""
    assert ADDRESSES.mail_id(text) is None
    assert ADDRESSES.mail_id(f"bounces+{text}@university.example") is None
    there = ADDRESSES.of_mail(DELIVERY)
    start = len("bounces+") + place
    changed = there[:start] + letter + there[start + 1 :]
    assert ADDRESSES.mail_id(changed) in ({DELIVERY} if changed == there else {None})
    other = BounceAddresses("bounces@university.example", "j" * 32)
    assert ADDRESSES.mail_id(other.of_mail(DELIVERY)) is None


def test_all_faults_of_a_bounce_at_once() -> None:
    """A bounce that came to an unknown address and reports nothing has two faults."""
    with pytest.raises(Invalid) as caught:
        read(ADDRESSES, "tandem@university.example", b"hello")
    assert [each.field for each in caught.value.violations] == ["recipient", "message"]


def test_one_address_has_one_hash() -> None:
    """Case and spaces around make no other address."""
    assert address_hash("Ada@Example.com ") == address_hash("ada@example.com")
    assert address_hash("ada@example.com") != address_hash("ada@example.org")
