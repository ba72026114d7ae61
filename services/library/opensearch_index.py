"""The index that all replicas share: OpenSearch.

The functions that make requests and read answers are pure; `OpenSearchIndex` sends them.
"""

import ssl
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import wraps
from typing import Any, TypeVar

from opensearchpy import NotFoundError, OpenSearch, OpenSearchException, RequestError, helpers

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
from services.library.ports import IndexAway, IndexPosition

T = TypeVar("T")
Body = dict[str, Any]

VERSION = 1
"""Of the mapping, and of the rules by which texts become words; another one has an index of its
own, so an older release keeps its index during an upgrade."""
# The document with the index's position. Items' ids are UUIDs.
POSITION = "position"
MOST_NAMED = 1_000_000
"""How many ids the reading lists of a person may have."""
TIMEOUT = 10
"""Seconds for a request."""
# Lucene has Snowball's stemmers by these names, another one for Greek, and none for Tamil.
_FILTERS: Mapping[str, Body] = {
    stemmer: {"type": "snowball", "language": stemmer.capitalize()}
    for stemmer in sorted({*STEMMERS.values()} - {"greek", "tamil"})
} | {"greek": {"type": "stemmer", "language": "greek"}}
_PLAIN = {"type": "custom", "tokenizer": "whitespace", "filter": []}


def _calling(method: Callable[..., T]) -> Callable[..., T]:
    """Return the method with the client's errors turned into IndexAway."""

    @wraps(method)
    def call(*args: Any, **kwargs: Any) -> T:
        try:
            return method(*args, **kwargs)
        except OpenSearchException as error:
            raise IndexAway(repr(error)[:300]) from error

    return call


class OpenSearchIndex:
    """An index in a cluster, which all replicas search and one of them feeds."""

    def __init__(self, url: str, name: str, authority: str = "") -> None:
        """`url`: https://user:password@host:port; `name`: of the index, without its version;
        `authority`: the certificates, in PEM, by which the cluster's is trusted; "": the system's.
        Sends no request yet.
        """
        self._name = f"{name.lower()}-v{VERSION}"
        self._client = OpenSearch(
            [url],
            timeout=TIMEOUT,
            max_retries=1,
            retry_on_timeout=True,
            ssl_context=ssl.create_default_context(cadata=authority) if authority else None,
        )
        self._is_complete = False

    @property
    def is_complete(self) -> bool:
        """Return whether the index once had all changes; asks until it has."""
        if not self._is_complete:
            position = self.position
            self._is_complete = position is not None and position.is_complete
        return self._is_complete

    @property
    @_calling
    def position(self) -> IndexPosition | None:
        """Return what was committed last; None if the index is new. Creates it if it is missing."""
        try:
            found = self._client.get(index=self._name, id=POSITION)
        except NotFoundError:
            self._create()
            return None
        return IndexPosition.from_row(found["_source"]["position"])

    def _create(self) -> None:
        try:
            self._client.indices.create(index=self._name, body=settings_body())
        except RequestError as error:  # it exists; perhaps another replica was faster
            if error.error != "resource_already_exists_exception":
                raise

    @property
    @_calling
    def documents(self) -> int:
        """Return how many items can be found."""
        body = {"query": {"exists": {"field": "kind"}}}
        return int(self._client.count(index=self._name, body=body)["count"])

    @_calling
    def put(self, items: Iterable[IndexedItem]) -> None:
        """Add items, or replace them."""
        _, errors = helpers.bulk(
            self._client, map(action, items), index=self._name, raise_on_error=False
        )
        # A conflict: another replica put a newer state of the item.
        failed = [each for each in errors if each["index"]["status"] != 409]
        if failed:
            raise IndexAway(f"{len(failed)} items were refused, the first: {failed[0]!r:.300}")

    @_calling
    def commit(self, position: IndexPosition) -> None:
        """Let what was put be found, and remember how far that is."""
        self._client.indices.refresh(index=self._name)
        self._client.index(index=self._name, id=POSITION, body={"position": position.as_row()})

    @_calling
    def clear(self) -> None:
        """Remove everything, and begin anew."""
        self._is_complete = False
        self._client.indices.delete(index=self._name, ignore_unavailable=True)
        self._create()

    def close(self) -> None:
        """Close the connections."""
        self._client.close()

    @_calling
    def search(self, query: SearchQuery) -> Found:
        """Return the best hits, and facets if they are wanted."""
        return found_in(self._client.search(index=self._name, body=search_body(query)), query)


