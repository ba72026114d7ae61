"""The settings of sessions."""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta

from chassis.operations.page_settings import PagesSettings
from chassis.operations.settings import API, MIGRATE, WORKER, between, setting


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
        roles=(API,),
        check=between(0, 10_000_000, "0 to 10000000"),
        default=0,
    )

    @property
    def kept(self) -> Mapping[str, timedelta]:
        """How long documents are kept: presence expires, too."""
        presence = dict.fromkeys(("marks", "wrong_codes"), self.keep_presence)
        return {**super().kept, **presence}
