"""The settings of notify."""

import dataclasses
import ipaddress
import math
import re
from collections.abc import Iterator, Mapping
from datetime import timedelta
from pathlib import Path
from urllib.parse import urlsplit

from chassis.operations.page_settings import PagesSettings, is_pages_key, is_pages_url
from chassis.operations.settings import (
    API,
    DECLARE,
    NO_FILE,
    WEBHOOKS,
    WORKER,
    between,
    given,
    setting,
    url_of,
)

# A local part has at most 64 characters, and a token 52 of them after a "+" (domain/bounces.py).
LONGEST_LOCAL = 11
# Labels of letters, digits and hyphens (RFC 1123, section 2.1), with dots between.
_LABEL = r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?"
_BOUNCE_WANTED = (
    f"bounces@university.example, with up to {LONGEST_LOCAL} letters and digits before the @"
)
_NAME = re.compile(rf"(?=.{{1,253}}$){_LABEL}(\.{_LABEL})*")
# The part before the @ (dot-atom, RFC 5322, section 3.2.3): without quoting, so that it has one
# reading only.
_ATOM = r"[\w!#$%&'*+/=?^`{|}~-]+"
LOCAL_PART = re.compile(rf"(?=.{{1,64}}$){_ATOM}(\.{_ATOM})*", re.ASCII)


