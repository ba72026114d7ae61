"""Writing messages as they are sent or read, in the language and zone that the person has then."""

from collections.abc import Callable, Collection, Mapping
from typing import Any

from services.notify.domain.enums import Kind
from services.notify.domain.messages import Message
from services.notify.domain.notices import Text
from services.notify.domain.people import Person
from services.notify.domain.values import DECLARED, BadValues
from services.notify.ports import Store, Texts

Write = Callable[[Kind, str, str, str, Mapping[str, Any]], Text]
"""`Texts.write` or `Texts.write_mail`."""


def texts_of(store: Store, texts: Texts, messages: Collection[Message]) -> dict[str, Text]:
    """Return messages as their people read them now, by id."""
    people = store.people({each.person_id for each in messages})
    return {each.id: text_of(texts.write, each, people.get(each.person_id)) for each in messages}


def text_of(write: Write, message: Message, person: Person | None) -> Text:
    """Return a message as a person reads it now; as it was written first if it is of an older
    version, which stored no kind and values, or of a newer one, whose kind or values are not known.
    """
    as_written = Text(message.title, message.body)
    if person is None or message.kind is None or message.kind not in DECLARED:
        return as_written
    try:
        return write(message.kind, person.language, person.zone, person.name, message.values)
    except BadValues:
        return as_written
