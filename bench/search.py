"""How long a search takes in generated libraries, beside MongoDB's own text index.

Words follow Zipf's law. Every query is a learner's with 8 runs, who may read one item in a hundred,
unless its name says otherwise.
"""

import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

from pymongo import TEXT

from bench import rig
from bench.figures import Figure, at_most, told
from chassis.data.store import connect
from services.library.domain.enums import ItemKind
from services.library.domain.search import Given, IndexedItem, Scope, SearchQuery, parse
from services.library.ports import IndexPosition
from services.library.tantivy_index import TantivyIndex

SMALL = 10_000
LARGE = int(os.environ.get("BENCH_ITEMS", "1000000"))
PEER = min(LARGE, 300_000)
"""MongoDB takes too long to build a larger one for a benchmark."""
VOCABULARY, RUNS, QUERIES = 50_000, 5_000, 300
LANGUAGES = ["en"] * 6 + ["de"] * 2 + ["fr", "und"]
DESCRIPTION, TEXT_WORDS = 60, 1_000
"""Words of an item; one in twenty also has an extracted text."""
GOAL = 100.0
"""Milliseconds of p99."""
BATCH = 5_000
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)

Ask = Callable[[str], object]


class Words:
    """Words by Zipf's law: the n-th is sought 1/n as often as the first."""

    def __init__(self) -> None:
        chance = random.Random(1)
        self.ranked = [f"{_syllables(number)}" for number in range(VOCABULARY)]
        weights = list(itertools.accumulate(1 / rank for rank in range(1, VOCABULARY + 1)))
        self._stream = chance.choices(self.ranked, cum_weights=weights, k=1_000_000)
        self._chance = chance

    def some(self, count: int) -> list[str]:
        """Return words as they follow each other in a text."""
        first = self._chance.randrange(len(self._stream) - count)
        return self._stream[first : first + count]


def _syllables(number: int) -> str:
    parts = [f"{consonant}{vowel}" for consonant in "bdfgklmnprst" for vowel in "aeiou"]
    name = ""
    while number or not name:
        number, place = divmod(number, len(parts))
        name += parts[place]
    return name + "n"


def measure() -> Iterator[Figure]:
    """Measure both sizes, and MongoDB."""
    words = Words()
    small = dict(_timed(SMALL, words))
    for name, (value, unit) in _timed(LARGE, words):
        if name.endswith("p99"):
            yield at_most(f"search, {LARGE:,} items, {name}", value, unit, GOAL)
            yield told(f"search, {name}, beside {SMALL:,} items", value / small[name][0], "times")
        else:
            yield told(f"search, {LARGE:,} items, {name}", value, unit)
    yield from _mongodb(words)


def _timed(count: int, words: Words) -> Iterator[tuple[str, tuple[float, str]]]:
    with tempfile.TemporaryDirectory(dir=_folder()) as folder:
        index = TantivyIndex(Path(folder))
        begun = time.perf_counter()
        for batch in _batches(_items(count, words)):
            index.put(batch)
        index.commit(IndexPosition(NOW))
        yield "items put in a second", (count / (time.perf_counter() - begun), "items")
        size = sum(each.stat().st_size for each in Path(folder).rglob("*") if each.is_file())
        yield "size of the index", (size / 2**20, "MiB")
        scope = _learner()
        many = Scope("ada", Given(scope.learner.run_ids, _ids(5_000, count)), Given(), NOW)
        asks: dict[str, tuple[Any, dict[str, Any]]] = {
            "a common word": (_common, {"scope": scope}),
            "a rare word": (_rare, {"scope": scope}),
            "two words": (_two, {"scope": scope}),
            "a phrase": (_phrase, {"scope": scope}),
            "a common word with facets": (_common, {"scope": scope, "with_facets": True}),
            "a common word, 5,000 named items": (_common, {"scope": many}),
            "a common word, everything": (_common, {}),
            "a common word, everything with facets": (_common, {"with_facets": True}),
            "a common word, the last page": (_common, {"scope": scope, "offset": 980}),
        }
        for name, (texts, more) in asks.items():
            asked = texts(words)
            p50, p99 = _durations(asked, partial(_ask, index, more))
            yield f"{name}, p50", (p50, "ms")
            yield f"{name}, p99", (p99, "ms")
        index.close()


