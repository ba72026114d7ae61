"""The settings of notify."""

import dataclasses
from datetime import timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit

from chassis.operations import settings
from chassis.operations.settings import DECLARE, WORKER, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of every service, and notify's own."""

    smtp_url: str = setting(
        "the mail server, as smtp://host:port or smtps://host:port, with user:password@ or without",
        roles=(WORKER,),
        reaches="smtp",
        secret=True,
        check=lambda url: "" if _is_server(url) else "smtp://host:port or smtps://host:port",
    )
    mail_from: str = setting(
        "the sender's address of mails",
        roles=(WORKER,),
        check=lambda text: "" if _is_mailbox(text) else "an address: tandem@university.example",
        default="tandem@localhost",
    )
    mail_attempts: int = setting(
        "how many times a mail is tried before it is given up",
        roles=(WORKER,),
        check=lambda number: "" if number >= 1 else "at least 1",
        default=60,
    )
    reminder_leads: str = setting(
        "lead times of reminders before a session, in seconds, separated by commas",
        roles=(WORKER, DECLARE),
        check=lambda text: "" if _are_leads(text) else "seconds above 0, such as 86400,3600",
        default="86400,3600",
    )

    @property
    def leads(self) -> tuple[timedelta, ...]:
        """Return the lead times of reminders, each once, the longest first."""
        return _leads(self.reminder_leads)


def _leads(text: str) -> tuple[timedelta, ...]:
    seconds = {float(part) for part in text.split(",") if part.strip()}
    return tuple(timedelta(seconds=one) for one in sorted(seconds, reverse=True))


def _are_leads(text: str) -> bool:
    try:
        return all(timedelta(0) < lead <= timedelta(days=365) for lead in _leads(text))
    except (ValueError, OverflowError):
        return False


def _is_mailbox(text: str) -> bool:
    return "@" in text and parseaddr(text)[1] == text


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
