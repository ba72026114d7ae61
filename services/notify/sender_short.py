"""Sends text messages and notifications in browsers as jobs, by the rules of mail (sender.py), and
the codes that confirm phone numbers.
"""

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import replace
from functools import partial
from pathlib import Path

from chassis.clock import Clock
from chassis.data.store import Database
from chassis.jobs import Away, Batch, Jobs, Work
from services.notify import metrics
from services.notify.domain.devices import Codes, Device
from services.notify.domain.enums import BULK, CODE, CROWD, URGENT, Channel
from services.notify.domain.messages import Delivery, Outcome, SendResult, lane_of
from services.notify.domain.short import Push, Sms, combined
from services.notify.ports import Texts
from services.notify.rates import Limits, SharedRate, no_limit
from services.notify.sender import C, Carrier, Sender, jobs_of
from services.notify.store import NotifyStore
from services.notify.usecases import devices, sending

# Tried for about an hour: what is on a telephone late is no news.
ATTEMPTS = 10
# The size of a slot's batch: a kill may lose one for each slot. A call takes longer than a mail.
BATCHES: Mapping[str, int] = {URGENT: 2, CROWD: 10, BULK: 10}
WORDS: Mapping[str, str] = json.loads(
    (Path(__file__).parent / "codes.json").read_text(encoding="utf-8")
)

Gateways = Callable[[], AbstractContextManager[Carrier[Sms]]]
PushServices = Callable[[], AbstractContextManager[Carrier[Push]]]
Rates = Callable[[Database[NotifyStore]], SharedRate]
"""Opens the rate of a gateway."""
RatesOf = Callable[[Database[NotifyStore], str], SharedRate]
"""Opens the rate of the push service of an endpoint."""


class Off:
    """The carrier of a channel that is off: people may have chosen it when it was on."""

    def __init__(self, setting: str) -> None:
        self._reason = f"not sent: {setting} is not set"

    def send(self, _: Sms | Push) -> SendResult:
        """Refuse."""
        return SendResult(Outcome.REFUSED, self._reason)


class Gateway:
    """A gateway to which no worker sends while it asks for a pause (Retry-After)."""

    def __init__(self, gateway: Carrier[Sms], rate: SharedRate) -> None:
        self._gateway, self._rate = gateway, rate

    def send(self, sms: Sms, /) -> SendResult:
        """Send a text message, and return the result."""
        result = self._gateway.send(sms)
        if result.overloaded and result.retry_after:
            self._rate.hold(result.retry_after)
        return result


class Browsers:
    """Sends notifications to each browser of a person, as the rate of its push service lets it."""

    def __init__(self, service: Carrier[Push], rate_of: Callable[[str], SharedRate]) -> None:
        self._service, self._rate_of = service, rate_of

    def send(self, push: Push, /) -> SendResult:
        """Send a notification, and return the result."""
        return combined([self._send_to(device, push) for device in push.devices])

    def _send_to(self, device: Device, push: Push) -> SendResult:
        rate = self._rate_of(device.push.endpoint if device.push else "")
        if wait := rate.take_turn(push.lane):
            return SendResult(Outcome.WAITS, "its push service takes no more now", retry_after=wait)
        result = self._service.send(replace(push, devices=(device,)))
        if result.retry_after:
            rate.hold(result.retry_after)
        return result


def sms(texts: Texts, gateways: Gateways, system: Clock, rates: Rates) -> Jobs[NotifyStore]:
    """Return the jobs that send text messages. `system`: the system's clock; `rates`: opens the
    gateway's rate.
    """

    def send(database: Database[NotifyStore], gateway: Carrier[Sms]) -> Work:
        rate, counted = rates(database), metrics.SMS
        paced = Gateway(gateway, rate)
        return Sender(
            Delivery, sending.begin_sms, texts, database, paced, ATTEMPTS, system, rate, counted
        ).send

    return _jobs("notify.sms", Channel.SMS, 1, gateways, send, rates)


def push(texts: Texts, services: PushServices, system: Clock, rates: RatesOf) -> Jobs[NotifyStore]:
    """Return the jobs that send notifications. `system`: the system's clock; `rates`: opens the
    rate of an endpoint's push service.
    """

    def send(database: Database[NotifyStore], service: Carrier[Push]) -> Work:
        counted = metrics.PUSHES
        paced = Browsers(service, partial(rates, database))
        return Sender(
            Delivery, sending.begin_push, texts, database, paced, ATTEMPTS, system, counted=counted
        ).send

    return _jobs("notify.push", Channel.PUSH, 3, services, send)


def codes(texts: Texts, gateways: Gateways, made: Codes, rates: Rates) -> Jobs[NotifyStore]:
    """Return the jobs that send codes to numbers that are to be confirmed. `made`: the codes;
    `rates`: opens the gateway's rate.
    """

    @contextmanager
    def work(database: Database[NotifyStore]) -> Iterator[Work]:
        with gateways() as gateway:
            paced = Gateway(gateway, rates(database))
            yield partial(_send_code, database, texts, paced, made)

    return Jobs("notify.codes", "devices", {CODE: 1}, ((CODE,),), work, limit=rates)


def _jobs(
    name: str,
    channel: Channel,
    slots: int,
    carriers: Callable[[], AbstractContextManager[C]],
    send: Callable[[Database[NotifyStore], C], Work],
    limits: Limits = no_limit,
) -> Jobs[NotifyStore]:
    """Return the jobs of a channel: one slot for what is urgent to few, one for that and what is
    urgent to many, others that prefer these; runs take turns.
    """
    lanes = {lane_of(channel, lane): size for lane, size in BATCHES.items()}
    few, many, _ = every = tuple(lanes)
    places = ((few,), (few, many), *(every,) * slots)
    found = jobs_of(name, "deliveries", lanes, places, carriers, send, limits)
    return replace(found, turns=True)


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
