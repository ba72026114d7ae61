"""The settings of services that have pages with capability URLs."""

import dataclasses
import re

from chassis.operations.settings import API, Settings, setting, url_of

SHORTEST_KEY = 32
# What a URI may have (RFC 3986, section 2): it stands in headers of mails, and in calendars.
_URI = re.compile(r"[a-zA-Z0-9:/?#\[\]@!$&'()*+,;=._~%-]*")


def is_pages_url(value: str) -> str:
    """Check for the URL of a server or of a folder of its pages: http or https, without a query, in
    ASCII.
    """
    if fault := url_of("http", "https")(value):
        return fault
    if not _URI.fullmatch(value):
        return "a URI (RFC 3986): a domain beyond ASCII as xn--..., other characters as %XX"
    return "without a query" if "?" in value or "#" in value else ""


def is_pages_key(value: str) -> str:
    """Check for a key that signs the URLs of pages."""
    return "" if len(value) >= SHORTEST_KEY else f"{SHORTEST_KEY} random characters or more"


@dataclasses.dataclass(frozen=True, kw_only=True)
class PagesSettings(Settings):
    """The settings of every service, and those of its pages with capability URLs."""

    pages_url: str = setting(
        "this service's HTTP server as clients of its secret addresses reach it, such as"
        " https://api.example.edu: playlists and podcasts of the library, calendars of sessions and"
        " the links by which people join them, the links in mails of notify by which people"
        " unsubscribe; empty: there are none",
        roles=(API,),
        check=is_pages_url,
        default="",
    )
    pages_key: str = setting(
        "the key that signs these addresses, 32 random characters or more; another key closes all"
        " of them",
        roles=(API,),
        secret=True,
        check=is_pages_key,
        default="",
    )

    def faults(self) -> list[str]:
        """Return the contradictions between settings."""
        found = super().faults()
        if self.pages_url and not self.pages_key:
            found.append("TANDEM_PAGES_KEY is missing: with TANDEM_PAGES_URL it must be set")
        return found
