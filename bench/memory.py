"""Memory of the whole idle platform, all roles; what processes share is counted once."""

import shutil
from collections.abc import Iterator

import psutil

from bench import rig
from bench.figures import Figure, told
from campus.platform import Platform


def measure() -> Iterator[Figure]:
    """Proportional set size (PSS) of the services' processes, and of the servers beside them."""
    folder = rig.FOLDER / "platform"
    shutil.rmtree(folder, ignore_errors=True)
    platform = Platform(folder)
    platform.up()
    try:
        roles = [role.process.pid for role in platform.roles.values()]
        parts = [part.pid for part in platform.stack.status()]
        yield told(f"memory of {len(roles)} idle role processes", _megabytes(roles), "MiB")
        yield told("memory of the local servers beside them", _megabytes(parts), "MiB")
    finally:
        platform.down()


def _megabytes(pids: list[int | None]) -> float:
    found = [psutil.Process(pid) for pid in pids if pid]
    family = [one for process in found for one in (process, *process.children(recursive=True))]
    return float(sum(process.memory_full_info().pss for process in family) / 2**20)
