"""Messages as their people read them now."""

from datetime import UTC, datetime
from typing import Any, cast

import pytest

from services.notify.domain.enums import Category, Kind
from services.notify.domain.messages import Message
from services.notify.domain.notices import Text
from services.notify.domain.people import Person
from services.notify.samples import sample
from services.notify.texts import Texts
from services.notify.usecases.reading import text_of

TEXTS = Texts()
AS_WRITTEN = Text("A title", "A body\n")
ADA = Person("ada", "Ada", "ada@example.com", "de", "Europe/Vienna")


def message(kind: Kind | None, values: dict[str, Any]) -> Message:
    """A message that was written once."""
    return Message(
        "m1",
        "ada",
        Category.SEAT,
        AS_WRITTEN.title,
        AS_WRITTEN.body,
        datetime(2026, 3, 2, tzinfo=UTC),
        "e1",
        "tandem.x.v1",
        False,
        1,
        kind=kind,
        values=values,
    )


@pytest.mark.parametrize("kind", Kind)
def test_a_message_follows_its_person(kind: Kind) -> None:
    """It is written in the language and zone, and to the name, that the person has now."""
    values = sample(kind)
    told = text_of(TEXTS.write, message(kind, values), ADA)
    assert told == TEXTS.write(kind, "de", "Europe/Vienna", "Ada", values)
    assert text_of(TEXTS.write_mail, message(kind, values), ADA).html


@pytest.mark.parametrize(
    ("kind", "values", "person"),
    [
        (None, {}, ADA),
        (cast(Kind, "of_a_newer_version"), {"run": "Physics"}, ADA),
        (Kind.ENROLMENT_PROMOTED, {}, ADA),
        (Kind.ENROLMENT_PROMOTED, {"run": "Physics", "of_a_newer_version": 1}, ADA),
        (Kind.ENROLMENT_PROMOTED, {"run": "Physics"}, None),
    ],
)
def test_what_can_not_be_written_anew_is_shown_as_it_was_written(
    kind: Kind | None, values: dict[str, Any], person: Person | None
) -> None:
    """A message of an older version, of a newer one, or to nobody who is known."""
    assert text_of(TEXTS.write, message(kind, values), person) == AS_WRITTEN
