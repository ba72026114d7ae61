"""The mail that goes out."""

import email
import email.header
import email.policy
import json
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.enums import Category
from services.notify.domain.messages import Mail, Outcome
from services.notify.domain.notices import Text
from services.notify.mail import BadAddress, MailServer, Marks, address, write
from services.notify.marked import one_line
from services.notify.pages_unsubscribe import WORDS, asks
from services.notify.signing import Signer
from services.notify.texts import Texts

AT = datetime(2026, 3, 2, 8, tzinfo=UTC)
SENDER = "tandem@university.example"


def mail(
    to: str = "ada@example.com",
    title: str = "Moved: Waves",
    body: str = "Hello\n",
    language: str = "",
    html: str = "",
) -> Mail:
    """A mail."""
    text = Text(title, body, language, html)
    return Mail("0c5f6f5e-6a55-5d2c-a8a7-2d0b1f7f5a11", to, text, AT)


def parsed(raw: bytes) -> email.message.EmailMessage:
    """The mail as a mail program reads it."""
    return email.message_from_bytes(raw, policy=email.policy.default)


def test_headers() -> None:
    """A mail is automatic, dated by its message, and named by its delivery."""
    message = parsed(write(mail(), SENDER).as_bytes())
    assert message["From"] == SENDER
    assert message["To"] == "ada@example.com"
    assert message["Auto-Submitted"] == "auto-generated"
    assert message["Message-ID"] == "<0c5f6f5e-6a55-5d2c-a8a7-2d0b1f7f5a11@university.example>"
    assert message["Date"].datetime == AT


def test_a_repeat_would_be_the_same_bytes() -> None:
    """Writing a mail again makes the same mail, its Message-ID and Date with it."""
    for one in (mail(), mail(html="<p>Hello</p>")):
        assert write(one, SENDER).as_bytes() == write(one, SENDER).as_bytes()


@given(st.text(max_size=2_000), st.text(min_size=1, max_size=2_000))
def test_text_and_html_are_alternatives(body: str, html: str) -> None:
    """A program shows the last part that it can (RFC 2046, section 5.1.4): text first, then HTML,
    both whatever they contain, a boundary too.
    """
    lines = ["--=_0c5f6f5e-6a55-5d2c-a8a7-2d0b1f7f5a11--", *map(one_line, (body, html))]
    text = "\n".join(lines) + "\n"
    raw = write(mail(body=text, language="ar", html=text), SENDER).as_bytes()
    message = parsed(raw)
    assert message.get_content_type() == "multipart/alternative"
    assert (message["MIME-Version"], message["Content-Language"]) == ("1.0", "ar")
    parts = list(message.iter_parts())
    assert [part.get_content_type() for part in parts] == ["text/plain", "text/html"]
    for part in parts:
        assert isinstance(part, email.message.EmailMessage)
        assert part.get_content_charset() == "utf-8"
        assert part.get_content().replace("\r\n", "\n") == text
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322, section 2.1.1


def test_a_message_of_an_older_version_goes_out_as_text() -> None:
    """It has no HTML, and its language is not known."""
    message = parsed(write(mail(), SENDER).as_bytes())
    assert message.get_content_type() == "text/plain"
    assert message["Content-Language"] is None


@given(st.text(min_size=1, max_size=200), st.text(max_size=3_000))
def test_any_text_arrives(title: str, body: str) -> None:
    """Title and text arrive as they are, in seven bits and lines that every server takes."""
    line = one_line(title) or "-"
    text = "\n".join(one_line(chunk) for chunk in body.splitlines()) + "\n"
    raw = write(mail(title=line, body=text), SENDER).as_bytes()
    message = parsed(raw)
    assert message["Subject"] == line
    assert message.get_content().replace("\r\n", "\n") == text
    assert raw.isascii()
    assert max(map(len, raw.split(b"\r\n"))) <= 998  # RFC 5322, section 2.1.1
    assert b"\n" not in raw.replace(b"\r\n", b"")


