"""The settings of catalog."""

import dataclasses

from chassis.operations import settings
from chassis.operations.settings import API, setting


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of every service, and the library's address."""

    library_target: str = setting(
        "host:port of the library's gRPC server",
        roles=(API,),
        reaches="library",
        check=settings.is_target,
    )
