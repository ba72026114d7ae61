"""The settings of sessions."""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from chassis.operations.page_settings import PagesSettings
from chassis.operations.settings import (
    API,
    LIVE,
    MEETINGS,
    MIGRATE,
    NO_FILE,
    SOLVER,
    WORKER,
    between,
    is_target,
    setting,
    url_of,
)


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(PagesSettings):
    """The settings of every service with calendars' pages, and those of sessions."""

    keep_presence: timedelta = setting(
        "how long joins, leaves and wrong check-in codes are kept, in seconds; attendance stays",
        roles=(MIGRATE,),
        # A class lasts at most a day, and accepts late presence events for a day after its end.
        check=between(timedelta(days=3), timedelta(days=365), "259200 to 31536000 seconds"),
        default=timedelta(days=14),
    )

    end_grace: timedelta = setting(
        "how long after its planned end a session that nobody ended is settled, in seconds",
        roles=(WORKER,),
        check=between(timedelta(), timedelta(days=1), "0 to 86400 seconds"),
        default=timedelta(minutes=30),
    )

    online_seats: int = setting(
        "how many seats online all sessions together give at a time; 0: no limit",
        roles=(API, SOLVER, LIVE),
        check=between(0, 10_000_000, "0 to 10000000"),
        default=0,
    )

    timetabler_python: Path = setting(
        "the Python that has OR-Tools; by default that of .venv-timetabler beside the code",
        roles=(SOLVER,),
        default=NO_FILE,
    )

    timetabler_memory: int = setting(
        "how many MiB of address space the search for a timetable may have",
        roles=(SOLVER,),
        check=between(256, 1_048_576, "256 to 1048576"),
        default=6144,
    )

    timetabler_workers: int = setting(
        "how many threads search for a timetable; eight find more than two, on two cores as well",
        roles=(SOLVER,),
        check=between(1, 64, "1 to 64"),
        default=8,
    )

    meetings_file: Path = setting(
        "TOML file of the meeting servers, with their secrets; read again when it changes; without"
        " it each online class names its own URL",
        roles=(API, MEETINGS),
        default=NO_FILE,
    )

    meetings_calls: int = setting(
        "how many calls to one meeting server a process makes at once",
        roles=(MEETINGS,),
        # This role alone calls the servers of the file.
        reaches="meetings",
        check=between(1, 4, "1 to 4"),
        default=2,
    )

    webhooks_url: str = setting(
        "this service's HTTP server as meeting providers reach it, such as https://api.example.edu;"
        " empty: they tell nothing, neither who came nor that a recording is there",
        roles=(API, MEETINGS),
        check=url_of("http", "https"),
        default="",
    )

    meetings_ahead: timedelta = setting(
        "how long before its class a meeting is made, in seconds",
        roles=(WORKER,),
        # BigBlueButton keeps a meeting for an hour in which nobody is.
        check=between(timedelta(minutes=1), timedelta(minutes=55), "60 to 3300 seconds"),
        default=timedelta(minutes=30),
    )

    meetings_warning: timedelta = setting(
        "how long before its class the staff is told that its meeting is not there, in seconds",
        roles=(WORKER,),
        check=between(timedelta(), timedelta(minutes=55), "0 to 3300 seconds"),
        default=timedelta(minutes=10),
    )

    library_target: str = setting(
        "host:port of the library's gRPC server",
        roles=(MEETINGS,),
        reaches="library",
        check=is_target,
    )

    recordings_store: str = setting(
        "the library's S3 store as this role reaches it, if presigned URLs name another address:"
        " http://host:port or https://host; empty: as they say",
        roles=(MEETINGS,),
        reaches="s3",
        check=url_of("http", "https"),
        default="",
    )

    recordings_size: int = setting(
        "how many MiB a file of a recording may have; a process copies two at once, by temporary"
        " files",
        roles=(MEETINGS,),
        check=between(1, 65_536, "1 to 65536"),
        default=4096,
    )

    recordings_seconds: timedelta = setting(
        "how long the download of a file of a recording may take, in seconds",
        roles=(MEETINGS,),
        check=between(timedelta(seconds=1), timedelta(days=1), "1 to 86400 seconds"),
        default=timedelta(hours=2),
    )

    live_members: int = setting(
        "how many streams of members of classes a replica of the role `live` accepts",
        roles=(LIVE,),
        check=between(1, 100_000, "1 to 100000"),
        default=5_000,
    )

    @property
    def kept(self) -> Mapping[str, timedelta]:
        """How long documents are kept: presence expires, too."""
        presence = dict.fromkeys(("marks", "wrong_codes"), self.keep_presence)
        return {**super().kept, **presence}
