"""The metrics of the library."""

from prometheus_client import Counter, Gauge

from services.library.domain.renditions import ORIGINAL, WEIGHTS

S3_CALLS = Counter(
    "tandem_library_s3_calls",
    "Calls to the S3 store, by outcome: answered, away.",
    ["outcome"],
)
for outcome in ("answered", "away"):
    S3_CALLS.labels(outcome)  # so that the series exists, as zero, before the first call

SEARCH_AGE = Gauge(
    "tandem_library_search_age_seconds",
    "Seconds for which a change may be missing in this replica's search index.",
)
SEARCH_DOCUMENTS = Gauge("tandem_library_search_documents", "Items in this replica's search index.")
SEARCH_FAILURES = Counter(
    "tandem_library_search_failures",
    "Attempts to bring the search index up to date that failed.",
)
READS = Counter(
    "tandem_library_reads",
    "URLs given to read an item, by rendition: original, or what is made of items.",
    ["rendition"],
)
for rendition in (ORIGINAL, *WEIGHTS):
    READS.labels(rendition)
