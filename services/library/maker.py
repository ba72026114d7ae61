"""Makes one rendition of a stored file; `main` has the arguments of the command.

`making.py` runs it for each rendition, in a process of its own with limits of time, memory and
output, because the libraries below read what a stranger sent (`confined.py`). It writes into two
files that its parent has opened: the rendition, and its HLS playlist if it has one. What it says:

| line | meaning |
|---|---|
| {"progress": 0.5} | this share is done |
| {"made": {"media_type": "image/jpeg", ...}} | it is made; the fields of `domain.renditions.Made` |
| {"absent": "..."} | the file has nothing of the kind, and what it lacks |
| {"fault": "..."} | it can't be made, and why |
"""

import os
import sys
from collections.abc import Callable
from dataclasses import asdict
from functools import partial

from services.library.confined import GIB, MIB, Limits, Link, confine
from services.library.domain import renditions
from services.library.domain.renditions import RUNGS, Made
from services.library.domain.verification import Fault
from services.library.ranges import TooMuch
from services.library.task import Absent, Task

# Bytes of address space that a maker may use, for a film of 8K and for a document.
FILM_MEMORY, DOCUMENT_MEMORY = GIB, GIB // 2
# Bytes of a file that is made: an hour of the highest quality has one GiB.
LARGEST = 6 * GIB
LONGEST_REASON = 200
# Seconds of a film whose playing time is not known, for the limits.
UNKNOWN = 4 * 3600.0
MEDIA_TYPES = ("text/plain", "image/jpeg", "audio/mpeg", "video/mp4")
"""The media types of what is made."""


Make = Callable[[Task], Made]


def limits(name: str, seconds: float) -> Limits:
    """Return the limits for a rendition of a file with a playing time."""
    played = seconds or UNKNOWN
    if name in RUNGS or name == renditions.AUDIO:
        bits = renditions.SOUND_BITS + (RUNGS[name].bits_per_second if name in RUNGS else 0)
        # Encoders keep the rate on average only, and segments have headers.
        size = min(LARGEST, int(played * bits / 8 * 1.5) + 4 * MIB)
        return Limits(memory=FILM_MEMORY, cpu_seconds=120 + int(10 * played), file_size=size)
    memory = FILM_MEMORY if name == renditions.POSTER else DOCUMENT_MEMORY
    return Limits(memory=memory, cpu_seconds=120, file_size=32 * MIB)


def most_read(size: int) -> int:
    """Return how many bytes are read of a file with `size` bytes: all twice, and some again."""
    return 4 * size + 64 * MIB


def main(name: str, media_type: str, size: str, seconds: str, made: str, playlist: str) -> None:
    """Make a rendition of the file that the parent has."""
    link = Link()
    make = maker_of(name)
    link.say({"ready": confine(limits(name, float(seconds)))})
    file = link.file(int(size), most_read(int(size)))
    with os.fdopen(int(made), "wb") as out, os.fdopen(int(playlist), "wb") as listed:
        tell = partial(_tell, link)
        task = Task(name, media_type, float(seconds), file, out, listed, tell)
        answer = attempt(make, task)
    link.say(answer)


def maker_of(name: str) -> Make:
    """Import and return what makes a rendition, so that the limits count the file alone."""
    if name == renditions.TEXT:
        from services.library.extracts import make_text

        return make_text
    if name == renditions.COVER:
        from services.library.pictures import make_cover

        return make_cover
    if name == renditions.POSTER:
        from services.library.pictures import make_poster

        return make_poster
    from services.library.encoding import make_film, make_sound

    return make_sound if name == renditions.AUDIO else make_film


def attempt(make: Make, task: Task) -> dict[str, object]:
    """Make the rendition, and return the line that tells it, or why it is not made."""
    try:
        return {"made": asdict(make(task))}
    except Absent as absent:
        return {"absent": str(absent)[:LONGEST_REASON]}
    except Fault as fault:
        return {"fault": str(fault)[:LONGEST_REASON]}
    except MemoryError:
        memory = limits(task.name, task.seconds).memory
        return {"fault": f"making it takes more than {memory // MIB} MiB of memory"}
    except TooMuch:
        return {"fault": "making it reads too much of the file"}
    except Exception as error:  # hostile bytes cause more errors than the libraries document
        told = getattr(error, "strerror", None) or str(error) or type(error).__name__
        return {"fault": f"it can't be made: {told}"[:LONGEST_REASON]}


def _tell(link: Link, share: float) -> None:
    link.say({"progress": round(min(max(share, 0.0), 1.0), 4)})


if __name__ == "__main__":
    main(*sys.argv[1:])
