"""The metrics of notify."""

from prometheus_client import Counter, Gauge, Histogram

from services.notify.domain.bounces import BounceOutcome
from services.notify.domain.enums import BULK, BY_DEVICE, CROWD, DIGEST, URGENT
from services.notify.domain.messages import Outcome, lane_of
from services.notify.domain.webhooks import Outcome as WebhookOutcome

MAILS = Counter(
    "tandem_notify_mails",
    "Attempts to send a mail, by outcome: accepted, refused, put_off, away, unknown, withheld.",
    ["outcome"],
)
for outcome in Outcome:
    MAILS.labels(outcome.lower())  # so that the series exists, as zero, before the first mail
SMS = Counter(
    "tandem_notify_sms",
    "Attempts to send a text message, by outcome, as those of mails.",
    ["outcome"],
)
PUSHES = Counter(
    "tandem_notify_pushes",
    "Attempts to send a notification to a person's browsers, by outcome, as those of mails.",
    ["outcome"],
)
for outcome in Outcome:
    SMS.labels(outcome.lower())
    PUSHES.labels(outcome.lower())
LATENESS = Histogram(
    "tandem_notify_lateness_seconds",
    "Seconds from when a mail may be sent until the mail server accepted it, by the application's "
    "clock; lanes are urgent, crowd, bulk and digest, and those of texts and notifications.",
    ["lane"],
    buckets=(0.1, 0.5, 1, 5, 10, 30, 60, 120, 300, 600, 1800, 3600, 4 * 3600, 86400),
)
for lane in (URGENT, CROWD, BULK, DIGEST):
    LATENESS.labels(lane)
for channel in BY_DEVICE:
    for lane in (URGENT, BULK):
        LATENESS.labels(lane_of(channel, lane))
MAILS_ABANDONED = Counter(
    "tandem_notify_mails_abandoned",
    "Mails, text messages and notifications given up because the worker that sent them ended.",
)
BOUNCES = Counter(
    "tandem_notify_bounces",
    "Reports of mails that a mail server had accepted, by what followed: ignored, delayed, failed, "
    "suppressed.",
    ["outcome"],
)
for bounce_outcome in BounceOutcome:
    BOUNCES.labels(bounce_outcome.lower())
UNSUBSCRIBED = Counter(
    "tandem_notify_unsubscribed", "Times that someone ended mails by the link in a mail."
)
OLDEST_MAIL = Gauge(
    "tandem_notify_oldest_mail_seconds",
    "Age of the oldest mail that waits to be sent, by the application's clock.",
)
DIGESTS_WAITING = Gauge(
    "tandem_notify_digests_waiting", "Digests that collect messages, or are due and not sent yet."
)
OLDEST_DIGEST = Gauge(
    "tandem_notify_oldest_digest_seconds",
    "For how long the oldest digest has been due and not sent, by the application's clock.",
)
WEBHOOK_POSTS = Counter(
    "tandem_notify_webhook_posts",
    "Events posted to webhooks, by outcome: delivered, failed, gone.",
    ["outcome"],
)
for webhook_outcome in WebhookOutcome:
    WEBHOOK_POSTS.labels(webhook_outcome.lower())
WEBHOOKS_STOPPED = Gauge(
    "tandem_notify_webhooks_stopped", "Webhooks that get nothing: their receivers answered 410."
)
WEBHOOK_PARKED = Gauge(
    "tandem_notify_webhook_parked", "Events that no webhook took within three days, of 30 days."
)
WEBHOOK_OLDEST = Gauge(
    "tandem_notify_webhook_oldest_seconds",
    "For how long the oldest event has waited for a webhook that is not stopped.",
)
