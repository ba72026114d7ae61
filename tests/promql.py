"""The names in PromQL queries: metrics and labels. Only the grammar that ours use."""

import re
from collections.abc import Iterator
from dataclasses import dataclass

# In this order: what comes first is not taken for what comes later.
_TOKEN = re.compile(
    r"""
      \b(?:by|without|on|ignoring|group_left|group_right)\s*\((?P<grouping>[^)]*)\)
    | \[ [^\]]* \]                                        # a range
    | [a-zA-Z_]\w* \s* \(                                 # a function
    | "(?:[^"\\]|\\.)*"                                   # a string, as a function's argument
    | \b (?:sum|min|max|avg|count|group|and|or|unless|bool) \b  # without its bracket
    | \b \d [\w.]*
    | (?P<metric>[a-zA-Z_:][\w:]*) \s* (?:\{ (?P<matchers> (?: "(?:[^"\\]|\\.)*" | [^}"] )* ) \})?
    """,
    re.VERBOSE,
)
_MADE = re.compile(r',\s*"(\w+)",\s*"\$\d"')  # label_replace(..., "made", "$1", "of", "...")
_RECORDED = re.compile(r"[a-z_]+:[a-z_]+:\w+")  # level:metric:operation, as Prometheus advises
_MATCHER = re.compile(r'(\w+)\s*(=~|!~|!=|=)\s*("(?:[^"\\]|\\.)*")')


@dataclass(frozen=True)
class Selector:
    """A metric, and what its labels must be: label, operator, quoted value."""

    metric: str
    matchers: tuple[tuple[str, str, str], ...] = ()


def selectors(query: str) -> list[Selector]:
    """Every choice of series in a query."""
    return [
        Selector(token["metric"], tuple(_MATCHER.findall(token["matchers"] or "")))
        for token in _TOKEN.finditer(query)
        if token["metric"]
    ]


def grouping_labels(query: str) -> set[str]:
    """The labels that the query groups, keeps or joins by."""
    return set(_labels(query))


def _labels(query: str) -> Iterator[str]:
    for token in _TOKEN.finditer(query):
        yield from re.findall(r"\w+", token["grouping"] or "")


def made_labels(query: str) -> set[str]:
    """The labels that the query makes of others (label_replace)."""
    return set(_MADE.findall(query))


def unfolded(query: str, recorded: dict[str, str]) -> str:
    """The query with what is recorded in the place of the recorded series that it names."""
    return _RECORDED.sub(lambda name: f"({recorded[name[0]]})", query)
