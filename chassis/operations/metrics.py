"""Every metric of the chassis: name, meaning, labels, unit.

All are on each role's `/metrics`; those that a role does not set stay empty there.
"""

from collections.abc import Mapping
from importlib.metadata import PackageNotFoundError, version
from typing import NamedTuple

from prometheus_client import Counter, Gauge, Histogram

_FAST = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30)

# Every role.
BUILD = Gauge("tandem_build_info", "1; the labels name what runs.", ["service", "role", "version"])

READY = Gauge(
    "tandem_ready",
    "1 while this part of a role is ready, as /ready reports: mongodb, rabbitmq, serving.",
    ["service", "role", "part"],
)


# The edge: gRPC and HTTP.
class RequestMetrics(NamedTuple):
    """The metrics of the requests of one protocol."""

    requests: Counter
    exhausted: Counter
    seconds: Histogram


_EXHAUSTED = (
    "Refused calls, by the limit: places (calls of all callers), caller (one caller's share),"
    " bodies (the body arrived too slowly), turns (calls that wait to change the same thing),"
    " streams."
)
GRPC = RequestMetrics(
    Counter(
        "tandem_grpc_requests",
        "Calls that ended, by status code.",
        ["service", "method", "code"],
    ),
    Counter("tandem_grpc_exhausted", _EXHAUSTED, ["service", "of"]),
    Histogram(
        "tandem_grpc_seconds",
        "Seconds from a call's first byte to its status; streams count until their end.",
        ["service", "method"],
        buckets=_FAST,
    ),
)
HTTP = RequestMetrics(
    Counter(
        "tandem_http_requests",
        "HTTP requests that ended, by status code, with gRPC's names.",
        ["service", "method", "code"],
    ),
    Counter("tandem_http_exhausted", _EXHAUSTED, ["service", "of"]),
    Histogram(
        "tandem_http_seconds",
        "Seconds from a request's headers to its answer.",
        ["service", "method"],
        buckets=_FAST,
    ),
)
GRPC_STREAMS = Gauge("tandem_grpc_streams_open", "Streams that are open now.", ["service"])

# Units of work.
CONFLICTS = Counter(
    "tandem_transaction_conflicts",
    "Transactions that were repeated after a conflict, by the kind of thing that they contend for.",
    ["kind"],
)

# The relay.
OUTBOX_DEPTH = Gauge("tandem_outbox_depth", "Events that wait in the outbox.", ["service"])
OUTBOX_OLDEST = Gauge(
    "tandem_outbox_oldest_seconds", "Age of the oldest event in the outbox.", ["service"]
)
OUTBOX_PARKED = Gauge(
    "tandem_outbox_parked",
    "Parked events: no queue received them, and a person must act.",
    ["service"],
)
RELAY_LANES = Gauge("tandem_relay_lanes", "Lanes of the outbox that this relay holds.", ["service"])
RELAY_PUBLISHED = Counter(
    "tandem_relay_published", "Events that the broker confirmed.", ["service", "type"]
)
RELAY_RETURNED = Counter(
    "tandem_relay_returned",
    "Events that the broker returned, because no queue received them.",
    ["service"],
)
RELAY_CONFIRM_SECONDS = Histogram(
    "tandem_relay_confirm_seconds",
    "Seconds from an event's publication to the broker's confirm.",
    ["service"],
    buckets=_FAST,
)

# The worker.
BATCH_SIZE = Histogram(
    "tandem_batch_size",
    "Deliveries in a batch.",
    ["subscription"],
    buckets=(1, 2, 5, 10, 20, 50, 100, 200, 500),
)
HANDLER_SECONDS = Histogram(
    "tandem_handler_seconds",
    "Seconds from the decoding of a batch's first delivery to the batch's commit.",
    ["subscription"],
    buckets=_FAST,
)
DISPOSITIONS = Counter(
    "tandem_verdicts",
    "Deliveries by disposition: applied, repeat, wait, retry, drop (dead letter), undecodable.",
    ["subscription", "verdict"],
)
EVENT_LAG = Histogram(
    "tandem_event_lag_seconds",
    "Seconds of the system's clock from an event's creation to its committed effect.",
    ["type", "subscription"],
    buckets=(*_FAST, 60, 300, 3600),
)
WAITING = Gauge(
    "tandem_waiting",
    "Events of a subscription that wait for an event of another service.",
    ["subscription"],
)
WAITING_OLDEST = Gauge(
    "tandem_waiting_oldest_seconds",
    "Seconds for which the oldest waiting event of a subscription has waited.",
    ["subscription"],
)
DEAD_LETTERS = Gauge("tandem_dead_letters", "Dead letters of a queue.", ["queue"])
PARTITIONS = Gauge(
    "tandem_partitions_consumed",
    "Queues of a partitioned subscription that this worker consumes, including the plain one.",
    ["subscription"],
)
TIMER_FAILURES = Counter("tandem_timer_failures", "Runs of a timer that failed.", ["timer"])
JOBS_CLAIMED = Counter("tandem_jobs_claimed", "Jobs that were claimed.", ["jobs", "lane"])
JOBS_DONE = Counter("tandem_jobs_done", "Jobs that are done for good.", ["jobs", "lane"])
JOBS_FAILED = Counter(
    "tandem_jobs_failed", "Failed attempts of jobs; they are retried later.", ["jobs", "lane"]
)
JOBS_OLDEST = Gauge(
    "tandem_jobs_oldest_seconds",
    "Seconds for which the oldest job of a lane has been due and not claimed.",
    ["jobs", "lane"],
)

# The archiver.
HISTORY_AGE_SECONDS = Gauge(
    "tandem_history_age_seconds",
    "Age of the message that was the oldest of the history at the last look; 0 if there was none.",
)
ARCHIVE_LEADING = Gauge(
    "tandem_archive_leading", "1 where this archiver holds the lease, 0 where it waits for it."
)
ARCHIVE_LAG_EVENTS = Gauge(
    "tandem_archive_lag_events",
    "Events that the history had at the last look, and the archive does not have yet.",
)
ARCHIVE_LAG_SECONDS = Gauge(
    "tandem_archive_lag_seconds", "Age of the oldest of these events; 0 if there is none."
)
ARCHIVE_EVENTS = Counter("tandem_archive_events", "Events that were archived.")
ARCHIVE_SEALED = Counter(
    "tandem_archive_sealed_events",
    "Events with personal fields that were archived: sealed, or erased (without these fields,"
    " because a key was thrown away).",
    ["outcome"],
)
ARCHIVE_LOST = Counter(
    "tandem_archive_lost_offsets",
    "Offsets that the history had already deleted when this archiver wanted to archive them.",
)
ARCHIVE_FAILURES = Counter(
    "tandem_archive_failures",
    "Rounds of the archiver that failed: away (a server did not answer), other_stream (the history"
    " is not the one that was archived before), damaged (the newest segment can't be read, or an"
    " object was set aside).",
    ["reason"],
)


# A process is one role of one service.
_who = ("", "")


def report_build(service: str, role: str) -> None:
    """Report on `/metrics` which service, role and version this process runs."""
    global _who
    _who = service, role
    BUILD.labels(service, role, build()).set(1)


def report_ready(parts: Mapping[str, bool]) -> None:
    """Report on `/metrics` which parts are ready; the parts of the start-up keep their last
    value.
    """
    for part, can in parts.items():
        READY.labels(*_who, part).set(can)


def build() -> str:
    """Return the installed version of Tandem; "unknown" if it is not installed."""
    try:
        return version("tandem")
    except PackageNotFoundError:
        return "unknown"
