"""The settings of the library."""

import dataclasses
import re
import ssl
from datetime import timedelta
from pathlib import Path

from chassis.operations.page_settings import PagesSettings
from chassis.operations.settings import (
    API,
    ARCHIVER,
    DECLARE,
    NO_FILE,
    WORKER,
    between,
    given,
    setting,
    url_of,
)

HOUR = timedelta(hours=1)
WEEK, MONTH, CENTURY = timedelta(days=7), timedelta(days=30), timedelta(days=36_500)
SECOND = timedelta(seconds=1)
PART = 16 * 2**20
SMALLEST_PART, LARGEST_PART = 5 * 2**20, 5 * 2**30
LARGEST_QUOTA = 2**50
READERS = (API, WORKER, DECLARE)
S3_READERS = (*READERS, ARCHIVER)

# A domain name, as the identifiers of OAI-PMH need it (oai-identifier.xsd).
_OAI_URL = re.compile(r"https?://[A-Za-z][A-Za-z0-9-]*(\.[A-Za-z][A-Za-z0-9-]*)+(:\d+)?/[!-~]*")
# OAI-PMH.xsd, emailType
_EMAIL = re.compile(r"[^\s@]+@([^\s@.]+\.)+[^\s@.]+")


def _is_oai_url(value: str) -> str:
    if _OAI_URL.fullmatch(value) and "?" not in value and "#" not in value:
        return ""
    return "such as https://library.example.edu/oai, with a domain name and without a query"


def _is_email(value: str) -> str:
    return "" if _EMAIL.fullmatch(value) else "a mail address, such as library@example.edu"


def _is_pem(value: str) -> str:
    try:
        ssl.create_default_context(cadata=value)
    except (ssl.SSLError, ValueError):
        return "certificates in PEM (RFC 7468)"
    return ""


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(PagesSettings):
    """The settings of every service, and the library's own."""

    s3_endpoint: str = setting(
        "the S3 store: http://host:port or https://host",
        roles=S3_READERS,
        reaches="s3",
        check=url_of("http", "https"),
    )
    s3_public_endpoint: str = setting(
        "the same store, as clients of presigned URLs reach it; empty: s3_endpoint",
        roles=READERS,
        check=url_of("http", "https"),
        default="",
    )
    s3_access_key: str = setting("the access key of the S3 store", roles=S3_READERS, secret=True)
    s3_secret_key: str = setting("the secret key of the S3 store", roles=S3_READERS, secret=True)
    s3_bucket: str = setting(
        "the bucket; it is created if it is missing", roles=READERS, default="tandem"
    )
    s3_region: str = setting(
        "the region that requests are signed for", roles=S3_READERS, default="us-east-1"
    )
    archive_bucket: str = setting(
        "the bucket of the archive, which has all events for good; it is made if it is missing; "
        "a new broker, whose history begins anew, needs a new one",
        roles=(ARCHIVER,),
        check=given("a bucket's name"),
        default="tandem-history",
    )
    archive_every: timedelta = setting(
        "how often the events since the last time are archived, in seconds",
        roles=(ARCHIVER,),
        check=between(SECOND, timedelta(days=1), "1 to 86400 seconds"),
        default=HOUR,
    )
    url_lifetime: timedelta = setting(
        "the lifetime of presigned URLs, in seconds",
        roles=(API,),
        check=between(SECOND, WEEK, "1 second to 7 days (604800), the limits of S3"),
        default=HOUR,
    )
    part_size: int = setting(
        "the size of an upload's parts in bytes, 5 MiB or more",
        roles=(API,),
        check=between(SMALLEST_PART, LARGEST_PART, "5 MiB to 5 GiB in bytes, the limits of S3"),
        default=PART,
    )
    keep_retired: timedelta = setting(
        "the time after which the file of a retired item is deleted, in seconds",
        roles=(API, WORKER),
        check=between(HOUR, CENTURY, "an hour (3600) to a century"),
        default=MONTH,
    )
    run_quota: int = setting(
        "the bytes that the items of a run may have in all, if the run has no quota of its own;"
        " 0: any number",
        roles=(API,),
        check=between(0, LARGEST_QUOTA, "0 to 1 PiB in bytes"),
        default=0,
    )
    oai_url: str = setting(
        "OAI-PMH: the URL of /oai as harvesters reach it; its host is part of all identifiers, so"
        " it must stay the same; empty: there is no /oai",
        roles=(API,),
        check=_is_oai_url,
        default="",
    )
    oai_admin_email: str = setting(
        "OAI-PMH: the mail address of who operates the repository, which harvesters are told",
        roles=(API,),
        check=_is_email,
        default="",
    )
    oai_name: str = setting(
        "OAI-PMH: the name of the repository, which harvesters are told",
        roles=(API,),
        check=given("a name"),
        default="Library",
    )
    search_url: str = setting(
        "an OpenSearch cluster with the search index of all processes:"
        " https://user:password@host:9200, for this installation alone; empty: each process has"
        " an index of its own",
        roles=(API,),
        reaches="search",
        check=url_of("http", "https"),
        secret=True,
        default="",
    )
    search_ca: str = setting(
        "the certificates, in PEM, of the authority that signed the OpenSearch cluster's; empty:"
        " those that the system trusts",
        roles=(API,),
        check=_is_pem,
        default="",
    )
    search_folder: Path = setting(
        "the folder of this process' search index, on a disk and for no other process; it may"
        " survive a restart; none: a temporary folder",
        roles=(API,),
        default=NO_FILE,
    )
    search_every: timedelta = setting(
        "how often the search index is brought up to date, in seconds",
        roles=(API,),
        check=between(SECOND / 10, timedelta(minutes=1), "0.1 to 60 seconds"),
        default=SECOND,
    )
    expire_uploads: timedelta = setting(
        "the time after which incomplete uploads are given up, in seconds",
        roles=(WORKER,),
        check=between(HOUR, timedelta.max, "at least an hour (3600)"),
        default=WEEK,
    )

    def faults(self) -> list[str]:
        """Return the contradictions between settings."""
        found = super().faults()
        if self.oai_url and not self.oai_admin_email:
            found.append("TANDEM_OAI_ADMIN_EMAIL is missing: with TANDEM_OAI_URL it must be set")
        return found