@pytest.mark.parametrize(
    "title",
    [
        "=?utf-8?q?Waves=0D=0ABcc:_all@example.com?=",
        "=?utf-8?q?Waves=0D=0A=0D=0Abody?= of light",
        "=?utf-8?q?=E2=80=AEsevaW?=",
        "=?utf-8?b?V2F2ZXM=?= und Töne",
        "=?utf-8?q?Waves",
    ],
)
def test_a_title_that_looks_encoded_is_not_decoded(title: str) -> None:
    """A title with what looks like an encoded word (RFC 2047) arrives as it is, as one header."""
    raw = write(mail(title=title), SENDER).as_bytes()
    read = email.message_from_bytes(raw)
    assert str(email.header.make_header(email.header.decode_header(read["Subject"]))) == title
    assert read["Bcc"] is None
    assert read.get_payload(decode=True) == b"Hello\r\n"


def test_a_mail_that_cannot_be_written_is_refused_alone() -> None:
    """What goes wrong with one mail is its result, and no error that would end its batch."""
    marks = Marks(signer=Signer("university.example", "tandem", b"no key"))
    with MailServer("smtp://127.0.0.1:1", SENDER, marks=marks) as server:
        result = server.send(mail())
    assert result.outcome is Outcome.REFUSED
    assert result.reason == "the mail can't be written: KeyFormatError"


@pytest.mark.parametrize("title", ["a\nBcc: all@example.com", "a\r\n\r\nbody", "a\rb"])
def test_a_header_with_a_line_break_is_refused(title: str) -> None:
    """Even an unsafe title can't become two headers."""
    with pytest.raises(ValueError, match=r"linefeed|newline"):
        write(mail(title=title), SENDER)


@pytest.mark.parametrize(
    "text",
    [
        "",
        "ada",
        "ada@",
        "@example.com",
        "a b@example.com",
        "ada@example.com\nBcc: all@example.com",
        "ada@example.com, all@example.com",
        "<ada@example.com>",
        "ada@exa>mple.com",
        "ádá@example.com",
        "ada@[127.0.0.1]",
        "ada@a..b",
        "ada@example.com\0",
        "a" * 65 + "@example.com",
    ],
)
def test_addresses_that_cannot_be_written_to(text: str) -> None:
    """An address that could be read in two ways, or needs SMTPUTF8, is refused."""
    with pytest.raises(BadAddress):
        address(text)


def test_international_domains() -> None:
    """A domain beyond ASCII goes out in its ASCII form, and never to another domain."""
    assert address("ada@MÜNCHEN.example") == "ada@xn--mnchen-3ya.example"
    assert address("ada@fuß.example") == "ada@xn--fu-hia.example" != address("ada@fuss.example")


def test_long_addresses_survive_the_header() -> None:
    """The longest address stands in its header as it is."""
    longest = "a" * 64 + "@" + ".".join(["b" * 60] * 3) + ".example"
    assert (
        parsed(write(mail(to=longest), SENDER).as_bytes())["To"].addresses[0].addr_spec == longest
    )


@given(st.text(st.sampled_from("abcXYZ019-_./:"), min_size=1, max_size=400))
def test_the_url_of_unsubscribing_arrives_as_it_is(path: str) -> None:
    """However long a URL is, its header has it in one piece, with the header of RFC 8058."""
    url = f"https://api.example.edu/{path}"
    raw = write(mail(), SENDER, url).as_bytes()
    assert f"\r\nList-Unsubscribe: <{url}>\r\n".encode() in raw
    assert b"\r\nList-Unsubscribe-Post: List-Unsubscribe=One-Click\r\n" in raw


@given(st.text(), st.binary())
def test_any_body_can_be_looked_at(content_type: str, body: bytes) -> None:
    """A body of any bytes, of any type, does not ask, or asks; it ends nothing."""
    assert asks(content_type, body) in {True, False}
    assert asks(f"multipart/form-data; boundary={content_type}", body) in {True, False}


def test_words_of_the_page() -> None:
    """The page that unsubscribes has all words in each language that messages have."""
    words = {path.stem: json.loads(path.read_text("utf-8")) for path in WORDS.glob("*.json")}
    for each in words.values():
        assert set(each) == {"title", "question", "button", "done", "categories"}
        assert set(each["categories"]) == set(Category)
    assert set(words) == set(Texts().languages)
