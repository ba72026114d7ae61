"""The metrics of the library."""

from prometheus_client import Counter, Gauge

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
