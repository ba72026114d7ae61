"""The settings of sessions."""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path

from chassis.operations.page_settings import PagesSettings
from chassis.operations.settings import (
    API,
    LIVE,
    MIGRATE,
    NO_FILE,
    SOLVER,
    WORKER,
    between,
    setting,
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
