"""The metrics of progress alone."""

from prometheus_client import Counter, Histogram

MINUTE, HOUR, DAY = 60, 3600, 86400

RECORDING_PLAYABLE = Histogram(
    "tandem_progress_recording_playable_seconds",
    "Seconds from a class's end until its recording could be played, or until Tandem stopped "
    "waiting for it, by the application's clock.",
    buckets=(
        *(MINUTE, 5 * MINUTE, 15 * MINUTE, 30 * MINUTE),
        *(HOUR, 2 * HOUR, 4 * HOUR, 8 * HOUR, DAY, 2 * DAY, 7 * DAY),
    ),
)
DOCUMENTS_REFUSED = Counter(
    "tandem_progress_xapi_documents_refused",
    "Requests that would have changed or read a document of the LRS, refused because it is not as"
    " the request assumes (precondition), or because there is no room for it (too_large).",
    ["reason"],
)
for reason in ("precondition", "too_large"):
    DOCUMENTS_REFUSED.labels(reason)  # creates the series with zero
DEFINITIONS = Counter(
    "tandem_progress_xapi_definitions",
    "Definitions of activities that statements told and that were new: stored, or lost because"
    " others changed the same one at the same time.",
    ["outcome"],
)
for outcome in ("stored", "lost"):
    DEFINITIONS.labels(outcome)
LRS_STATEMENTS = Counter(
    "tandem_progress_xapi_statements",
    "New statements that the LRS stored: of a learner's progress, or other ones.",
    ["kind"],
)
for kind in ("progress", "other"):
    LRS_STATEMENTS.labels(kind)
CMI5_SESSIONS = Counter(
    "tandem_progress_cmi5_sessions",
    "Sessions of units of cmi5: launched, and ended by the unit (terminated) or by the learner's"
    " next launch (abandoned).",
    ["event"],
)
for event in ("launched", "terminated", "abandoned"):
    CMI5_SESSIONS.labels(event)
CMI5_REFUSED = Counter(
    "tandem_progress_cmi5_refused",
    "Statements of sessions of cmi5 that were refused, by the rule that they break: a statement may"
    " break several.",
    ["rule"],
)
for rule in ("context", "order", "timestamp", "object", "verb", "result", "ended"):
    CMI5_REFUSED.labels(rule)
FELL_BEHIND = Counter(
    "tandem_progress_fell_behind",
    "Reasons for which learners fell behind: a learner may have several.",
    ["reason"],
)
RECOVERED = Counter(
    "tandem_progress_recovered", "Learners who had fallen behind, and are not behind any more."
)
