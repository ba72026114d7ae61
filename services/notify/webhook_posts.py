"""Posts events to a webhook's receiver, within limits that it can't stretch."""

from collections.abc import Collection
from datetime import UTC, datetime
from urllib.parse import urlsplit

import httpcore

from chassis.edge.calls import Caller, CallFailed, Calling, Limits, by_name, retry_after
from chassis.edge.http.outgoing import ForbiddenAddress, GuardedSockets, Network
from services.notify.domain.webhooks import (
    Answer,
    Outcome,
    Secrets,
    Webhook,
    WebhookDelivery,
    answer_of,
)

# CloudEvents 1.0.2, JSON format, section 3: an event with its attributes, as one JSON object.
CONTENT_TYPE = "application/cloudevents+json; charset=utf-8"
CONNECT = 5.0  # seconds
# Bytes of an answer's body; it tells us nothing, but the connection goes on after it.
READ = 64 * 1024


class Line(Calling):
    """A connection to a webhook's receiver, which opens when it is used."""

    def __init__(
        self,
        webhook: Webhook,
        secrets: Secrets,
        networks: Collection[Network],
        total: float,
    ) -> None:
        """`networks`: those that are no public ones, and may be reached; also without TLS.
        `total`: seconds that a request may take.
        """
        self._webhook, self._secrets = webhook, secrets
        is_encrypted = urlsplit(webhook.url).scheme == "https"  # in whatever case it is written
        guarded = GuardedSockets(networks, public=is_encrypted)
        self._caller = Caller(Limits(connect=CONNECT, read=total, total=total), guarded)

    def post(self, delivery: WebhookDelivery) -> Answer:
        """Post an event, signed as of now, and return the result."""
        event_id, now = delivery.event_id, datetime.now(UTC)
        signed = self._secrets.headers(self._webhook, event_id, delivery.body, now)
        headers = {"content-type": CONTENT_TYPE, "user-agent": "tandem-webhooks/1", **signed}
        try:
            with self._caller.opened("POST", self._webhook.url, headers, delivery.body) as response:
                answer = answer_of(response.status, retry_after(by_name(response.headers)))
                _read(response)
        except (CallFailed, ForbiddenAddress) as error:
            return Answer(Outcome.FAILED, str(error)[:300])
        return answer


def _read(response: httpcore.Response) -> None:
    """Read the body, so that the next request can use the connection; give up a long one."""
    size = 0
    for piece in response.iter_stream():
        size += len(piece)
        if size > READ:
            return