def settings_body() -> Body:
    """Return the settings and the mapping of the index."""
    analyzers = {
        stemmer: {**_PLAIN, "filter": [f"stem_{stemmer}"] if stemmer in _FILTERS else []}
        for stemmer in _stemmers()
    }
    words = {"type": "text", "analyzer": UNDETERMINED}
    keywords = ("id", "kind", "language", "versions", "run_ids", "uploaded_by")
    properties: Body = {
        **{name: {"type": "keyword"} for name in keywords},
        "is_available": {"type": "boolean"},
        "is_for_all": {"type": "boolean"},
        "not_before": {"type": "date", "format": "epoch_millis"},
        "title": {**words, "index_options": "freqs"},
        "text": words,
        "position": {"type": "object", "enabled": False},
        # An item has the words of its text in one of these fields.
        **{
            f"stems_{stemmer}": {"type": "text", "analyzer": stemmer, "index_options": "freqs"}
            for stemmer in _stemmers()
        },
    }
    return {
        "settings": {
            "index.max_terms_count": MOST_NAMED,
            "analysis": {
                "analyzer": analyzers,
                "filter": {f"stem_{name}": each for name, each in _FILTERS.items()},
            },
        },
        "mappings": {"dynamic": "strict", "properties": properties},
    }


def action(item: IndexedItem) -> Body:
    """Return the bulk action that puts an item, unless a newer state of it is there."""
    source: Body = {
        "id": item.id,
        "kind": item.kind,
        "language": item.language,
        "versions": item.versions,
        "run_ids": item.run_ids,
        "uploaded_by": item.uploaded_by,
        "is_available": item.is_available,
        "is_for_all": item.is_for_all,
        "title": item.title,
        "text": item.text,
        f"stems_{STEMMERS.get(item.language, UNDETERMINED)}": item.text,
    }
    if item.not_before is not None:
        source["not_before"] = int(item.not_before.timestamp() * 1000)
    return {
        "_op_type": "index",
        "_id": item.id,
        "_source": source,
        "version": int(item.changed_at.timestamp() * 1000),
        "version_type": "external_gte",
    }


def search_body(query: SearchQuery) -> Body:
    """Return the body of a search, as `tantivy_index` asks it too."""
    stemmers = sorted({STEMMERS.get(each, UNDETERMINED) for each in query.languages})
    fields = [f"stems_{stemmer}" for stemmer in stemmers or _stemmers()]
    sought = query.sought
    titles = [word for term in sought.wanted for word in term.words]
    body: Body = {
        "query": {
            "bool": {
                "must": [_term(term, fields) for term in sought.wanted],
                "must_not": [_term(term, fields) for term in sought.unwanted],
                "should": [{"term": {"title": {"value": each, "boost": TITLE}}} for each in titles],
                "filter": list(_filters(query)),
            }
        },
        "from": query.offset,
        "size": query.size + 1,
        "sort": [{"_score": "desc"}, {"id": "asc"}],
        "track_scores": True,
        "track_total_hits": False,
        "_source": False,
    }
    if query.with_facets:
        body["aggs"] = {
            name: {"terms": {"field": name, "size": MOST_FACETS}} for name in ("kind", "language")
        }
    return body


def found_in(answer: Mapping[str, Any], query: SearchQuery) -> Found:
    """Return what an answer of OpenSearch tells."""
    rows = answer["hits"]["hits"]
    hits = tuple(Hit(row["_id"], row["_score"]) for row in rows[: query.size])
    counts = answer.get("aggregations", {})
    return Found(
        hits, len(rows) <= query.size, _facets(counts, "kind"), _facets(counts, "language")
    )


def _facets(counts: Mapping[str, Any], name: str) -> tuple[Facet, ...]:
    buckets = counts[name]["buckets"] if name in counts else ()
    return tuple(Facet(row["key"], row["doc_count"]) for row in buckets)


def _stemmers() -> list[str]:
    return sorted({UNDETERMINED, *STEMMERS.values()})


def _term(term: Term, fields: Sequence[str]) -> Body:
    if len(term.words) > 1:
        return {"match_phrase": {"text": " ".join(term.words)}}
    (word,) = term.words
    if term.exact:
        return {"term": {"text": word}}
    return _any([{"match": {field: word}} for field in fields])


def _filters(query: SearchQuery) -> Iterable[Body]:
    if query.kinds:
        yield {"terms": {"kind": list(query.kinds)}}
    if query.languages:
        yield {"terms": {"language": list(query.languages)}}
    if query.given is not None:
        yield _any(_of_runs(query.given))
    if query.scope is not None:
        yield _seen(query.scope)


def _seen(scope: Scope) -> Body:
    """Return the query for what a person sees, as `queries.seen` is for MongoDB."""
    now = int(scope.now.timestamp() * 1000)
    open_to_learners = {
        "bool": {
            "filter": [
                _any([*_of_runs(scope.learner), {"term": {"is_for_all": True}}]),
                {"term": {"is_available": True}},
            ],
            "must_not": [{"range": {"not_before": {"gt": now}}}],
        }
    }
    own = {"term": {"uploaded_by": scope.person_id}}
    return _any([own, *_of_runs(scope.staff), open_to_learners])


def _of_runs(given: Given) -> list[Body]:
    among = {"run_ids": given.run_ids, "versions": given.item_ids}
    return [{"terms": {field: list(values)}} for field, values in among.items()]


def _any(queries: Sequence[Body]) -> Body:
    return {"bool": {"should": list(queries), "minimum_should_match": 1}}
