"""Dead letters that name a person: events without what is personal in them, and nothing else."""

from collections.abc import Callable

from chassis.contracts.events import contracts
from chassis.contracts.redaction import redacted
from chassis.messaging import deadletters

DELETED = b""


def forget(amqp_url: str, queue: str, person_id: str) -> int:
    """Take what is personal about a person out of a queue's dead letters; return from how many.

    A letter that is no event of ours, and names the person, is deleted: nobody can tell what is
    personal in it. Raises UnknownQueue.
    """
    return deadletters.rewrite(amqp_url, queue, changing(person_id))


def changing(person_id: str) -> Callable[[str, bytes], bytes | None]:
    """Return what becomes of a dead letter's body, by its type: None: it stays as it is."""
    named = person_id.encode()

    def change(type_: str, body: bytes) -> bytes | None:
        try:
            new = redacted(type_, body, person_id)
        except ValueError:
            return DELETED if named in body else None
        return DELETED if new is None and type_ not in contracts() and named in body else new

    return change
