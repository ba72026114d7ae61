"""What OpenSearch is asked. No cluster runs here: these tests check requests and answers by the
forms of OpenSearch's documentation.
"""

import json
import ssl
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from tempfile import NamedTemporaryFile
from threading import Thread
from typing import Any

import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec

from services.library.domain.enums import ItemKind
from services.library.domain.search import (
    STEMMERS,
    Facet,
    Found,
    Given,
    Hit,
    IndexedItem,
    Scope,
    SearchQuery,
    parse,
)
from services.library.opensearch_index import (
    OpenSearchIndex,
    action,
    found_in,
    search_body,
    settings_body,
)
from services.library.ports import IndexAway

NOW = datetime(2026, 3, 2, 9, tzinfo=UTC)
MILLIS = 1_772_442_000_000
SCOPE = Scope("ada", Given(["r1"], ["i1"]), Given(["r2"], []), NOW)
QUERY = SearchQuery(
    sought=parse('motion "of bodies" "exact" -air'),
    scope=SCOPE,
    kinds=[ItemKind.PDF],
    languages=["de", "ja"],
    given=Given(["r3"], ["i3"]),
    offset=40,
    size=20,
    with_facets=True,
)
ITEM = IndexedItem(
    id="i1",
    versions=("i1", "i0"),
    kind=ItemKind.PDF,
    language="de",
    is_available=True,
    is_for_all=False,
    run_ids=("r1",),
    uploaded_by="curie",
    not_before=NOW + timedelta(milliseconds=5),
    title="motion",
    text="motion of bodies",
    changed_at=NOW,
)


def fields_in(query: Any) -> Iterator[str]:
    """The fields that a query names."""
    if isinstance(query, list):
        for each in query:
            yield from fields_in(each)
    elif isinstance(query, dict):
        for name, inner in query.items():
            if name in {"term", "terms", "match", "match_phrase", "range"}:
                yield from inner
            else:
                yield from fields_in(inner)


def test_a_query_names_mapped_fields() -> None:
    """Every field that a query or an item has is in the mapping, which is strict."""
    mapping = settings_body()["mappings"]
    assert mapping["dynamic"] == "strict"
    known = mapping["properties"].keys()
    assert set(fields_in(search_body(QUERY)["query"])) <= known
    for language in (*STEMMERS, "ja"):
        assert set(search_body(SearchQuery(sought=QUERY.sought, languages=[language]))) <= {
            "query", "from", "size", "sort", "track_scores", "track_total_hits", "_source",
        }  # fmt: skip
    assert action(ITEM)["_source"].keys() <= known


def test_every_analyzer_is_defined() -> None:
    """A text field's analyzer is defined, and so are its filters."""
    body = settings_body()
    analysis = body["settings"]["analysis"]
    for field in body["mappings"]["properties"].values():
        if field["type"] == "text":
            analyzer = analysis["analyzer"][field["analyzer"]]
            assert set(analyzer["filter"]) <= analysis["filter"].keys()


def test_a_query_is_cut_to_its_scope() -> None:
    """The scope is a filter, which does not score: own items, staff's runs in every state, and what
    is open to the learner.
    """
    *_, scope = search_body(QUERY)["query"]["bool"]["filter"]
    own, runs, named, learner = scope["bool"]["should"]
    assert scope["bool"]["minimum_should_match"] == 1
    assert own == {"term": {"uploaded_by": "ada"}}
    assert (runs, named) == ({"terms": {"run_ids": ["r2"]}}, {"terms": {"versions": []}})
    assert learner["bool"]["must_not"] == [{"range": {"not_before": {"gt": MILLIS}}}]
    given, available = learner["bool"]["filter"]
    assert available == {"term": {"is_available": True}}
    assert given["bool"]["should"] == [
        {"terms": {"run_ids": ["r1"]}},
        {"terms": {"versions": ["i1"]}},
        {"term": {"is_for_all": True}},
    ]
    assert search_body(SearchQuery(sought=QUERY.sought))["query"]["bool"]["filter"] == []


