"""What a digest tells: the messages that it collected, by run."""

from collections.abc import Iterable, Mapping, Sequence

from services.notify.domain.messages import Message
from services.notify.domain.notices import Text
from services.notify.domain.values import Digest

SHOWN = 100
"""Messages that a digest shows in full; of later ones it has the titles."""


def values_of(
    messages: Sequence[Message], texts: Mapping[str, Text], runs: Mapping[str, str]
) -> Digest:
    """Return the values of a digest. `texts`: the messages as its person reads them now, by id;
    `runs`: the titles of runs, by id.

    Each run has its messages, oldest first; those of no run come last.
    """
    ordered = sorted(messages, key=lambda each: (each.created_at, each.id))
    whole = {each.id for each in ordered[:SHOWN]}
    groups: dict[str, list[tuple[str, list[str]]]] = {}
    for each in ordered:
        lines = lines_of(texts[each.id].body) if each.id in whole else []
        groups.setdefault(each.run_id, []).append((texts[each.id].title, lines))
    named = [(runs.get(run_id) or run_id, news) for run_id, news in groups.items()]
    return {"count": len(ordered), "runs": sorted(named, key=lambda each: (not each[0], each[0]))}


def lines_of(body: str) -> list[str]:
    """Return the lines of a message's text without its greeting, which is the first paragraph, and
    without empty lines: in a digest it is one entry of a list.
    """
    return [line for line in body.partition("\n\n")[2].splitlines() if line.strip()]


def runs_of(messages: Iterable[Message]) -> set[str]:
    """Return the ids of the runs that messages are about."""
    return {each.run_id for each in messages if each.run_id}
