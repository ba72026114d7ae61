"""What only notify measures."""

from prometheus_client import Counter, Gauge

MAILS = Counter(
    "tandem_notify_mails",
    "Tries to send a mail, by outcome: accepted, refused, put_off, away, unknown, withheld.",
    ["outcome"],
)
MAILS_ABANDONED = Counter(
    "tandem_notify_mails_abandoned", "Mails given up because their sender ended while it sent them."
)
OLDEST_MAIL = Gauge(
    "tandem_notify_oldest_mail_seconds",
    "Age of the oldest mail that waits, by the clock that people plan by.",
)
