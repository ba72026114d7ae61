"""What only notify measures."""

from prometheus_client import Counter, Gauge, Histogram

from services.notify.domain.enums import BULK, URGENT
from services.notify.domain.messages import Outcome

MAILS = Counter(
    "tandem_notify_mails",
    "Tries to send a mail, by outcome: accepted, refused, put_off, away, unknown, withheld.",
    ["outcome"],
)
for outcome in Outcome:
    MAILS.labels(outcome.lower())  # zero is a figure, too
LATENESS = Histogram(
    "tandem_notify_lateness_seconds",
    "Seconds from a mail's queueing until the mail server took it, by the clock that people plan "
    "by; lanes are urgent and bulk.",
    ["lane"],
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 86400),
)
for lane in (URGENT, BULK):
    LATENESS.labels(lane)
MAILS_ABANDONED = Counter(
    "tandem_notify_mails_abandoned", "Mails given up because their sender ended while it sent them."
)
OLDEST_MAIL = Gauge(
    "tandem_notify_oldest_mail_seconds",
    "Age of the oldest mail that waits, by the clock that people plan by.",
)