# A repeat of an event finds its message, and is not told. Events stay in the history for 30 days,
# and may wait for 7 more (TANDEM_WAIT_LIMIT).
LEAST_KEPT, MOST_KEPT = timedelta(days=60), timedelta(days=3650)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(PagesSettings):
    """The settings of every service with pages, and notify's own."""

    # The worker writes the URLs that the api answers.
    pages_url: str = setting(
        "the api's HTTP server as people reach it, by HTTPS; empty: they can't unsubscribe by mail",
        roles=(API, WORKER),
        check=is_pages_url,
        default="",
    )
    pages_key: str = setting(
        "the key that signs the URLs of unsubscribing, and the addresses for mails that come back,"
        " and from which the codes follow that confirm phone numbers",
        roles=(API, WORKER),
        secret=True,
        check=is_pages_key,
        default="",
    )

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
    mail_rate: float = setting(
        "how many mails a second all workers together give the mail server, urgent ones first;"
        " 0: as many as it takes",
        roles=(WORKER,),
        check=lambda number: "" if 0 <= number < math.inf else "a number from 0 on, such as 50",
        default=0.0,
    )
    bounce_address: str = setting(
        "the mailbox for mails that come back, such as bounces@university.example: the server"
        " delivers all of bounces+<token>@university.example to ReportBounce; empty: they go to"
        " TANDEM_MAIL_FROM; it needs TANDEM_PAGES_KEY",
        roles=(API, WORKER),
        check=lambda text: "" if _is_bounce_address(text) else _BOUNCE_WANTED,
        default="",
    )
    dkim_key_file: Path = setting(
        "the file of the RSA key, in PEM, that signs mails by DKIM (RFC 6376); read at the start;"
        " empty: they are not signed here",
        roles=(WORKER,),
        check=lambda path: "" if path.is_file() else "a file that is there",
        default=NO_FILE,
    )
    dkim_selector: str = setting(
        "DKIM: the selector; the DNS has the public key at <selector>._domainkey.<domain>",
        roles=(WORKER,),
        check=lambda text: "" if _NAME.fullmatch(text) else "a name of the DNS, such as tandem1",
        default="",
    )
    dkim_domain: str = setting(
        "DKIM: the domain that signs; empty: that of TANDEM_MAIL_FROM, or else one above it",
        roles=(WORKER,),
        check=lambda text: "" if _NAME.fullmatch(text) else "a domain, such as university.example",
        default="",
    )
    sms_url: str = setting(
        "the gateway of text messages, with Twilio's API (Messages, 2010-04-01):"
        " https://<account>:<token>@api.twilio.com; empty: none are sent",
        roles=(WORKER,),
        reaches="sms",
        secret=True,
        check=lambda url: "" if _is_gateway(url) else "https://<account>:<token>@api.twilio.com",
        default="",
    )
    sms_rate: float = setting(
        "how many text messages a second all workers together give the gateway, urgent ones first;"
        " 0: as many as it takes",
        roles=(WORKER,),
        check=lambda number: "" if 0 <= number < math.inf else "a number from 0 on, such as 10",
        default=0.0,
    )
    sms_from: str = setting(
        "the sender of text messages: a number such as +353851234567, a name, or the id of a"
        " Messaging Service; empty: nobody can register a number. It needs TANDEM_PAGES_KEY",
        roles=(API, WORKER),
        default="",
    )
    sms_prefixes: str = setting(
        "how numbers may begin that get text messages, such as +353,+44, against calls of costly"
        " numbers; separated by commas",
        roles=(API,),
        check=lambda text: "" if _are_prefixes(text) else "such as +353,+44, or + for all",
        default="+",
    )
    push_key_file: Path = setting(
        "the file of the private key, on P-256 in PEM, that signs notifications in browsers (VAPID,"
        " RFC 8292), by `tandem notify push-key`; read at the start; empty: none are sent",
        roles=(WORKER,),
        reaches="push",
        check=lambda path: "" if path.is_file() else "a file that is there",
        default=NO_FILE,
    )
    push_public_key: str = setting(
        "the public key of TANDEM_PUSH_KEY_FILE, by which browsers subscribe; empty: nobody can"
        " register a browser",
        roles=(API, WORKER),
        default="",
    )
    push_rate: float = setting(
        "how many notifications a second all workers together give each push service in"
        " TANDEM_PUSH_HOSTS, urgent ones first; 0: as many as it takes",
        roles=(WORKER,),
        check=lambda number: "" if 0 <= number < math.inf else "a number from 0 on, such as 100",
        default=0.0,
    )
    push_hosts: str = setting(
        "the hosts of push services to which notifications may go, separated by commas; one that"
        " begins with a dot stands for all below it. No others are called, because strangers name"
        " them",
        roles=(API, WORKER),
        check=lambda text: "" if all(map(_is_host, _words(text))) else "names of hosts",
        default=(
            "fcm.googleapis.com,updates.push.services.mozilla.com,.notify.windows.com,"
            ".push.apple.com"
        ),
    )
    keep_messages: timedelta = setting(
        "how long messages stay in the inbox, read or not, in seconds",
        roles=(WORKER,),
        check=between(LEAST_KEPT, MOST_KEPT, "5184000 to 315360000 seconds"),
        default=timedelta(days=400),
    )
    keep_deliveries: timedelta = setting(
        "how long the log of deliveries is kept, and with it the links of mails that end mails, in"
        " seconds",
        roles=(WORKER,),
        check=between(LEAST_KEPT, MOST_KEPT, "5184000 to 315360000 seconds"),
        default=timedelta(days=400),
    )
    reminder_leads: str = setting(
        "lead times of reminders before a session, in seconds, separated by commas",
        roles=(WORKER, DECLARE),
        check=lambda text: "" if _are_leads(text) else "seconds above 0, such as 86400,3600",
        default="86400,3600",
    )

    webhooks_key: str = setting(
        "the key from which the secrets of webhooks are made, 32 random characters or more; another"
        " key changes all of them; empty: there are no webhooks",
        roles=(API, WEBHOOKS),
        secret=True,
        check=is_pages_key,
        default="",
    )
    webhooks_networks: str = setting(
        "networks that webhooks may reach beside the internet's public addresses, also by http,"
        " such as 10.20.0.0/16, with commas between; empty: none",
        roles=(API, WEBHOOKS),
        check=lambda text: "" if _are_networks(text) else "networks such as 10.20.0.0/16",
        default="",
    )
    webhooks_within: timedelta = setting(
        "how long the receiver of a webhook may take to answer, in seconds",
        roles=(WEBHOOKS,),
        # This role alone calls the receivers.
        reaches="webhooks",
        check=between(timedelta(seconds=1), timedelta(seconds=60), "1 to 60"),
        default=timedelta(seconds=15),
    )

    s3_endpoint: str = setting(
        "the S3 store that has the archive: http://host:port or https://host",
        roles=(WEBHOOKS,),
        reaches="s3",
        check=url_of("http", "https"),
        default="",
    )
    s3_access_key: str = setting(
        "an access key of the S3 store that may read the archive's bucket; empty: replays of"
        " webhooks send what the history has, and nothing older",
        roles=(WEBHOOKS,),
        secret=True,
        default="",
    )
    s3_secret_key: str = setting(
        "the secret key of TANDEM_S3_ACCESS_KEY", roles=(WEBHOOKS,), secret=True, default=""
    )
    s3_region: str = setting(
        "the region that requests are signed for", roles=(WEBHOOKS,), default="us-east-1"
    )
    archive_bucket: str = setting(
        "the bucket of the archive, as the library's archiver has it",
        roles=(WEBHOOKS,),
        check=given("a bucket's name"),
        default="tandem-history",
    )

    @property
    def networks(self) -> "tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]":
        """Return the networks that webhooks may reach beside public addresses."""
        return _networks(self.webhooks_networks)

    @property
    def signing_domain(self) -> str:
        """Return the domain that signs mails by DKIM."""
        return self.dkim_domain or self.mail_from.rpartition("@")[2]

    @property
    def mail_provider(self) -> str:
        """Return the name of the mail server, for the rate that its workers share."""
        server = urlsplit(self.smtp_url)
        return f"EMAIL:{server.hostname}:{server.port or ''}"

    @property
    def forgotten(self) -> Mapping[str, timedelta]:
        """Return how long documents are kept that a timer deletes, by collection."""
        return {
            "messages": self.keep_messages,
            "deliveries": self.keep_deliveries,
            "broadcasts": self.keep_messages,
        }

    @property
    def sms_provider(self) -> str:
        """Return the name of the gateway and its account, for the rate that its workers share."""
        gateway = urlsplit(self.sms_url)
        return f"SMS:{gateway.hostname}:{gateway.username}"

    def faults(self) -> list[str]:
        """Return the contradictions between settings."""
        return [
            *super().faults(),
            *self._pages_faults(),
            *self._bounce_faults(),
            *self._dkim_faults(),
            *self._device_faults(),
            *self._archive_faults(),
        ]

    def _pages_faults(self) -> Iterator[str]:
        # RFC 8058, section 3.1
        plain = self.pages_url and not self.pages_url.startswith("https://")
        if plain and self.environment == "production":
            yield "TANDEM_PAGES_URL must begin with https://, by which mail programs unsubscribe"

    def _bounce_faults(self) -> Iterator[str]:
        if self.bounce_address and not self.pages_key:
            yield "TANDEM_PAGES_KEY is missing: with TANDEM_BOUNCE_ADDRESS it must be set"

    def _dkim_faults(self) -> Iterator[str]:
        signs, domain = self.dkim_key_file != NO_FILE, self.mail_from.rpartition("@")[2]
        if signs and not self.dkim_selector:
            yield "TANDEM_DKIM_SELECTOR is missing: with TANDEM_DKIM_KEY_FILE it must be set"
        if not signs and (self.dkim_selector or self.dkim_domain):
            yield "TANDEM_DKIM_KEY_FILE is missing: with a selector or a domain it must be set"
        # Receivers compare it with the domain of From (DMARC, RFC 7489, section 3.1.1).
        if not f".{domain}".lower().endswith(f".{self.signing_domain}".lower()):
            yield (
                f"TANDEM_DKIM_DOMAIN is {self.dkim_domain!r}; wanted: {domain}, the domain of"
                " TANDEM_MAIL_FROM, or one above it"
            )

    def _device_faults(self) -> Iterator[str]:
        if self.sms_url and not self.sms_from:
            yield "TANDEM_SMS_FROM is missing: with TANDEM_SMS_URL it must be set"
        if self.sms_from and not self.pages_key:
            yield "TANDEM_PAGES_KEY is missing: with TANDEM_SMS_FROM it must be set"
        if self.push_key_file != NO_FILE and not self.push_public_key:
            yield "TANDEM_PUSH_PUBLIC_KEY is missing: with TANDEM_PUSH_KEY_FILE it must be set"

    def _archive_faults(self) -> Iterator[str]:
        # The address alone is no fault: it is one of the whole installation.
        for name, key in (
            ("TANDEM_S3_ENDPOINT", self.s3_endpoint),
            ("TANDEM_S3_ACCESS_KEY", self.s3_access_key),
            ("TANDEM_S3_SECRET_KEY", self.s3_secret_key),
        ):
            if not key and (self.s3_access_key or self.s3_secret_key):
                yield f"{name} is missing: with a key of the archive it must be set"

    @property
    def hosts(self) -> tuple[str, ...]:
        """Return the hosts of push services."""
        return _words(self.push_hosts)

    @property
    def prefixes(self) -> tuple[str, ...]:
        """Return how numbers may begin."""
        return _words(self.sms_prefixes)

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


