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
FELL_BEHIND = Counter(
    "tandem_progress_fell_behind",
    "Reasons for which learners fell behind: a learner may have several.",
    ["reason"],
)
RECOVERED = Counter(
    "tandem_progress_recovered", "Learners who had fallen behind, and are not behind any more."
)
