"""Sends text messages and notifications in browsers as jobs, by the rules of mail (sender.py), and
the codes that confirm phone numbers.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from functools import partial
from pathlib import Path

from chassis.clock import Clock
from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work
from services.notify import metrics
from services.notify.domain.devices import Codes
from services.notify.domain.enums import BULK, CODE, URGENT, Channel
from services.notify.domain.messages import Delivery, Outcome, SendResult, lane_of
from services.notify.domain.short import Push, Sms
from services.notify.ports import Texts
from services.notify.sender import C, Carrier, Sender, jobs_of
from services.notify.store import NotifyStore
from services.notify.usecases import devices, sending

# Tried for about an hour: what is on a telephone late is no news.
ATTEMPTS = 10
# The size of a slot's batch: a kill may lose one for each slot. A call takes longer than a mail.
URGENT_BATCH, BULK_BATCH = 2, 10
WORDS: Mapping[str, str] = json.loads(
    (Path(__file__).parent / "codes.json").read_text(encoding="utf-8")
)

Gateways = Callable[[], AbstractContextManager[Carrier[Sms]]]
PushServices = Callable[[], AbstractContextManager[Carrier[Push]]]


class Off:
    """The carrier of a channel that is off: people may have chosen it when it was on."""

    def __init__(self, setting: str) -> None:
        self._reason = f"not sent: {setting} is not set"

    def send(self, _: Sms | Push) -> SendResult:
        """Refuse."""
        return SendResult(Outcome.REFUSED, self._reason)


def sms(texts: Texts, gateways: Gateways, system: Clock) -> Jobs[NotifyStore]:
    """Return the jobs that send text messages. `system`: the system's clock."""

    def send(database: Database[NotifyStore], gateway: Carrier[Sms]) -> Work:
        begin, counted = sending.begin_sms, metrics.SMS
        return Sender(
            Delivery, begin, texts, database, gateway, ATTEMPTS, system, counted=counted
        ).send

    return _jobs("notify.sms", Channel.SMS, 1, gateways, send)


def push(texts: Texts, services: PushServices, system: Clock) -> Jobs[NotifyStore]:
    """Return the jobs that send notifications. `system`: the system's clock."""

    def send(database: Database[NotifyStore], service: Carrier[Push]) -> Work:
        begin, counted = sending.begin_push, metrics.PUSHES
        return Sender(
            Delivery, begin, texts, database, service, ATTEMPTS, system, counted=counted
        ).send

    return _jobs("notify.push", Channel.PUSH, 3, services, send)


def codes(texts: Texts, gateways: Gateways, made: Codes) -> Jobs[NotifyStore]:
    """Return the jobs that send codes to numbers that are to be confirmed. `made`: the codes."""

    @contextmanager
    def work(database: Database[NotifyStore]) -> Iterator[Work]:
        with gateways() as gateway:
            yield partial(_send_code, database, texts, gateway, made)

    return Jobs("notify.codes", "devices", {CODE: 1}, ((CODE,),), work)


def _jobs(
    name: str,
    channel: Channel,
    slots: int,
    carriers: Callable[[], AbstractContextManager[C]],
    send: Callable[[Database[NotifyStore], C], Work],
) -> Jobs[NotifyStore]:
    """Return the jobs of a channel: one slot for what is urgent, others that prefer it; runs take
    turns.
    """
    urgent, bulk = lane_of(channel, URGENT), lane_of(channel, BULK)
    lanes = {urgent: URGENT_BATCH, bulk: BULK_BATCH}
    places = ((urgent,), *((urgent, bulk),) * slots)
    return jobs_of(name, "deliveries", lanes, places, carriers, send, turns=True)


def _send_code(
    database: Database[NotifyStore],
    texts: Texts,
    gateway: Carrier[Sms],
    made: Codes,
    batch: Batch,
) -> int:
    """Send a code, at least once. Raises Away where the gateway takes none for now."""
    (device_id,) = batch.ids
    code = database.transact(
        lambda store: devices.code_for(
            store, device_id, made, lambda language: WORDS[texts.nearest(language)]
        )
    )
    result = gateway.send(code) if code else None
    if result:
        metrics.SMS.labels(result.outcome.lower()).inc()
        if result.outcome in (Outcome.AWAY, Outcome.PUT_OFF):
            raise Away(result.reason)
    database.transact(lambda store: store.code_sent(batch))
    return 1
