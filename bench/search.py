"""How long a search takes in generated libraries, beside MongoDB's own text index.

Ours is the whole way of a request but the edge: a person's runs and reading lists, the index, and
the items from MongoDB. Words follow Zipf's law. Every query is a learner's with 8 runs, who may
read one item in a hundred, unless its name says otherwise.
"""

import itertools
import os
import random
import tempfile
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from functools import partial
from pathlib import Path
from statistics import quantiles
from typing import Any

import psutil
from pymongo import TEXT

from bench import rig
from bench.figures import Figure, at_most, told
from campus.parallel import chunks
from chassis.clock import SystemClock
from chassis.contracts.mapping import to_document
from chassis.data.store import Database, connect
from services.library import searching
from services.library.domain.enums import Access, ItemKind, ItemState
from services.library.domain.items import Item, Metadata, Rendition
from services.library.indexing import Indexer
from services.library.queries import seen
from services.library.searching import search_page
from services.library.store import LibraryStore
from services.library.tantivy_index import TantivyIndex
from services.library.usecases import reading
from services.library.usecases.search import SearchItems

SMALL = 10_000
LARGE = int(os.environ.get("BENCH_ITEMS", "1000000"))
PEER = min(LARGE, 300_000)
"""MongoDB takes too long to build a larger text index for a benchmark."""
VOCABULARY, RUNS, QUERIES, PEER_QUERIES = 50_000, 5_000, 300, 60
LANGUAGES = ["en"] * 6 + ["de"] * 2 + ["fr", ""]
DESCRIPTION, LONG = 60, 1_000
"""Words of an item, and of one item in twenty."""
LEARNER, AVID, OFFICE = "ada", "avid", ""
"""A learner whose runs name 400 items, one whose runs name 5,000, and one who sees everything."""
GOAL = 100.0
"""Milliseconds of p99."""
BATCH, CHANGED = 5_000, 1_000
NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
DATABASE = "bench_search"

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
    with _library(count, words) as database, _folder() as folder:
        index = TantivyIndex(folder)
        # No item has an extracted text, so no file is read.
        indexer = Indexer(database, None, index)  # type: ignore[arg-type]
        begun = time.perf_counter()
        indexer.catch_up()
        yield "put into a new index", (count / (time.perf_counter() - begun), "items/s")
        yield "size of the index", (_size(folder) / 2**20, "MiB")
        for name, (texts, reader_id, more) in ASKS.items():
            ask = partial(_search, database, indexer, reader_id, more)
            for share, value in zip(("p50", "p99"), _durations(texts(words), ask), strict=True):
                yield f"{name}, {share}", (value, "ms")
        yield "memory, without the pages of its files", (_memory() / 2**20, "MiB")
        changed = {"$set": {"changed_at": datetime.now(UTC)}}
        database.mongo["items"].update_many({"_id": {"$lt": _id(CHANGED)}}, changed)
        begun = time.perf_counter()
        indexer.catch_up()
        yield f"a pass with {CHANGED:,} changes", (time.perf_counter() - begun, "s")
        indexer.close()


def _search(
    database: Database[LibraryStore], indexer: Indexer, reader_id: str, more: Any, text: str
) -> None:
    command = SearchItems(query=text, facets=more.get("facets", False))
    offset = more.get("offset")
    token = searching.token_after(offset, command, reader_id) if offset else ""
    search_page(database.reader(), indexer.search, command, reader_id, 0, token)


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


ASKS: dict[str, tuple[Callable[[Words], list[str]], str, dict[str, Any]]] = {
    "a common word": (_common, LEARNER, {}),
    "a rare word": (_rare, LEARNER, {}),
    "two words": (_two, LEARNER, {}),
    "a phrase": (_phrase, LEARNER, {}),
    "a common word with facets": (_common, LEARNER, {"facets": True}),
    "a common word, the last page": (_common, LEARNER, {"offset": 980}),
    "a common word, 5,000 named items": (_common, AVID, {}),
    "a common word, everything": (_common, OFFICE, {}),
    "a common word, everything with facets": (_common, OFFICE, {"facets": True}),
}


