"""What catalog is told by its environment."""

import dataclasses

from chassis.operations import settings
from chassis.operations.settings import API, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """What every service is told, and where the library is."""

    library_target: str = setting(
        "host:port of the library's gRPC server",
        roles=(API,),
        reaches="library",
        check=settings.is_target,
    )
