"""The settings of progress."""

import dataclasses
from datetime import timedelta

from chassis.operations import settings
from chassis.operations.settings import WORKER, between, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of every service, and those of progress."""

    recording_grace: timedelta = setting(
        "how long after its end a class waits for its recording until its materials are its "
        "substitutes, in seconds",
        roles=(WORKER,),
        check=between(timedelta(0), timedelta(days=365), "0 to a year, in seconds"),
        default=timedelta(days=1),
    )