def test_a_query_asks_for_all_words() -> None:
    """A word by the stems of the wanted languages, a phrase and an exact word as written; a page
    asks for one hit more, so that the last page is known.
    """
    body = search_body(QUERY)
    word, phrase, exact = body["query"]["bool"]["must"]
    assert word["bool"]["should"] == [
        {"match": {"stems_german": "motion"}},
        {"match": {"stems_und": "motion"}},
    ]
    assert phrase == {"match_phrase": {"text": "of bodies"}}
    assert exact == {"term": {"text": "exact"}}
    assert len(body["query"]["bool"]["must_not"]) == 1
    assert (body["from"], body["size"]) == (40, 21)


def test_an_older_state_replaces_no_newer_one() -> None:
    """The version of an item is when it was changed, in milliseconds; an embargo is so, too."""
    sent = action(ITEM)
    assert (sent["version"], sent["version_type"]) == (MILLIS, "external_gte")
    assert sent["_source"]["not_before"] == MILLIS + 5
    assert sent["_source"]["stems_german"] == ITEM.text


@pytest.mark.parametrize("body", [search_body(QUERY), settings_body(), action(ITEM)])
def test_bodies_are_json(body: Any) -> None:
    """Every body can be sent as JSON."""
    assert json.loads(json.dumps(body))


def test_an_answer_is_read() -> None:
    """Hits in their order, without the one more that tells of a next page, and facets if there are
    any.
    """
    rows = [{"_id": f"i{number}", "_score": 3.0 - number} for number in range(3)]
    answer = {
        "hits": {"hits": rows},
        "aggregations": {
            "kind": {"buckets": [{"key": "PDF", "doc_count": 3}]},
            "language": {"buckets": []},
        },
    }
    two = SearchQuery(sought=QUERY.sought, size=2)
    hits = (Hit("i0", 3.0), Hit("i1", 2.0))
    assert found_in(answer, two) == Found(hits, False, (Facet("PDF", 3),), ())
    assert found_in({"hits": {"hits": []}}, two) == Found((), True)


class Cluster(BaseHTTPRequestHandler):
    """Answers as an OpenSearch that has no document."""

    def do_POST(self) -> None:
        """404, as for an index that is new."""
        self.send_response(404)
        self.send_header("content-length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        """Say nothing."""


@pytest.fixture(scope="module")
def authority() -> Iterator[tuple[str, int]]:
    """A self-signed certificate in PEM, and the port of a server with it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "tandem-opensearch")])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder(name, name, key.public_key(), x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("localhost")]), critical=False)
        .sign(key, hashes.SHA256())
        .public_bytes(serialization.Encoding.PEM)
    )
    server = ThreadingHTTPServer(("127.0.0.1", 0), Cluster)
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    with NamedTemporaryFile() as file:
        file.write(certificate + _unencrypted(key))
        file.flush()
        context.load_cert_chain(file.name)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    thread = Thread(target=server.serve_forever, daemon=True)
    thread.start()
    yield certificate.decode(), server.server_port
    server.shutdown()
    server.server_close()
    thread.join()


def _unencrypted(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.private_bytes(
        serialization.Encoding.PEM,
        serialization.PrivateFormat.PKCS8,
        serialization.NoEncryption(),
    )


def test_a_cluster_is_trusted_by_the_certificate_that_is_given(authority: tuple[str, int]) -> None:
    """And by no other: without it, nothing is sent to the cluster."""
    certificate, port = authority
    url = f"https://library:secret@localhost:{port}"
    with pytest.raises(IndexAway, match=r"(?i)certificate"):
        assert OpenSearchIndex(url, "tests").documents
    with pytest.raises(IndexAway, match="404"):
        assert OpenSearchIndex(url, "tests", certificate).documents
