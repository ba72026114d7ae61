"""Writes mails as RFC 5322 messages, and sends them to a mail server by SMTP (RFC 5321)."""

import re
import smtplib
import ssl
from dataclasses import dataclass
from email.header import Header
from email.message import EmailMessage
from email.policy import EmailPolicy
from functools import cache
from types import TracebackType
from typing import Any, Self
from urllib.parse import SplitResult, unquote, urlsplit

import idna

from chassis.capabilities import CapabilityUrls
from services.notify.calendar_parts import invitation_text
from services.notify.domain.bounces import BounceAddresses
from services.notify.domain.messages import Mail, Outcome, SendResult
from services.notify.settings import LOCAL_PART
from services.notify.signing import Signer

TIMEOUT = 30.0  # seconds that the server has for one reply
_DOMAIN = re.compile(
    r"(?=.{1,253}$)[a-z0-9]([a-z0-9-]*[a-z0-9])?(\.[a-z0-9]([a-z0-9-]*[a-z0-9])?)*"
)
# RFC 3463: the mail system's status, and its congestion.
_OVERLOADED = ("4.3.", "4.4.5")
# It wants a password or STARTTLS first, of any mail (RFC 4954, section 6; RFC 3207, section 4).
_NO_ACCESS = 530
_ENHANCED = re.compile(rb"[245]\.\d{1,3}\.\d{1,3}(?=\s|$)")  # RFC 3463


class _Policy(EmailPolicy):
    """Writes headers for SMTP. The newer folding of the standard library loses spaces beside words
    that need encoding (RFC 2047), so the older folding is used for the one header with free text.
    A URL is not folded at all.
    """

    def header_store_parse(self, name: str, value: Any) -> tuple[str, Any]:
        if name != "Subject":
            return super().header_store_parse(name, value)
        if len(value.splitlines()) > 1:
            raise ValueError("a header may not contain linefeeds")
        # As it is: the library would decode what looks encoded in it, line breaks too.
        return name, value

    def fold_binary(self, name: str, value: str) -> bytes:
        if name == "List-Unsubscribe":  # folding would encode a long URL as if it were text
            return f"{name}: {value}\r\n".encode("ascii")
        if name != "Subject":
            return super().fold_binary(name, value)
        charset = None if value.isascii() and "=?" not in value else "utf-8"
        folded = Header(value, charset, header_name=name).encode(linesep="\r\n")
        return f"{name}: {folded}\r\n".encode("ascii")


_POLICY = _Policy(linesep="\r\n")


class _NoTlsError(Exception):
    """The server offers encryption, and fails at it."""


class BadAddress(ValueError):
    """An address that no mail can be written to."""


@dataclass(frozen=True, slots=True)
class Envelope:
    """The sender and the recipient of a mail, as SMTP has them."""

    sender: str
    recipient: str


def write(mail: Mail, sender: str, unsubscribe_url: str = "") -> EmailMessage:
    """Return the mail as an RFC 5322 message in bytes. Raises BadAddress.

    The mail is marked as automatic, so that no autoresponder answers it (RFC 3834, section 5).
    The Message-ID contains the id of the delivery or digest, so that a repeated mail can be
    recognised.
    `unsubscribe_url`: where one POST ends such mails (RFC 8058); empty: nowhere.
    """
    message = EmailMessage(policy=_POLICY)
    message["From"] = sender
    message["To"] = address(mail.to)
    message["Subject"] = mail.text.title
    message["Date"] = mail.created_at
    message["Message-ID"] = f"<{mail.id}@{sender.rpartition('@')[2]}>"
    message["Auto-Submitted"] = "auto-generated"
    if unsubscribe_url:
        message["List-Unsubscribe"] = f"<{unsubscribe_url}>"
        message["List-Unsubscribe-Post"] = "List-Unsubscribe=One-Click"
    _set_body(message, mail, sender)
    return message


def _set_body(message: EmailMessage, mail: Mail, sender: str) -> None:
    """Set the text and, if there are any, the same as HTML (RFC 2046, section 5.1.4) and for
    calendar programs.
    """
    # Seven bits and short lines: every server accepts them, with 8BITMIME or without.
    message.set_content(mail.text.body, charset="utf-8", cte="quoted-printable")
    if mail.text.html:
        message.add_alternative(
            mail.text.html, subtype="html", charset="utf-8", cte="quoted-printable"
        )
    if mail.invitations:
        _add_invitations(message, mail, sender)
    # The same for each attempt; quoted-printable contains no "=_" (RFC 2045, section 6.7).
    for number, part in enumerate(message.walk()):
        if part.is_multipart():
            part.set_boundary(f"=_{mail.id}" + f"_{number}" * (number > 0))
    if mail.text.language:
        message["Content-Language"] = mail.text.language  # RFC 3282


