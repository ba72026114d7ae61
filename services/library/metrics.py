"""What only the library measures."""

from prometheus_client import Counter

S3_CALLS = Counter(
    "tandem_library_s3_calls",
    "Calls of the S3 store, by outcome: answered, away.",
    ["outcome"],
)
for outcome in ("answered", "away"):
    S3_CALLS.labels(outcome)  # zero is a figure, too
