"""Opens one stored file, as its readers would: `python -m services.library.probe MEDIA_TYPE SIZE`.

`probing.py` runs it for each file, in a process of its own with limits of time, memory and output,
because the libraries below read what a stranger sent (`confined.py`). What it says in the end:

| line | meaning |
|---|---|
| {"seconds": 12.3} | the file can be opened; its playing time, 0 if it has none |
| {"fault": "..."} | the file can't be opened, and why |
"""

import sys
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial

from services.library.confined import GIB, MIB, Limits, Link, confine
from services.library.domain import types
from services.library.domain.verification import Fault
from services.library.ranges import RangedFile, TooMuch

# The process's programs and libraries take about 150 MiB of the address space.
LIMITS = Limits(memory=512 * MIB, cpu_seconds=20)
# Bytes that are read of one file: enough to measure an hour of film that tells no playing time.
MOST_READ = GIB
LONGEST_FAULT = 200


@dataclass(frozen=True, slots=True)
class Verdict:
    """What was found. `seconds`: the playing time, 0 if there is none; `fault`: "" if it opens."""

    seconds: float = 0.0
    fault: str = ""


def main(media_type: str, size: str) -> None:
    """Open the file that the parent has; tell it what was found."""
    link = Link()
    load(media_type)
    link.say({"ready": confine(LIMITS)})
    verdict = examine(media_type, link.file(int(size), MOST_READ))
    link.say({"fault": verdict.fault} if verdict.fault else {"seconds": verdict.seconds})


def load(media_type: str) -> None:
    """Import what opens a type, so that the limits count the file alone."""
    _opener(media_type)


def examine(media_type: str, file: RangedFile) -> Verdict:
    """Open a file of a type; return its playing time, or what is wrong with it."""
    try:
        return Verdict(seconds=_opener(media_type)(file) or 0.0)
    except Fault as fault:
        return Verdict(fault=str(fault)[:LONGEST_FAULT])
    except MemoryError:
        return Verdict(fault=f"opening it takes more than {LIMITS.memory // MIB} MiB of memory")
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


if __name__ == "__main__":
    main(*sys.argv[1:])