def _add_invitations(message: EmailMessage, mail: Mail, sender: str) -> None:
    """Add the first invitation as the last alternative (RFC 6047, section 2.4), where programs
    that show invitations look for it, and each as a file, which others can open.
    """
    to = address(mail.to)
    for place, each in enumerate(mail.invitations):
        text = invitation_text(each, sender, to).encode()
        # As bytes, in base64: the lines arrive as they are (RFC 6047, section 2.6).
        part: dict[str, Any] = {
            "maintype": "text",
            "subtype": "calendar",
            "params": {"method": each.method.value, "charset": "UTF-8", "component": "VEVENT"},
        }
        if place == 0:
            message.add_alternative(text, **part)
        message.add_attachment(text, filename=f"classes-{place + 1}.ics", **part)


def address(text: str) -> str:
    """Return an address for SMTP; an international domain gets its ASCII form (RFC 5890, UTS #46).

    Raises BadAddress; a local part with other than ASCII characters would need SMTPUTF8, which few
    servers support.
    """
    local, _, domain = text.rpartition("@")
    try:
        # By IDNA of 2008, as catalog reads addresses: that of 2003, in the standard library, takes
        # some names for those of other domains (ß for ss).
        plain = idna.encode(domain, uts46=True).decode()
    except UnicodeError as error:
        raise BadAddress from error
    if not LOCAL_PART.fullmatch(local) or not _DOMAIN.fullmatch(plain):
        raise BadAddress
    return f"{local}@{plain}"


@dataclass(frozen=True, slots=True)
class Marks:
    """What an installation adds to each mail and its envelope, as its settings say."""

    signer: Signer | None = None
    """None: mails are not signed here."""
    unsubscribe: CapabilityUrls | None = None
    """Of mails; None: people unsubscribe in the app only."""
    bounces: BounceAddresses | None = None
    """None: what comes back goes to the sender's address."""

    def text_of(self, mail: Mail, sender: str) -> bytes:
        """Return a mail in bytes, with all marks. Raises BadAddress."""
        url = self.unsubscribe.url_of(mail.id) if self.unsubscribe else ""
        text = write(mail, sender, url).as_bytes()
        return self.signer.signed(text) if self.signer else text

    def envelope_of(self, mail: Mail, sender: str) -> Envelope:
        """Return a mail's envelope. Raises BadAddress."""
        back = self.bounces.of_mail(mail.id) if self.bounces else sender
        return Envelope(back, address(mail.to))


NO_MARKS = Marks()


@cache
def _public_authorities() -> ssl.SSLContext:
    """The system's certificates: to read them takes 30 ms, and each batch of mails has a client."""
    return ssl.create_default_context()


class MailServer:
    """A client of a mail server; one connection sends many mails. Use it in a `with`.

    `url`: smtp://host:port or smtps://host:port. A password (user:password@) is sent over an
    encrypted connection only: with smtp:// the server must then offer STARTTLS (RFC 3207).
    """

    def __init__(
        self,
        url: str,
        sender: str,
        timeout: float = TIMEOUT,
        tls: ssl.SSLContext | None = None,
        marks: Marks = NO_MARKS,
    ) -> None:
        self._url = urlsplit(url)
        self._sender = sender
        self._marks = marks
        self._timeout = timeout
        self._tls = tls or _public_authorities()
        self._connection: smtplib.SMTP | None = None

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        connection, self._connection = self._connection, None
        if connection is not None:
            _leave(connection)

    def send(self, mail: Mail) -> SendResult:
        """Send a mail, and return the result."""
        try:
            envelope = self._marks.envelope_of(mail, self._sender)
            text = self._marks.text_of(mail, self._sender)
        except Exception as error:  # whatever it is, the other mails of its batch go on
            return SendResult(Outcome.REFUSED, f"the mail can't be written: {type(error).__name__}")
        try:
            connection, refused = self._begun(envelope.sender)
        except (OSError, ValueError) as error:
            return SendResult(Outcome.AWAY, f"the mail server can't be used: {_reply_codes(error)}")
        result = refused or _hand_over(connection, envelope.recipient, text)
        if result.outcome != Outcome.ACCEPTED:
            self._start_over(connection)
        return result

    def _begun(self, sender: str) -> tuple[smtplib.SMTP, SendResult | None]:
        """Begin a mail; return the connection, and why the mail is not taken; None: go on.

        Servers close connections that were idle for too long, or had as many mails as they take
        over one. So what an older connection puts off begins anew over a new one, at once.
        """
        if self._connection is not None:
            refused = _begin(self._connection, sender)
            if refused is None or refused.outcome is not Outcome.PUT_OFF:
                return self._connection, refused
            self._connection.close()
            self._connection = None
        self._connection = _connect(self._url, self._sender, self._timeout, self._tls)
        return self._connection, _begin(self._connection, sender)

    def _start_over(self, connection: smtplib.SMTP) -> None:
        """Reset the connection for the next mail; close it if the server does not reset it."""
        try:
            code, _ = connection.rset()
        except OSError:
            code = 0
        if code != 250:
            connection.close()
            self._connection = None


