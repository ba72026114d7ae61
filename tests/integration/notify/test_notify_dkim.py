"""Mails are signed by DKIM, and their signature holds for what a mail server received."""

from pathlib import Path

import dkim
import pytest

from services.notify.addresses import unsubscribe_urls
from services.notify.mail import MailServer, Marks
from services.notify.signing import signer
from tests.integration.notify.dns import KEY, answer_of_dns, write_key
from tests.integration.notify.script import Script, playing
from tests.integration.notify.world import SENDER, World


@pytest.fixture
def mail(world: World, tmp_path: Path) -> bytes:
    """A mail as a server received it."""
    signs = signer(write_key(tmp_path / "key.pem", KEY), "s1", "university.example")
    marks = Marks(signs, unsubscribe_urls("https://api.university.example", "k" * 32))
    world.people("ada")
    world.tell(world.assigned("ada", title="Wellen, Töne und alles, was schwingt: " + "wave " * 30))
    with playing(Script()) as script:
        world.send(MailServer(script.url, SENDER, 60, marks=marks))
        (text,) = script.texts
    # Lines that begin with a dot have one more on their way (RFC 5321, section 4.5.2).
    return text.replace("\r\n..", "\r\n.").encode()


def test_the_signature_of_a_mail_that_a_server_received_holds(mail: bytes) -> None:
    """The signature names domain and selector, and covers what RFC 8058 and RFC 6376 ask for."""
    checked = dkim.DKIM(mail)
    assert checked.verify(dnsfunc=answer_of_dns)
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
        (b"Message-ID: ", b"Reply-To: eve@example.com\r\nMessage-ID: "),
        (b"unsubscribe/", b"elsewhere/"),
        (b"Deadline", b"Holiday"),
    ],
)
def test_what_was_changed_on_the_way_does_not_hold(mail: bytes, old: bytes, new: bytes) -> None:
    """A header or a text that was changed, and a header that was added, break the signature."""
    assert old in mail
    assert not dkim.verify(mail.replace(old, new, 1), dnsfunc=answer_of_dns)


def test_a_server_that_folds_anew_breaks_nothing(mail: bytes) -> None:
    """Other folding of a header, and spaces at the ends of lines, are no changes."""
    folded = mail.replace(b"Message-ID: ", b"Message-ID:\r\n\t", 1)
    assert dkim.verify(folded.replace(b".\r\n", b".  \r\n"), dnsfunc=answer_of_dns)
