"""Which questions may be the same: by the words that they have in common.

The similarity of two questions is the weight of the words in common, divided by the weight of all
words of both (a weighted Jaccard index). A word weighs the more the fewer questions have it, as in
inverse document frequency, so that words such as "the" count little in any language, without a list
of them. It is simple enough to be explained: the words in common are answered, too.
"""

import math
from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass

from chassis.words import words_of

LEAST = 0.3
"""Questions less similar than this are not suggested."""
MOST = 5


@dataclass(frozen=True, slots=True)
class Similar:
    """A text (by its id) that is similar to another one, and why."""

    id: str
    similarity: float
    words: tuple[str, ...]
    """In both, the rarest first."""


def distinct_words(text: str) -> tuple[str, ...]:
    """Return the words of a text, each once. Of scripts without spaces each character is a word;
    case and accents do not count.
    """
    return tuple(sorted(set(words_of(text))))


def similar(words: Collection[str], others: Sequence[tuple[str, Collection[str]]]) -> list[Similar]:
    """Return up to `MOST` of some texts (their ids and words) that are similar to one with these
    words, the most similar first.
    """
    counts = Counter(word for _, known in others for word in known)
    total = len(others) + 1
    weights = {word: math.log(1 + total / (1 + counts[word])) for word in (*counts, *words)}
    whole = sum(weights[word] for word in set(words))
    found = (_compared(set(words), whole, each, weights) for each in others)
    close = [each for each in found if each.similarity >= LEAST]
    return sorted(close, key=lambda each: (-each.similarity, each.id))[:MOST]


def _compared(
    wanted: set[str], whole: float, other: tuple[str, Collection[str]], weights: Mapping[str, float]
) -> Similar:
    """Return how similar a text is to the `wanted` words, which weigh `whole` together."""
    id_, words = other
    common = wanted.intersection(words)
    if not common:
        return Similar(id_, 0.0, ())
    alone = sum(weights[word] for word in words if word not in common)
    share = sum(weights[word] for word in common) / (whole + alone)
    rarest = sorted(common, key=lambda word: (-weights[word], word))
    return Similar(id_, min(share, 1.0), tuple(rarest))
