"""The index of a replica, in a folder of its own: tantivy."""

import atexit
import fcntl
import json
import shutil
import tempfile
from collections.abc import Callable, Collection, Iterable, Sequence
from datetime import datetime
from functools import wraps
from pathlib import Path
from typing import Any, TypeVar

import structlog
from tantivy import (
    Document,
    FieldType,
    Filter,
    Index,
    IndexWriter,
    Occur,
    Query,
    Schema,
    SchemaBuilder,
    Searcher,
    TextAnalyzer,
    TextAnalyzerBuilder,
    Tokenizer,
)

from chassis.operations.settings import NO_FILE, SettingsError
from services.library.domain.search import (
    MOST_FACETS,
    STEMMERS,
    TITLE,
    UNDETERMINED,
    Facet,
    Found,
    Given,
    Hit,
    IndexedItem,
    Scope,
    SearchQuery,
    Term,
)
from services.library.ports import IndexBroken, IndexPosition

T = TypeVar("T")

VERSION = 1
"""Of the schema, and of the rules by which texts become words; an index of another one is built
anew."""
# Bytes for documents that are not written yet; a segment is written when they are used up.
HEAP = 48_000_000
POSITION = "position.json"
STEMMED = sorted({UNDETERMINED, *STEMMERS.values()})
_MUST, _SHOULD, _NOT = Occur.Must, Occur.Should, Occur.MustNot

log = structlog.get_logger()


def open_index(folder: Path) -> "TantivyIndex":
    """Return the index in a folder; NO_FILE: in a temporary one, which is removed at the end.

    Raises SettingsError if the folder can't be used.
    """
    if folder == NO_FILE:
        temporary = tempfile.TemporaryDirectory(prefix="tandem-search-")
        atexit.register(temporary.cleanup)
        folder = Path(temporary.name)
    try:
        return TantivyIndex(folder)
    except (OSError, IndexBroken) as error:
        raise SettingsError(
            f"TANDEM_SEARCH_FOLDER is {str(folder)!r}: {error}; wanted: a folder that this process"
            " may write, and no other process uses"
        ) from error


def _breaking(method: Callable[..., T]) -> Callable[..., T]:
    """Return the method with tantivy's errors turned into IndexBroken: ValueError, OSError, and
    the panics of Rust, which are no Exception.
    """

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> T:
        try:
            return method(*args, **kwargs)
        except BaseException as error:
            is_panic = type(error).__name__ == "PanicException"  # PyO3 exports no class
            if is_panic or isinstance(error, ValueError | OSError):
                raise IndexBroken(repr(error)[:300]) from error
            raise

    return call