@contextmanager
def _library(count: int, words: Words) -> Iterator[Database[LibraryStore]]:
    """A database with generated items, and the runs of two learners."""
    with connect(rig.environment()["TANDEM_MONGO_URL"], "bench") as client:
        client.drop_database(DATABASE)
        database = Database(client, DATABASE, LibraryStore, SystemClock())
        database.prepare()
        for batch in chunks(_items(count, words), BATCH):
            rows = [{**to_document(each), "changed_at": NOW} for each in batch]
            database.mongo["items"].insert_many(rows, ordered=False)
        for person, named in ((LEARNER, 400), (AVID, 5_000)):
            for number in range(8):
                run_id = f"run-{number}" if person == LEARNER else f"run-{number + 8}"
                enrolled = {"run_id": run_id, "learner_id": person, "state": "ENROLLED"}
                database.mongo["enrolments"].insert_one({**enrolled, "sequence": 1})
                items = [_id(each * (count // named)) for each in range(number, named, 8)]
                database.mongo["shelves"].insert_one({"_id": run_id, "item_ids": items})
        yield database
        client.drop_database(DATABASE)


def _id(number: int) -> str:
    return f"01980000-0000-7000-8000-{number:012d}"


def _items(count: int, words: Words) -> Iterator[Item]:
    chance, kinds = random.Random(2), list(ItemKind)
    file = Rendition(name="original", media_type="application/pdf", size=1, sha256="0" * 64)
    for number in range(count):
        text = words.some(LONG if number % 20 == 0 else DESCRIPTION)
        yield Item(
            id=_id(number),
            kind=chance.choice(kinds),
            metadata=Metadata(
                title=" ".join(text[:6]),
                description=" ".join(text[6:]),
                language=chance.choice(LANGUAGES),
            ),
            state=ItemState.AVAILABLE if number % 50 else ItemState.RETIRED,
            access=Access.RUNS if number % 100 else Access.ALL,
            run_ids=(f"run-{chance.randrange(RUNS)}",),
            renditions=(file,),
            uploaded_by=f"person-{number % 1000}",
            created_at=NOW,
            promised=file,
        )


def _mongodb(words: Words) -> Iterator[Figure]:
    """MongoDB's text index over titles and descriptions, with the same rights as a filter.

    It tells the first 20 hits by their score, as ours does.
    """
    with _library(PEER, words) as database:
        items = database.mongo["items"]
        described = [("metadata.title", TEXT), ("metadata.description", TEXT)]
        items.create_index(described, language_override="none", default_language="none")
        scored = {"score": {"$meta": "textScore"}}

        def ask(text: str) -> object:
            visible = seen(reading.scope(database.reader(), LEARNER))
            found = items.find({"$and": [{"$text": {"$search": text}}, visible]}, scored)
            return list(found.sort(list(scored.items())).limit(searching.DEFAULT_SIZE))

        asks = {"a common word": _common, "a rare word": _rare, "a phrase": _phrase}
        for name, texts in asks.items():
            p50, p99 = _durations(texts(words)[:PEER_QUERIES], ask)
            yield told(f"search, MongoDB's text index, {PEER:,} items, {name}, p50", p50, "ms")
            yield told(f"search, MongoDB's text index, {PEER:,} items, {name}, p99", p99, "ms")


@contextmanager
def _folder() -> Iterator[Path]:
    rig.FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=rig.FOLDER) as folder:
        yield Path(folder)


def _size(folder: Path) -> int:
    return sum(each.stat().st_size for each in folder.rglob("*") if each.is_file())


def _memory() -> int:
    """Return the bytes of this process, without the words, which ours does not need."""
    found = psutil.Process().memory_info()
    return int(found.rss - found.shared)
