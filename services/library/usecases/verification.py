"""What becomes of an item whose bytes were looked at."""

from services.library.domain import verification
from services.library.domain.verification import Found
from services.library.domain.words import ItemState
from services.library.ports import Store
from services.library.usecases.uploads import the_item

NOT_READ_BACK = "it could not be read back from the store as it was written; upload it again"


def judge(store: Store, item_id: str, found: Found) -> ItemState:
    """The item AVAILABLE or FAILED, and told. One that another judged before stays as it is."""
    item = the_item(store, item_id)
    if item.state is not ItemState.VERIFYING:
        return item.state
    faults = list(verification.faults(item, found))
    if not faults:
        store.publish(verification.uploaded(item))
    if not faults and found.read_back:
        after, event = verification.available(item, found, store.now)
        store.put_item(after)
        store.publish(event)
        return after.state
    reason = "; ".join(faults) or NOT_READ_BACK
    after, refused = verification.failed(item, reason, store.now)
    store.put_item(after)
    store.publish(refused)
    return after.state
