"""Opens one stored file, as its readers would: `python -m services.library.probe MEDIA_TYPE SIZE`.

`probing.py` runs it for each file, in a process of its own with limits of time, memory and output,
because the libraries below read what a stranger sent. The process has no credentials and opens no
connection: it asks its parent for ranges of the file. Its standard input is a socket for that, and
both sides speak in lines of JSON:

| line | from | meaning |
|---|---|---|
| {"ready": true} | probe | the libraries are loaded, the limits are set |
| {"at": 0, "length": 65536} | probe | send these bytes; the parent answers with the bytes alone |
| {"seconds": 12.3} | probe | the file can be opened; its playing time, 0 if it has none |
| {"fault": "..."} | probe | the file can't be opened, and why |
"""

import json
import os
import resource
import socket
import sys
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass
from functools import partial

from services.library.domain import types
from services.library.domain.verification import Fault
from services.library.ranges import RangedFile, TooMuch

KIB, MIB, GIB = 2**10, 2**20, 2**30
# Limits of the process. Its programs and libraries take about 150 MiB of the address space.
MOST_MEMORY = 512 * MIB
MOST_CPU_SECONDS = 20
MOST_OPEN_FILES = 16
# Bytes that are read of one file: enough to measure an hour of film that tells no playing time.
MOST_READ = GIB
LONGEST_LINE = 4 * KIB
LONGEST_FAULT = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `seconds`: the playing time, 0 if there is none; `fault`: "" if it opens."""

    seconds: float = 0.0
    fault: str = ""


def main(media_type: str, size: str) -> None:
    """Open the file that the parent has; tell it what was found."""
    link = socket.socket(fileno=0)
    link.settimeout(None)  # the parent's hub may have made it one that does not wait
    load(media_type)
    limit()
    _say(link, {"ready": True})
    file = RangedFile(partial(_ask, link), int(size), MOST_READ)
    verdict = examine(media_type, file)
    _say(link, {"fault": verdict.fault} if verdict.fault else {"seconds": verdict.seconds})


def load(media_type: str) -> None:
    """Import what opens a type, so that the limits count the file alone."""
    _opener(media_type)


def limit() -> None:
    """Limit what this process may use. If memory is short, the system ends it before others."""
    resource.setrlimit(resource.RLIMIT_AS, (MOST_MEMORY, MOST_MEMORY))
    resource.setrlimit(resource.RLIMIT_CPU, (MOST_CPU_SECONDS, MOST_CPU_SECONDS + 1))
    resource.setrlimit(resource.RLIMIT_FSIZE, (0, 0))
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))
    resource.setrlimit(resource.RLIMIT_NOFILE, (MOST_OPEN_FILES, MOST_OPEN_FILES))
    with suppress(OSError), open("/proc/self/oom_score_adj", "w") as score:
        score.write("1000")


def examine(media_type: str, file: RangedFile) -> Verdict:
    """Open a file of a type; return its playing time, or what is wrong with it."""
    try:
        return Verdict(seconds=_opener(media_type)(file) or 0.0)
    except Fault as fault:
        return Verdict(fault=str(fault)[:LONGEST_FAULT])
    except MemoryError:
        return Verdict(fault=f"opening it takes more than {MOST_MEMORY // MIB} MiB of memory")
    except TooMuch:
        return Verdict(fault=f"opening it takes more than {MOST_READ // MIB} MiB of it")
    except Exception as error:  # hostile bytes cause more errors than the libraries document
        why = f"it can't be opened as {media_type}: {_told(error)}"
        return Verdict(fault=why[:LONGEST_FAULT])


def _opener(media_type: str) -> Callable[[RangedFile], float | None]:
    """Import and return what opens a type."""
    if types.may_play(media_type):
        from services.library.media import measure

        return partial(measure, media_type)
    if media_type == types.VTT:
        from services.library.captions import open_captions

        return open_captions
    if media_type in types.DATA:
        from services.library.datasets import open_dataset

        return partial(open_dataset, media_type)
    from services.library.documents import open_document

    return partial(open_document, media_type)


def _told(error: Exception) -> str:
    return str(getattr(error, "strerror", None) or error or type(error).__name__)


# The parent's side of the socket is `probing.py`.


def _ask(link: socket.socket, at: int, length: int) -> bytes:
    _say(link, {"at": at, "length": length})
    piece = bytearray()
    while len(piece) < length:
        some = link.recv(length - len(piece))
        if not some:
            os._exit(1)  # the parent has ended
        piece += some
    return bytes(piece)


def _say(link: socket.socket, line: Mapping[str, object]) -> None:
    link.sendall(json.dumps(line).encode() + b"\n")


if __name__ == "__main__":
    main(*sys.argv[1:])
