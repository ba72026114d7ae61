"""Ending the mails of a category, by the link that a mail has."""

from chassis.errors import NotFound
from services.notify.domain.enums import Channel
from services.notify.domain.messages import Delivery
from services.notify.domain.notices import BY_DEFAULT
from services.notify.domain.preferences import CategoryPreference, in_order
from services.notify.ports import Store


def mail_of(store: Store, delivery_id: str) -> Delivery:
    """Return the delivery of a mail. Raises NotFound."""
    found = store.delivery(delivery_id)
    if found is None:
        raise NotFound("this mail is not known any more")
    return found


def unsubscribe(store: Store, delivery_id: str) -> Delivery:
    """Take e-mail off the channels that a mail's addressee has for its category; return the mail's
    delivery. A repeat changes nothing. Raises NotFound.
    """
    mail = mail_of(store, delivery_id)
    chosen = store.chosen([mail.person_id]).get(mail.person_id, {})
    left = chosen.get(mail.category, BY_DEFAULT) - {Channel.EMAIL}
    store.choose(mail.person_id, [CategoryPreference(mail.category, in_order(left))])
    return mail
