"""Dead letters that name a person: events without what is personal in them, and nothing else."""

import json
from collections.abc import Callable

from chassis.contracts.events import contracts
from chassis.contracts.redaction import names, redacted
from chassis.messaging import deadletters

DELETED = b""


def forget(amqp_url: str, queue: str, person_id: str) -> int:
    """Take what is personal about a person out of a queue's dead letters; return from how many.

    A letter that is no event of ours, and names the person, is deleted: nobody can tell what is
    personal in it. Raises UnknownQueue.
    """
    return deadletters.rewrite(amqp_url, queue, changing(person_id))


def changing(person_id: str) -> Callable[[str, bytes], bytes | None]:
    """Return what becomes of a dead letter's body, by its type: None: it stays as it is.

    A body that is JSON names the person if one of its texts is the id; any other one if the id is
    a part of it.
    """

    def change(type_: str, body: bytes) -> bytes | None:
        try:
            if type_ in contracts():
                return redacted(type_, body, person_id)
            return DELETED if names(json.loads(body), person_id) else None
        except (ValueError, RecursionError):
            return DELETED if person_id.encode() in body else None

    return change