def _begin(connection: smtplib.SMTP, sender: str) -> SendResult | None:
    """Begin a mail transaction (RFC 5321, section 3.3); return why it ends; None: it goes on."""
    try:
        code, answer = connection.mail(sender)
    except OSError as error:
        return _ended(error)
    return None if code == 250 else _refusal(code, answer)


def _hand_over(connection: smtplib.SMTP, recipient: str, text: bytes) -> SendResult:
    """Do the rest of a mail transaction, and return its result."""
    try:
        code, answer = connection.rcpt(recipient)
    except OSError as error:
        return _ended(error)
    if code not in {250, 251}:
        return _refusal(code, answer)
    return _send_text(connection, text)


def _send_text(connection: smtplib.SMTP, text: bytes) -> SendResult:
    try:
        code, answer = connection.data(text)
    except smtplib.SMTPDataError as error:  # the server refused the text
        return _refusal(error.smtp_code, error.smtp_error)
    except OSError as error:
        return SendResult(Outcome.UNKNOWN, _reply_codes(error))
    return SendResult(Outcome.ACCEPTED) if code == 250 else _refusal(code, answer)


def _ended(error: OSError) -> SendResult:
    return SendResult(Outcome.PUT_OFF, f"the connection ended: {_reply_codes(error)}")


def _refusal(code: int, text: bytes | str) -> SendResult:
    said = _codes(code, text)
    if code == _NO_ACCESS:
        return SendResult(Outcome.AWAY, f"the mail server answered {said}")
    if 500 <= code < 600:
        return SendResult(Outcome.REFUSED, f"the mail server answered {said}")
    overloaded = code == 421 or said.partition(" ")[2].startswith(_OVERLOADED)
    return SendResult(Outcome.PUT_OFF, f"the mail server answered {said}", overloaded)


def _codes(code: int, text: bytes | str) -> str:
    """Return the reply code and the enhanced status code, without the text: it may contain the
    address.
    """
    raw = text.encode(errors="replace") if isinstance(text, str) else text
    enhanced = _ENHANCED.match(raw)
    return f"{code} {enhanced[0].decode()}" if enhanced else str(code)


def _reply_codes(error: Exception) -> str:
    if isinstance(error, smtplib.SMTPResponseException):
        return _codes(error.smtp_code, error.smtp_error)
    return getattr(error, "strerror", None) or type(error).__name__


def _connect(url: SplitResult, sender: str, timeout: float, tls: ssl.SSLContext) -> smtplib.SMTP:
    """Return a connection, encrypted if the server can. Without a password nobody is proved to be
    the server: that keeps out who only listens (opportunistic security, RFC 7435).
    """
    try:
        return _opened(url, sender, timeout, tls)
    except _NoTlsError:
        return _opened(url, sender, timeout, None)


def _opened(
    url: SplitResult, sender: str, timeout: float, tls: ssl.SSLContext | None
) -> smtplib.SMTP:
    """Return a connection; with `tls` None one that is not encrypted. Raises _NoTlsError."""
    # The sender's domain is our name for EHLO: else smtplib asks the DNS on each connection.
    name, host = sender.rpartition("@")[2], url.hostname or ""
    if url.scheme == "smtps":
        connection: smtplib.SMTP = smtplib.SMTP_SSL(
            host, url.port or 465, name, timeout=timeout, context=tls
        )
    else:
        connection = smtplib.SMTP(host, url.port or 25, name, timeout=timeout)
    try:
        _introduce(connection, url, tls)
    except BaseException:
        connection.close()
        raise
    return connection


def _introduce(connection: smtplib.SMTP, url: SplitResult, tls: ssl.SSLContext | None) -> None:
    connection.ehlo_or_helo_if_needed()
    if not url.username:
        if tls and url.scheme == "smtp" and connection.has_extn("starttls"):
            _encrypt(connection)
        return
    if url.scheme == "smtp":
        connection.starttls(context=tls)
    connection.login(unquote(url.username), unquote(url.password or ""))


def _encrypt(connection: smtplib.SMTP) -> None:
    """Encrypt a connection without a look at the certificate. Raises _NoTlsError."""
    try:
        connection.starttls(context=_unverified())
        connection.ehlo_or_helo_if_needed()
    except (OSError, smtplib.SMTPException) as error:
        raise _NoTlsError from error


@cache
def _unverified() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.check_hostname = False
    context.verify_mode = ssl.CERT_NONE
    return context


def _leave(connection: smtplib.SMTP) -> None:
    try:
        connection.quit()
    except OSError:
        connection.close()
