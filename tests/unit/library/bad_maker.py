"""A maker that misbehaves, as its first argument says: `python -m tests.unit.library.bad_maker`."""

import json
import os
import socket
import sys
from collections.abc import Callable

link = socket.socket(fileno=0) if __name__ == "__main__" else socket.socket()
link.settimeout(None)
GOOD = {
    "media_type": "text/plain",
    **dict.fromkeys(("width", "height", "bits_per_second", "pages"), 1),
    "codecs": "",
}


def say(line: object) -> None:
    """Send a line as a maker does."""
    link.sendall(json.dumps(line).encode() + b"\n")


def write(descriptor: int, content: bytes) -> None:
    """Write as a maker does."""
    os.write(int(sys.argv[descriptor]), content)


def _long_list() -> None:
    write(-2, b"x")
    for _ in range(5):
        write(-1, bytes(2**20))
    say({"made": GOOD})


DEEDS: dict[str, Callable[[], object]] = {
    "nothing": lambda: say({"made": GOOD}),
    "type": lambda: say({"made": {**GOOD, "media_type": "text/html"}}),
    "number": lambda: say({"made": {**GOOD, "pages": -1}}),
    "huge": lambda: say({"made": {**GOOD, "width": 2**40}}),
    "true": lambda: say({"made": {**GOOD, "width": True}}),
    "text": lambda: say({"made": "good"}),
    "codecs": lambda: say({"made": {**GOOD, "codecs": "x" * 300}}),
    "both": lambda: say({"made": GOOD, "fault": "x"}),
    "progress": lambda: say({"progress": 2}),
    "list": _long_list,
    "files": lambda: say({"fault": " ".join(sorted(os.listdir("/proc/self/fd")))}),
}

if __name__ == "__main__":
    say({"ready": True})
    DEEDS[sys.argv[1]]()