def _networks(text: str) -> "tuple[ipaddress.IPv4Network | ipaddress.IPv6Network, ...]":
    return tuple(ipaddress.ip_network(part.strip()) for part in text.split(",") if part.strip())


def _are_networks(text: str) -> bool:
    try:
        return _networks(text) is not None
    except ValueError:
        return False


def _words(text: str) -> tuple[str, ...]:
    return tuple(part.strip().lower() for part in text.split(",") if part.strip())


def _are_prefixes(text: str) -> bool:
    return bool(_words(text)) and all(re.fullmatch(r"\+[0-9]{0,14}", each) for each in _words(text))


def _is_host(name: str) -> bool:
    return bool(_NAME.fullmatch(name.removeprefix("."))) or name == "::1"


def _is_gateway(url: str) -> bool:
    try:
        parts = urlsplit(url)
        local = parts.scheme == "http" and parts.hostname in {"localhost", "127.0.0.1", "::1"}
        return bool(parts.username and parts.password and parts.hostname and parts.port != 0) and (
            parts.scheme == "https" or local
        )
    except ValueError:
        return False


def _is_mailbox(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return bool(LOCAL_PART.fullmatch(local) and _NAME.fullmatch(domain))


def _is_bounce_address(text: str) -> bool:
    local, _, domain = text.rpartition("@")
    return len(local) <= LONGEST_LOCAL and all(map(_NAME.fullmatch, (local, domain)))


def _is_server(url: str) -> bool:
    try:
        parts = urlsplit(url)
        return parts.scheme in {"smtp", "smtps"} and bool(parts.hostname) and parts.port != 0
    except ValueError:
        return False
