"""The settings of catalog."""

import dataclasses
from datetime import timedelta

from chassis.operations import settings
from chassis.operations.settings import API, AUDITOR, WORKER, setting

IMPORT_SIZE = 64 * 2**20
IMPORT_UNPACKED = 512 * 2**20
LARGE_INTAKE = 100
AUDIT_EVERY = timedelta(hours=1)


def _target(service: str) -> str:
    """Return the setting of a service whose copies the auditor compares."""
    target: str = setting(
        "host:port of this service's gRPC server",
        roles=(AUDITOR,),
        reaches=service,
        check=settings.is_target,
    )
    return target


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of every service, the addresses of others, the limits of imports, what a large
    intake is, and how often copies are compared."""

    library_target: str = setting(
        "host:port of the library's gRPC server",
        roles=(API, AUDITOR),
        reaches="library",
        check=settings.is_target,
    )
    catalog_target: str = _target("catalog")
    sessions_target: str = _target("sessions")
    progress_target: str = _target("progress")
    notify_target: str = _target("notify")
    audit_every: timedelta = setting(
        "how often all copies of other services are compared with their originals, in seconds",
        roles=(AUDITOR,),
        check=settings.between(timedelta(seconds=1), timedelta(days=7), "1 to 604800 seconds"),
        default=AUDIT_EVERY,
    )
    import_size: int = setting(
        "the bytes that the file of an import may have",
        roles=(API,),
        check=settings.between(1, 2**30, "a number of bytes up to 1 GiB"),
        default=IMPORT_SIZE,
    )
    large_intake: int = setting(
        "the number of learners from which advice on delivery takes a lecture for a large one",
        roles=(API,),
        check=settings.between(1, 10**6, "a number of learners up to 1,000,000"),
        default=LARGE_INTAKE,
    )
    import_unpacked: int = setting(
        "the bytes that the CSV files of an import may have unpacked, in all",
        roles=(WORKER,),
        check=settings.between(1, 2**33, "a number of bytes up to 8 GiB"),
        default=IMPORT_UNPACKED,
    )
