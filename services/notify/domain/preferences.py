"""A person's preferences: the channels that the person chose for each category."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

from chassis.errors import FieldViolation
from services.notify.domain.enums import Category, Channel
from services.notify.domain.notices import BY_DEFAULT

Chosen = Mapping[Category, frozenset[Channel]]


@dataclass(frozen=True, slots=True)
class CategoryPreference:
    """The channels that a person chose for one category; an empty choice means no notices."""

    category: Category
    channels: tuple[Channel, ...]


@dataclass(frozen=True, slots=True)
class Preferences:
    """A person's preferences, one entry for each category."""

    person_id: str
    categories: tuple[CategoryPreference, ...]
    mail_returned_at: datetime | None = None
    """Since when mail to the person's address does not arrive; None: it does."""


def preferences(person_id: str, chosen: Chosen) -> Preferences:
    """Return all categories in order: the chosen channels, or those of BY_DEFAULT without a choice.

    These are the channels of the category's notices (`channels_for`); quiet ones among them come to
    the inbox only. To store the answer as a choice changes nothing.
    """
    return Preferences(
        person_id,
        tuple(
            CategoryPreference(category, in_order(chosen.get(category, BY_DEFAULT)))
            for category in Category
        ),
    )


def in_order(channels: frozenset[Channel]) -> tuple[Channel, ...]:
    """Return channels in the contract's order."""
    return tuple(channel for channel in Channel if channel in channels)


def violations_of(wanted: Sequence[CategoryPreference]) -> list[FieldViolation]:
    """Return the violations of a choice."""
    named = Counter(preference.category for preference in wanted)
    return [
        FieldViolation(
            f"categories[{place}].category", f"{one.category} is named more than once", "once"
        )
        for place, one in enumerate(wanted)
        if named[one.category] > 1
    ]
