"""Ending the mails of categories, by the link that a mail has."""

from collections.abc import Sequence

from chassis.errors import NotFound
from services.notify.domain.enums import Category, Channel
from services.notify.domain.messages import Delivery
from services.notify.ports import Store


def told_by(store: Store, mail_id: str) -> Sequence[Delivery]:
    """Return the deliveries that a mail told, one or those of a digest. Raises NotFound."""
    if found := store.of_mail(mail_id):
        return found
    raise NotFound("this mail is not known any more")


def categories_of(deliveries: Sequence[Delivery]) -> list[Category]:
    """Return what deliveries are about, in the contract's order."""
    found = {each.category for each in deliveries}
    return [each for each in Category if each in found]


def unsubscribe(store: Store, mail_id: str) -> Sequence[Delivery]:
    """Turn e-mail off for a mail's addressee, for each category that the mail told of; return what
    it told. A repeat changes nothing. Raises NotFound.
    """
    told = told_by(store, mail_id)
    person_id = told[0].person_id
    choice = store.choices([person_id])[person_id]
    store.put_choice(choice.without(Channel.EMAIL, categories_of(told)))
    return told
