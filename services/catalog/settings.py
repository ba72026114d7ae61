"""The settings of catalog."""

import dataclasses

from chassis.operations import settings
from chassis.operations.settings import API, WORKER, setting

IMPORT_SIZE = 64 * 2**20
IMPORT_UNPACKED = 512 * 2**20
LARGE_INTAKE = 100


@dataclasses.dataclass(frozen=True, kw_only=True)
class Settings(settings.Settings):
    """The settings of every service, the library's address, the limits of imports, and what a large
    intake is."""

    library_target: str = setting(
        "host:port of the library's gRPC server",
        roles=(API,),
        reaches="library",
        check=settings.is_target,
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