class TantivyIndex:
    """An index in a folder that one process uses. One thread writes; any thread searches."""

    def __init__(self, folder: Path) -> None:
        """Open the index in a folder, or a new one if there is none, if it is of another version
        or damaged.

        Raises OSError if the folder can't be written, or another process uses it.
        """
        folder.mkdir(parents=True, exist_ok=True)
        self._folder = folder
        self._lock = (folder / "lock").open("w")
        fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        self._schema = _schema()
        self._writer: IndexWriter | None = None
        self._position = _position_in(self._data)
        if self._position is not None:
            try:
                self._open()
            except IndexBroken as error:
                log.warning("the search index is damaged; it is built anew", why=str(error))
                self._position = None
        if self._position is None:
            self.clear()

    @property
    def _data(self) -> Path:
        return self._folder / f"v{VERSION}"

    @_breaking
    def _open(self) -> None:
        self._index = Index(self._schema, str(self._data))
        for stemmer in STEMMED:
            self._index.register_tokenizer(stemmer, _analyzer(stemmer))
        self._writer = self._index.writer(HEAP, 1)
        self._index.config_reader("manual")
        self._index.reload()
        self._index.searcher().aggregate(Query.all_query(), _facets())  # reads every segment

    @_breaking
    def clear(self) -> None:
        """Remove everything, also what another version left, and begin anew."""
        self._position = self._writer = None
        for each in self._folder.iterdir():
            if each.is_dir():
                shutil.rmtree(each)
        self._data.mkdir()
        self._open()

    def close(self) -> None:
        """Release the folder. What was not committed is lost."""
        self._writer = None
        self._lock.close()

    @property
    def position(self) -> IndexPosition | None:
        """Return what was committed last; None if the index is new."""
        return self._position

    @property
    def is_complete(self) -> bool:
        """Return whether the index once had all changes, so that it answers queries."""
        return self._position is not None and self._position.is_complete

    @property
    def documents(self) -> int:
        """Return how many items can be found."""
        return self._searcher().num_docs

    @_breaking
    def put(self, items: Iterable[IndexedItem]) -> None:
        """Add items, or replace them."""
        writer = self._opened()
        for item in items:
            writer.delete_documents_by_term("id", item.id)
            writer.add_document(_document(item))

    @_breaking
    def commit(self, position: IndexPosition) -> None:
        """Let what was put be found, and remember how far that is."""
        self._opened().commit()
        self._index.reload()
        _write_position(self._data, position)
        self._position = position

    @_breaking
    def search(self, query: SearchQuery) -> Found:
        """Return the best hits, and facets if they are wanted."""
        searcher, built = self._searcher(), _Builder(self._schema).query(query)
        rows = searcher.search(built, query.size + 1, count=False, offset=query.offset).hits
        hits = tuple(Hit(searcher.doc(at)["id"][0], score) for score, at in rows[: query.size])
        is_last = len(rows) <= query.size
        if not query.with_facets:
            return Found(hits, is_last)
        counts = searcher.aggregate(built, _facets())
        return Found(hits, is_last, _told(counts["kind"]), _told(counts["language"]))

    def _opened(self) -> IndexWriter:
        if self._writer is None:
            raise IndexBroken("the index is not open")
        return self._writer

    def _searcher(self) -> Searcher:
        return self._index.searcher()


def _schema() -> Schema:
    builder = SchemaBuilder()
    builder.add_text_field("id", stored=True, tokenizer_name="raw", index_option="basic")
    for name in ("kind", "language"):
        builder.add_text_field(name, fast=True, tokenizer_name="raw", index_option="basic")
    for name in ("versions", "run_ids", "uploaded_by"):
        builder.add_text_field(name, tokenizer_name="raw", index_option="basic")
    builder.add_boolean_field("is_available", indexed=True)
    builder.add_boolean_field("is_for_all", indexed=True)
    builder.add_integer_field("not_before", indexed=True)
    builder.add_text_field("title", tokenizer_name=UNDETERMINED, index_option="freq")
    builder.add_text_field("text", tokenizer_name=UNDETERMINED)
    for stemmer in STEMMED:  # an item has the words of its text in one of these fields
        builder.add_text_field(f"stems_{stemmer}", tokenizer_name=stemmer, index_option="freq")
    return builder.build()


def _analyzer(stemmer: str) -> TextAnalyzer:
    words = TextAnalyzerBuilder(Tokenizer.whitespace())
    return (words if stemmer == UNDETERMINED else words.filter(Filter.stemmer(stemmer))).build()


_ANALYZERS = {stemmer: _analyzer(stemmer) for stemmer in STEMMED}


def _document(item: IndexedItem) -> Document:
    document = Document()
    document.add_text("id", item.id)
    document.add_text("kind", item.kind)
    document.add_text("language", item.language)
    document.add_text("uploaded_by", item.uploaded_by)
    for version in item.versions:
        document.add_text("versions", version)
    for run_id in item.run_ids:
        document.add_text("run_ids", run_id)
    document.add_boolean("is_available", item.is_available)
    document.add_boolean("is_for_all", item.is_for_all)
    if item.not_before is not None:
        document.add_integer("not_before", _instant(item.not_before))
    document.add_text("title", item.title)
    document.add_text("text", item.text)
    document.add_text(f"stems_{STEMMERS.get(item.language, UNDETERMINED)}", item.text)
    return document


