"""The settings of progress."""

import dataclasses
from datetime import timedelta

from chassis.operations import settings
from chassis.operations.page_settings import is_pages_url
from chassis.operations.settings import API, WORKER, between, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of every service, and those of progress."""

    recording_grace: timedelta = setting(
        "how long after a class's end its materials are released as substitutes, if there is no "
        "recording, in seconds",
        roles=(WORKER,),
        check=between(timedelta(0), timedelta(days=365), "0 to a year, in seconds"),
        default=timedelta(days=1),
    )
    xapi_url: str = setting(
        "the LRS as its clients reach it, such as https://api.example.edu/xapi; it is the home page"
        " of the accounts that statements name, so it must stay the same; empty: there is no LRS",
        roles=(API,),
        check=is_pages_url,
        default="",
    )
    xapi_document_bytes: int = setting(
        "the bytes that one document of the LRS may have",
        roles=(API,),
        check=between(1, 4_000_000, "a number of bytes up to 4,000,000"),
        default=2_000_000,
    )
    xapi_owner_documents: int = setting(
        "how many documents an agent may have in the LRS, and how many profiles an activity",
        roles=(API,),
        check=between(1, 1_000_000, "1 to 1,000,000"),
        default=1_000,
    )
    xapi_owner_bytes: int = setting(
        "the bytes that the documents of an agent may have together, and the profiles of an"
        " activity",
        roles=(API,),
        check=between(1, 10**12, "a number of bytes up to 1,000,000,000,000"),
        default=20_000_000,
    )
