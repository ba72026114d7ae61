"""Mails are signed by DKIM, and their signature holds for what a mail server received."""

import base64
from pathlib import Path

import dkim
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import rsa

from chassis.operations.settings import load
from services.notify.mail import MailServer, Marks
from services.notify.settings import Settings
from tests.integration.notify.script import Script, playing
from tests.integration.notify.world import SENDER, World

KEY = rsa.generate_private_key(public_exponent=65537, key_size=2048)


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """The settings of an installation that signs."""
    file = tmp_path / "key.pem"
    pem, plain = serialization.Encoding.PEM, serialization.NoEncryption()
    file.write_bytes(KEY.private_bytes(pem, serialization.PrivateFormat.PKCS8, plain))
    environment = {
        "TANDEM_MONGO_URL": "mongodb://127.0.0.1",
        "TANDEM_AMQP_URL": "amqp://127.0.0.1",
        "TANDEM_SMTP_URL": "smtp://127.0.0.1",
        "TANDEM_MAIL_FROM": SENDER,
        "TANDEM_DKIM_KEY_FILE": str(file),
        "TANDEM_DKIM_SELECTOR": "s1",
    }
    return load(Settings, environment, "worker")


def dns(name: bytes, **_: object) -> bytes:
    """The record of the DNS with the public key."""
    assert name == b"s1._domainkey.university.example."
    der = serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo
    return b"v=DKIM1; k=rsa; p=" + base64.b64encode(KEY.public_key().public_bytes(*der))


def received(world: World, settings: Settings) -> bytes:
    """A mail as a server received it."""
    world.people("ada")
    world.tell(world.assigned("ada", title="Wellen, Töne und alles, was schwingt: " + "wave " * 30))
    with playing(Script()) as script:
        server = MailServer(script.url, SENDER, 60, marks=Marks(settings.signer))
        world.send(server)
        (text,) = script.texts
    # Lines that begin with a dot have one more on their way (RFC 5321, section 4.5.2).
    return text.replace("\r\n..", "\r\n.").encode()


def test_the_signature_of_a_mail_that_a_server_received_holds(
    world: World, settings: Settings
) -> None:
    """The signature names domain and selector, and covers what RFC 8058 and RFC 6376 ask for."""
    mail = received(world, settings)
    checked = dkim.DKIM(mail)
    assert checked.verify(dnsfunc=dns)
    assert (checked.domain, checked.selector) == (b"university.example", b"s1")
    covered = set(checked.include_headers)
    assert covered >= {b"from", b"to", b"subject", b"date", b"message-id"}
    assert covered >= {b"list-unsubscribe", b"list-unsubscribe-post"}


@pytest.mark.parametrize(
    ("old", "new"),
    [
        (b"Subject: ", b"Subject: [list] "),
        (b"To: ada", b"To: eve"),
        (b"Message-ID: ", b"From: eve@example.com\r\nMessage-ID: "),
        (b"Message-ID: ", b"List-Unsubscribe: <https://eve.example/>\r\nMessage-ID: "),
        (b"Deadline", b"Holiday"),
    ],
)
def test_what_was_changed_on_the_way_does_not_hold(
    world: World, settings: Settings, old: bytes, new: bytes
) -> None:
    """A header or a text that was changed, and a header that was added, break the signature."""
    mail = received(world, settings)
    assert old in mail
    assert not dkim.verify(mail.replace(old, new, 1), dnsfunc=dns)


def test_a_server_that_folds_anew_breaks_nothing(world: World, settings: Settings) -> None:
    """Other folding of a header, and spaces at the ends of lines, are no changes."""
    mail = received(world, settings)
    folded = mail.replace(b"Message-ID: ", b"Message-ID:\r\n\t", 1)
    assert dkim.verify(folded.replace(b".\r\n", b".  \r\n"), dnsfunc=dns)