def _ask(index: TantivyIndex, more: dict[str, Any], text: str) -> None:
    index.search(SearchQuery(sought=parse(text), **more))


def _durations(texts: Sequence[str], ask: Ask) -> tuple[float, float]:
    """Return p50 and p99 in milliseconds, of queries one after the other."""
    found = []
    for text in texts:
        begun = time.perf_counter()
        ask(text)
        found.append((time.perf_counter() - begun) * 1000)
    cuts = quantiles(found, n=100)
    return cuts[49], cuts[98]


def _common(words: Words) -> list[str]:
    return [words.ranked[number % 20] for number in range(QUERIES)]


def _rare(words: Words) -> list[str]:
    return [words.ranked[-1 - number] for number in range(QUERIES)]


def _two(words: Words) -> list[str]:
    return [
        f"{words.ranked[number % 20]} {words.ranked[50 + number % 100]}"
        for number in range(QUERIES)
    ]


def _phrase(words: Words) -> list[str]:
    return [f'"{" ".join(words.some(2))}"' for _ in range(QUERIES)]


def _learner() -> Scope:
    return Scope("ada", Given([f"run-{n}" for n in range(8)], _ids(400, SMALL)), Given(), NOW)


def _ids(count: int, of: int) -> list[str]:
    return [_id(number * (of // count)) for number in range(count)]


def _id(number: int) -> str:
    return f"01980000-0000-7000-8000-{number:012d}"


def _items(count: int, words: Words) -> Iterator[IndexedItem]:
    chance, kinds = random.Random(2), list(ItemKind)
    for number in range(count):
        text = words.some(DESCRIPTION if number % 20 else TEXT_WORDS)
        yield IndexedItem(
            id=_id(number),
            versions=(_id(number),),
            kind=chance.choice(kinds),
            language=chance.choice(LANGUAGES),
            is_available=number % 50 != 0,
            is_for_all=number % 100 == 0,
            run_ids=(f"run-{chance.randrange(RUNS)}",),
            uploaded_by=f"person-{number % 1000}",
            not_before=None,
            title=" ".join(text[:6]),
            text=" ".join(text),
        )


def _batches(items: Iterator[IndexedItem]) -> Iterator[list[IndexedItem]]:
    while batch := list(itertools.islice(items, BATCH)):
        yield batch


def _mongodb(words: Words) -> Iterator[Figure]:
    """The same items in MongoDB, by its text index, with the same rights as a filter."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database("bench_search")
        items: Any = client["bench_search"]["items"]
        for batch in _batches(_items(PEER, words)):
            items.insert_many([_mongo_document(each) for each in batch], ordered=False)
        items.create_index([("title", TEXT), ("text", TEXT)], language_override="stemmer")
        scope = _learner()
        given = [
            {"run_ids": {"$in": scope.learner.run_ids}},
            {"_id": {"$in": scope.learner.item_ids}},
            {"is_for_all": True},
        ]

        def ask(text: str) -> object:
            query = {"$text": {"$search": text}, "is_available": True, "$or": given}
            score = {"score": {"$meta": "textScore"}}
            return list(items.find(query, {"_id": 1, **score}).sort(list(score.items())).limit(20))

        for name, texts in {
            "a common word": _common,
            "a rare word": _rare,
            "a phrase": _phrase,
        }.items():
            p50, p99 = _durations(texts(words)[:40], ask)
            yield told(f"search, MongoDB's text index, {PEER:,} items, {name}, p50", p50, "ms")
            yield told(f"search, MongoDB's text index, {PEER:,} items, {name}, p99", p99, "ms")
        client.drop_database("bench_search")


def _mongo_document(item: IndexedItem) -> dict[str, Any]:
    stemmer = {"en": "english", "de": "german", "fr": "french"}.get(item.language, "none")
    return {
        "_id": item.id,
        "run_ids": list(item.run_ids),
        "is_available": item.is_available,
        "is_for_all": item.is_for_all,
        "stemmer": stemmer,
        "title": item.title,
        "text": item.text,
    }


def _folder() -> Path:
    rig.FOLDER.mkdir(parents=True, exist_ok=True)
    return rig.FOLDER
