"""What progress is told by its environment."""

import dataclasses

from chassis import settings


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """Nothing beyond what every service is told."""
