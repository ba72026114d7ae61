"""Putting urgent changes of a person's classes into one mail."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime

from services.notify.domain.enums import Channel, DeliveryState
from services.notify.domain.folds import LOOK_BACK, WINDOW, can_fold, fold_end, taken_along
from services.notify.domain.messages import Delivery, Digest, waiting_for
from services.notify.domain.notices import fold_id
from services.notify.ports import Store


def fold(store: Store, deliveries: Sequence[Delivery]) -> list[Delivery]:
    """Return new deliveries, changes that come together waiting for one mail; store that earlier
    changes, of which nothing was sent, wait for it, too.

    Two units of work for one person conflict, because both number messages of the person's inbox.
    So the second knows what the first has queued.
    """
    arrived = _by_person(each for each in deliveries if can_fold(each))
    if not arrived:
        return list(deliveries)
    earlier = _by_person(store.urgent_mail(arrived, store.now - LOOK_BACK))
    ends = {
        person_id: end
        for person_id, new in arrived.items()
        if (end := fold_end(earlier.get(person_id, ()), len(new), store.now))
    }
    folds = _open(store, ends)
    taken = [
        each for key in folds for each in taken_along(earlier.get(key, ()), folds[key].send_at)
    ]
    joining = [*taken, *(each for key in folds for each in arrived[key])]
    waiting = {each.id: waiting_for(each, folds[each.person_id]) for each in joining}
    store.count_in_digests(Counter(folds[each.person_id] for each in joining))
    store.put_waiting([waiting[each.id] for each in taken])
    return [waiting.get(each.id, each) for each in deliveries]


def _open(store: Store, ends: Mapping[str, datetime]) -> dict[str, Digest]:
    """Return each person's fold that ends at an instant; the next, if a worker whose clock is ahead
    has it already.
    """
    found: dict[str, Digest] = {}
    while ends:
        tried = {
            key: Digest(fold_id(key, end), key, Channel.EMAIL, end, urgent=True)
            for key, end in ends.items()
        }
        known = store.digests({each.id for each in tried.values()})
        found |= {key: known.get(each.id, each) for key, each in tried.items()}
        ends = {key: ends[key] + WINDOW for key in ends
                if found[key].state is not DeliveryState.WAITING}  # fmt: skip
    return found


def _by_person(deliveries: Iterable[Delivery]) -> dict[str, list[Delivery]]:
    found: dict[str, list[Delivery]] = {}
    for each in deliveries:
        found.setdefault(each.person_id, []).append(each)
    return found
