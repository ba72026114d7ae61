"""What notify is told by its environment."""

import dataclasses
from datetime import timedelta
from email.utils import parseaddr
from urllib.parse import urlsplit

from chassis import settings
from chassis.settings import setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of every service, and notify's own."""

    smtp_url: str = setting(
        "the mail server, as smtp://host:port or smtps://host:port, with user:password@ or without"
        " (worker)",
    )
    mail_from: str = setting(
        "the address that mail comes from (worker)", default="tandem@localhost"
    )
    mail_attempts: int = setting("how often a mail is tried before it is given up", default=60)
    reminder_leads: str = setting(
        "how long before a session its reminders go out, in seconds, separated by commas",
        default="86400,3600",
    )

    @property
    def leads(self) -> tuple[timedelta, ...]:
        """The lead times of reminders, each once, the longest first."""
        seconds = {float(part) for part in self.reminder_leads.split(",") if part.strip()}
        return tuple(timedelta(seconds=one) for one in sorted(seconds, reverse=True))

    def faults(self) -> list[str]:
        """What contradicts itself."""
        return [*super().faults(), *self._mail_faults(), *self._number_faults()]

    def _mail_faults(self) -> list[str]:
        faults = []
        if not _is_server(self.smtp_url):
            # Not shown: it may hold a password.
            faults.append("TANDEM_SMTP_URL: right would be smtp://host:port or smtps://host:port")
        if parseaddr(self.mail_from)[1] != self.mail_from or "@" not in self.mail_from:
            faults.append(
                f"TANDEM_MAIL_FROM is {self.mail_from!r}; right would be an address, such as"
                " tandem@university.example"
            )
        return faults

    def _number_faults(self) -> list[str]:
        faults = []
        if self.mail_attempts < 1:
            faults.append(
                f"TANDEM_MAIL_ATTEMPTS is {self.mail_attempts}; right would be at least 1"
            )
        if not self._has_leads():
            faults.append(
                f"TANDEM_REMINDER_LEADS is {self.reminder_leads!r}; right would be seconds above 0,"
                " such as 86400,3600"
            )
        return faults

    def _has_leads(self) -> bool:
        try:
            return all(timedelta(0) < lead <= timedelta(days=365) for lead in self.leads)
        except (ValueError, OverflowError):
            return False


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
