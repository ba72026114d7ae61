"""Posts events to a webhook's receiver, within limits that it can't stretch."""

import ssl
from collections.abc import Collection
from datetime import UTC, datetime
from functools import cache
from types import TracebackType
from typing import Self

import httpcore

from chassis.edge.http.outgoing import ForbiddenAddress, GuardedSockets, Network, TimedSockets
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


class Line:
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
        self._webhook, self._secrets, self._total = webhook, secrets, total
        guarded = GuardedSockets(networks, public=not webhook.url.startswith("http:"))
        self._sockets = TimedSockets(guarded, total)
        self._pool = httpcore.ConnectionPool(
            ssl_context=_trust(), network_backend=self._sockets, max_connections=1
        )

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._pool.close()

    def post(self, delivery: WebhookDelivery) -> Answer:
        """Post an event, signed as of now, and return the result."""
        self._sockets.begin(self._total)
        event_id, now = delivery.event_id, datetime.now(UTC)
        signed = self._secrets.headers(self._webhook, event_id, delivery.body, now)
        headers = {
            "content-type": CONTENT_TYPE,
            "user-agent": "tandem-webhooks/1",
            "accept-encoding": "identity",
            **signed,
        }
        try:
            with self._pool.stream(
                "POST",
                self._webhook.url,
                headers=[(name.encode(), value.encode()) for name, value in headers.items()],
                content=delivery.body,
                extensions={"timeout": {"connect": CONNECT, "pool": CONNECT}},
            ) as response:
                answer = answer_of(response.status)
                _read(response)
        except httpcore.TimeoutException:
            return Answer(Outcome.FAILED, f"it did not answer within {self._total:g} s")
        except (httpcore.NetworkError, httpcore.ProtocolError) as error:
            why = f"the connection failed: {error or type(error).__name__}"
            return Answer(Outcome.FAILED, why[:300])
        except ForbiddenAddress as error:
            return Answer(Outcome.FAILED, str(error))
        return answer


def _read(response: httpcore.Response) -> None:
    """Read the body, so that the next request can use the connection; give up a long one."""
    size = 0
    for piece in response.iter_stream():
        size += len(piece)
        if size > READ:
            return


@cache
def _trust() -> ssl.SSLContext:
    """Return whom we trust: the system's authorities; SSL_CERT_FILE names others (OpenSSL)."""
    return ssl.create_default_context()
