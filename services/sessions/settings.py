"""What sessions is told by its environment."""

import dataclasses
from collections.abc import Mapping
from datetime import timedelta

from chassis.operations import settings
from chassis.operations.settings import MIGRATE, between, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """What sessions is told beyond what every service is."""

    keep_presence: timedelta = setting(
        "how long joins, leaves and wrong check-in codes are kept, in seconds; the attendance that "
        "came of them stays",
        roles=(MIGRATE,),
        # A class lasts a day at most, and takes late marks for a day after its end.
        check=between(timedelta(days=3), timedelta(days=365), "259200 to 31536000 seconds"),
        default=timedelta(days=14),
    )

    @property
    def kept(self) -> Mapping[str, timedelta]:
        """Presence expires, too."""
        presence = dict.fromkeys(("marks", "wrong_codes"), self.keep_presence)
        return {**super().kept, **presence}
