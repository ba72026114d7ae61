"""What statements of the LRS are asked for."""

import itertools
import json
from collections.abc import Iterator

AGENT = {"mbox": "mailto:ana@uni.example"}
EXAM, COURSE = "https://uni.example/exam", "https://uni.example/course"
DONE = "https://uni.example/done"
REGISTRATION = "11111111-2222-4333-8444-aaaaaaaaaaaa"
FILTERS = {
    "agent": (json.dumps(AGENT), {"actor": AGENT}),
    "verb": (DONE, {"verb": {"id": DONE}}),
    "activity": (EXAM, {"object": {"id": EXAM}}),
    "registration": (REGISTRATION.upper(), {"context": {"registration": REGISTRATION}}),
}


def every_combination() -> Iterator[tuple[str, ...]]:
    """Yield each set of filters."""
    for count in range(5):
        yield from itertools.combinations(FILTERS, count)
