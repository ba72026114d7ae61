"""Sending queued mail, at most once (docs/decisions/0008)."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
from datetime import datetime, timedelta

from services.notify.domain.messages import (
    LEFT,
    UNKNOWN,
    UNWANTED,
    VANISHED,
    Delivery,
    Verdict,
    failed,
    is_wanted,
    outcome_of,
    settled,
)
from services.notify.domain.people import has_left
from services.notify.domain.sessions import stands
from services.notify.ports import Store

# Above the longest dialogue with a mail server about one mail: five answers of up to 30 s each.
CLAIM = timedelta(minutes=5)


@dataclass(frozen=True, slots=True)
class Claim:
    """One run of a sender; `at` is the system's clock."""

    name: str
    at: datetime

    @property
    def until(self) -> datetime:
        """When others may take what it has."""
        return self.at + CLAIM


def take(store: Store, claim: Claim, most: int) -> list[Delivery]:
    """Have up to `most` queued deliveries to oneself."""
    deliveries = store.claimable(claim.at, most)
    store.claim([delivery.id for delivery in deliveries], claim.name, claim.until)
    return deliveries


def begin(store: Store, delivery_id: str, claim: Claim) -> bool:
    """The last moment before a mail may be on its way: whether it may.

    From here on a crash leaves it unknown whether it was sent, and it is not sent again. One that
    nobody wants any more is given up.
    """
    delivery = _mine(store, delivery_id, claim)
    if delivery is None:
        return False
    against = _against(store, delivery)
    if against:
        _finish(store, failed(delivery, store.now, against))
        return False
    store.put_delivery(replace(delivery, sending=True, claimed_until=claim.until))
    return True


def settle(store: Store, delivery_id: str, claim: Claim, verdict: Verdict, most: int) -> None:
    """Write what came of a try; `most` tries there are."""
    delivery = _mine(store, delivery_id, claim)
    if delivery is not None:
        _finish(store, settled(delivery, verdict, store.now, claim.at, most))


def give_back(store: Store, delivery_ids: Iterable[str], claim: Claim) -> None:
    """Let others have deliveries that were not tried."""
    for delivery_id in delivery_ids:
        delivery = _mine(store, delivery_id, claim)
        if delivery is not None:
            store.put_delivery(replace(delivery, claim="", claimed_until=None))


def give_up_abandoned(store: Store, system_now: datetime, most: int) -> int:
    """Give up mails that a sender was sending when it ended; answers how many."""
    abandoned = store.abandoned(system_now, most)
    for delivery in abandoned:
        _finish(store, failed(delivery, store.now, UNKNOWN))
    return len(abandoned)


def _mine(store: Store, delivery_id: str, claim: Claim) -> Delivery | None:
    delivery = store.delivery(delivery_id)
    return delivery if delivery is not None and delivery.claim == claim.name else None


def _against(store: Store, delivery: Delivery) -> str:
    """Why a delivery is not to be sent any more; empty where nothing speaks against it."""
    if _vanished(store, delivery):
        return VANISHED
    if not is_wanted(delivery, store.chosen([delivery.person_id]).get(delivery.person_id, {})):
        return UNWANTED
    if delivery.run_id and has_left(store.enrolments_of(delivery.run_id, delivery.person_id)):
        return LEFT
    return ""


def _vanished(store: Store, delivery: Delivery) -> bool:
    appointment = delivery.reminds_of
    if appointment is None:
        return False
    return not stands(store.session_by_id(appointment.session_id), appointment, store.now)


def _finish(store: Store, delivery: Delivery) -> None:
    store.put_delivery(delivery)
    outcome = outcome_of(delivery)
    if outcome is not None:
        store.publish(outcome)