class _Builder:
    """Makes queries of tantivy."""

    def __init__(self, schema: Schema) -> None:
        self._schema = schema

    def query(self, query: SearchQuery) -> Query:
        """Return the query for what is sought, within the filters and the scope."""
        stemmers = sorted({STEMMERS.get(each, UNDETERMINED) for each in query.languages}) or STEMMED
        parts = [(_MUST, self._term(term, stemmers)) for term in query.sought.wanted]
        parts += [(_NOT, self._term(term, stemmers)) for term in query.sought.unwanted]
        parts += [
            (_SHOULD, Query.boost_query(self._is("title", word), TITLE))
            for term in query.sought.wanted
            for word in term.words
        ]
        parts += [(_MUST, Query.const_score_query(each, 0.0)) for each in self._filters(query)]
        return Query.boolean_query(parts)

    def _term(self, term: Term, stemmers: Sequence[str]) -> Query:
        if len(term.words) > 1:
            return Query.phrase_query(self._schema, "text", list(term.words))
        (word,) = term.words
        if term.exact:
            return self._is("text", word)
        return _any(
            [
                self._is(f"stems_{stemmer}", stem)
                for stemmer in stemmers
                for stem in _ANALYZERS[stemmer].analyze(word)
            ]
        )

    def _filters(self, query: SearchQuery) -> Iterable[Query]:
        if query.kinds:
            yield self._among("kind", query.kinds)
        if query.languages:
            yield self._among("language", query.languages)
        if query.given is not None:
            yield _any(self._of_runs(query.given))
        if query.scope is not None:
            yield self._seen(query.scope)

    def _seen(self, scope: Scope) -> Query:
        """Return the query for what a person sees, as `queries.seen` is for MongoDB."""
        learner = [*self._of_runs(scope.learner), self._is("is_for_all", True)]
        embargoed = Query.range_query(
            self._schema,
            "not_before",
            FieldType.Integer,
            lower_bound=_instant(scope.now),
            include_lower=False,
            use_inverted_index=True,
        )
        open_to_learners = [
            (_MUST, _any(learner)),
            (_MUST, self._is("is_available", True)),
            (_NOT, embargoed),
        ]
        return _any(
            [
                self._is("uploaded_by", scope.person_id),
                *self._of_runs(scope.staff),
                Query.boolean_query(open_to_learners),
            ]
        )

    def _of_runs(self, given: Given) -> list[Query]:
        among = {"run_ids": given.run_ids, "versions": given.item_ids}
        return [self._among(field, values) for field, values in among.items() if values]

    def _is(self, field: str, value: str | bool) -> Query:
        return Query.term_query(self._schema, field, value)

    def _among(self, field: str, values: Collection[str]) -> Query:
        return Query.term_set_query(self._schema, field, list(values))


def _any(queries: Sequence[Query]) -> Query:
    return Query.boolean_query([(_SHOULD, query) for query in queries])


def _facets() -> dict[str, Any]:
    return {name: {"terms": {"field": name, "size": MOST_FACETS}} for name in ("kind", "language")}


def _told(counts: Any) -> tuple[Facet, ...]:
    return tuple(Facet(row["key"], row["doc_count"]) for row in counts["buckets"])


def _instant(at: datetime) -> int:
    """Return an instant in milliseconds, as MongoDB stores it."""
    return int(at.timestamp() * 1000)


def _position_in(folder: Path) -> IndexPosition | None:
    try:
        return IndexPosition.from_row(json.loads((folder / POSITION).read_text()))
    except (OSError, ValueError, KeyError, TypeError):
        return None


def _write_position(folder: Path, position: IndexPosition) -> None:
    """After a crash, a position may be older than the index: what is put twice is there once."""
    new = folder / f"{POSITION}.new"
    new.write_text(json.dumps(position.as_row()))
    new.replace(folder / POSITION)
