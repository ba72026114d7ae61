"""SMTP: a server that stores every mail as a file and delivers none.

Run as `python -m campus.stack.smtp <port> <folder>`.
"""

import asyncio
import email
import email.policy
import os
import signal
import smtplib
import sys
import time
from email.message import EmailMessage
from itertools import count
from pathlib import Path

from aiosmtpd.smtp import SMTP as Protocol
from aiosmtpd.smtp import Envelope, Session

from campus.stack.ports import HOST, Ports
from campus.stack.process import Process, ensure, python_command

SIZE_LIMIT = 32 * 2**20  # the maximum size of one mail, in bytes


class SMTP:
    """The SMTP server of a data folder; it stores mails in the folder `mail`."""

    name = "smtp"

    def __init__(self, folder: Path) -> None:
        self.process = Process(self.name, folder)
        self.mail = folder / "mail"
        self._ports = Ports(folder / self.name / "ports.json")

    def start(self) -> None:
        """Start the server, and wait until it answers. Raises StackError."""
        ensure(self.process, self._launch, self.ready)

    def stop(self) -> None:
        """Stop the server, and keep the mails."""
        self.process.stop()

    def kill(self) -> None:
        """Kill the server, like a power cut."""
        self.process.kill()

    def ready(self) -> bool:
        """Return whether the server answers NOOP."""
        try:
            with smtplib.SMTP(HOST, self._port, timeout=2) as client:
                return client.noop()[0] == 250
        except (OSError, smtplib.SMTPException):
            return False

    @property
    def address(self) -> str:
        """Return the URL of the server."""
        return f"smtp://{HOST}:{self._port}"

    def environment(self) -> dict[str, str]:
        """Return the address and the mail folder; only tests and the demo use the folder."""
        return {"TANDEM_SMTP_URL": self.address, "TANDEM_MAIL_FOLDER": str(self.mail)}

    @property
    def _port(self) -> int:
        # Port 1 (tcpmux) means that the server was never started. With 0, smtplib uses port 25.
        return self._ports.remembered().get("smtp", 1)

    def _launch(self) -> None:
        port = self._ports.claim("smtp")["smtp"]
        self.process.start(python_command("campus.stack.smtp", str(port), str(self.mail)))


def read_mail(folder: Path, *containing: str) -> list[EmailMessage]:
    """Return the mails of a folder in order of arrival; X-Envelope-* has the envelope.

    `containing`: only those in which one of these texts stands; the others are not parsed.
    """
    contents = (path.read_bytes() for path in sorted(folder.glob("*.eml")))
    return [
        email.message_from_bytes(each, policy=email.policy.default)
        for each in contents
        if not containing or any(text.encode() in each for text in containing)
    ]


class _Keeper:
    """Writes each mail as one file, completely or not at all; file names sort by arrival."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._drafts = folder / "tmp"
        self._drafts.mkdir(parents=True, exist_ok=True)
        self._numbers = count()

    async def handle_DATA(self, _server: Protocol, _session: Session, envelope: Envelope) -> str:
        name = f"{time.time_ns():020}-{os.getpid()}-{next(self._numbers)}.eml"
        draft = self._drafts / name
        draft.write_bytes(_with_envelope(envelope))
        draft.replace(self._folder / name)
        return "250 OK"


def _with_envelope(envelope: Envelope) -> bytes:
    """Return the mail with its envelope as headers: Bcc and bounce addresses are only there."""
    content = envelope.content or b""
    body = content.encode() if isinstance(content, str) else content
    recipients = ", ".join(envelope.rcpt_tos)
    head = f"X-Envelope-From: {envelope.mail_from}\r\nX-Envelope-To: {recipients}\r\n"
    return head.encode() + body


async def serve(port: int, folder: Path) -> None:
    """Receive mails until SIGTERM."""
    keeper, loop, ended = _Keeper(folder), asyncio.get_running_loop(), asyncio.Event()
    loop.add_signal_handler(signal.SIGTERM, ended.set)

    def session() -> Protocol:
        return Protocol(
            keeper, hostname="localhost", data_size_limit=SIZE_LIMIT, enable_SMTPUTF8=True
        )

    server = await loop.create_server(session, HOST, port)
    await ended.wait()
    server.close()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1]), Path(sys.argv[2])))
