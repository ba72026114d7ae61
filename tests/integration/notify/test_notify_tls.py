"""A password is only ever sent encrypted."""

import asyncio
import ssl
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from typing import Any

import pytest
from aiosmtpd.smtp import SMTP, AuthResult
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

from services.notify.domain.messages import Mail, Outcome
from services.notify.domain.notices import Text
from services.notify.mail import MailServer
from tests.integration.notify.script import Script, playing

NOW = datetime.now(UTC)
MAIL = Mail("d1", "ada@example.com", Text("Waves", "Hello\n"), NOW)
SENDER = "tandem@university.example"


class Keeper:
    """Keeps the recipients of mails."""

    def __init__(self) -> None:
        self.recipients: list[str] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:
        self.recipients += envelope.rcpt_tos
        return "250 OK"


def authenticate(_server: Any, _session: Any, _envelope: Any, _mechanism: str, data: Any) -> Any:
    return AuthResult(
        success=(data.login, data.password) == (b"tan dem", b"p@ss:word"), handled=False
    )


@pytest.fixture(scope="module")
def contexts(tmp_path_factory: pytest.TempPathFactory) -> tuple[ssl.SSLContext, ssl.SSLContext]:
    """TLS for a server at 127.0.0.1, and for clients who trust it."""
    folder = tmp_path_factory.mktemp("tls")
    write_certificate(folder)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(folder / "certificate.pem", folder / "key.pem")
    return server, ssl.create_default_context(cafile=str(folder / "certificate.pem"))


def write_certificate(folder: Path) -> None:
    """A certificate for 127.0.0.1 that vouches for itself."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "127.0.0.1")])
    names = x509.SubjectAlternativeName([x509.IPAddress(ip_address("127.0.0.1"))])
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(NOW - timedelta(days=1))
        .not_valid_after(NOW + timedelta(days=1))
        .add_extension(names, critical=False)
        .sign(key, hashes.SHA256())
    )
    pem = serialization.Encoding.PEM
    (folder / "certificate.pem").write_bytes(certificate.public_bytes(pem))
    (folder / "key.pem").write_bytes(
        key.private_bytes(pem, serialization.PrivateFormat.PKCS8, serialization.NoEncryption())
    )


@contextmanager
def listening(implicit: ssl.SSLContext | None = None, **more: Any) -> Iterator[tuple[int, Keeper]]:
    """A mail server that wants a password; yields its port and what it keeps."""
    keeper, loop = Keeper(), asyncio.new_event_loop()
    options: dict[str, Any] = {"authenticator": authenticate, "auth_required": True} | more

    def protocol() -> SMTP:
        return SMTP(keeper, hostname="localhost", loop=loop, **options)

    server = loop.run_until_complete(loop.create_server(protocol, "127.0.0.1", 0, ssl=implicit))
    thread = threading.Thread(target=loop.run_forever)
    thread.start()
    try:
        yield server.sockets[0].getsockname()[1], keeper
    finally:
        asyncio.run_coroutine_threadsafe(_end(server), loop).result()
        loop.call_soon_threadsafe(loop.stop)
        thread.join()
        loop.close()


async def _end(server: asyncio.Server) -> None:
    """Close the server, and let its connections end."""
    server.close()
    await server.wait_closed()
    others = asyncio.all_tasks() - {asyncio.current_task()}
    for task in others:
        task.cancel()
    await asyncio.gather(*others, return_exceptions=True)


def send(url: str, trusted: ssl.SSLContext | None) -> tuple[Outcome, str]:
    """The outcome of a mail."""
    with MailServer(url, SENDER, timeout=60, tls=trusted) as server:
        result = server.send(MAIL)
    return result.outcome, result.reason


LOGIN = "tan%20dem:p%40ss%3Aword@127.0.0.1"


def test_starttls(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Over smtp:// the connection is encrypted before the password goes out."""
    server, client = contexts
    with listening(tls_context=server) as (port, keeper):
        assert send(f"smtp://{LOGIN}:{port}", client) == (Outcome.ACCEPTED, "")
    assert keeper.recipients == ["ada@example.com"]


def test_without_a_password_the_connection_is_encrypted_if_the_server_can(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """Nobody vouches for the server: who listens on the way learns nothing all the same."""
    server, _ = contexts
    with listening(tls_context=server, auth_required=False, require_starttls=True) as (
        port,
        keeper,
    ):
        assert send(f"smtp://127.0.0.1:{port}", None) == (Outcome.ACCEPTED, "")
    assert keeper.recipients == ["ada@example.com"]


def test_a_server_whose_encryption_fails_gets_mail_without_a_password() -> None:
    """It offers STARTTLS, and has no certificate."""
    broken = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with listening(tls_context=broken, auth_required=False) as (port, keeper):
        assert send(f"smtp://127.0.0.1:{port}", None) == (Outcome.ACCEPTED, "")
    assert keeper.recipients == ["ada@example.com"]


@pytest.mark.filterwarnings("ignore:Requiring AUTH")
def test_implicit_tls(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """Over smtps:// the connection is encrypted from its first byte."""
    server, client = contexts
    with listening(server, auth_require_tls=False) as (port, keeper):
        assert send(f"smtps://{LOGIN}:{port}", client) == (Outcome.ACCEPTED, "")
    assert keeper.recipients == ["ada@example.com"]


def test_a_wrong_password(contexts: tuple[ssl.SSLContext, ssl.SSLContext]) -> None:
    """A wrong password is the operator's fault, not the mail's: the mail waits."""
    server, client = contexts
    with listening(tls_context=server) as (port, _):
        outcome, reason = send(f"smtp://tandem:wrong@127.0.0.1:{port}", client)
    assert (outcome, reason) == (Outcome.AWAY, "the mail server can't be used: 535 5.7.8")


def test_a_server_that_nobody_vouches_for(
    contexts: tuple[ssl.SSLContext, ssl.SSLContext],
) -> None:
    """A server with an untrusted certificate gets neither password nor mail."""
    with listening(tls_context=contexts[0]) as (port, keeper):
        outcome, _ = send(f"smtp://{LOGIN}:{port}", None)
    assert (outcome, keeper.recipients) == (Outcome.AWAY, [])


def test_no_password_in_the_clear() -> None:
    """A server without STARTTLS gets no password."""
    with playing(Script()) as script:
        outcome, reason = send(script.url.replace("//", "//tandem:secret@"), None)
    assert (outcome, script.texts) == (Outcome.AWAY, [])
    assert "secret" not in reason
