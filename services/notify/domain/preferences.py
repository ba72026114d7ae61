"""What a person chose: channels and how often for each category, quiet hours, muted runs."""

from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime

from chassis.errors import FieldViolation
from services.notify.domain.enums import BY_DEVICE, DIGESTS, Category, Channel, Frequency
from services.notify.domain.notices import default_channels
from services.notify.domain.schedule import DigestTime, QuietHours, Schedule

MOST_MUTED = 1_000
"""Runs that a person may mute."""

Chosen = Mapping[Category, Mapping[Channel, Frequency]]
"""The channels of each category that are not off, and how often each is used."""


@dataclass(frozen=True, slots=True)
class ChannelFrequency:
    """How often one channel is used for a category."""

    channel: Channel
    frequency: Frequency


@dataclass(frozen=True, slots=True)
class CategoryPreference:
    """The channels that a person chose for one category; an empty choice means no notices."""

    category: Category
    channels: tuple[Channel, ...] = ()
    """Those that are not off; without `frequencies` they are immediate."""
    frequencies: tuple[ChannelFrequency, ...] = ()

    @property
    def chosen(self) -> dict[Channel, Frequency]:
        """Return the channels that are not off, and how often each is used."""
        if not self.frequencies:
            return dict.fromkeys(self.channels, Frequency.IMMEDIATE)
        named = {each.channel: each.frequency for each in self.frequencies}
        return {key: value for key, value in named.items() if value is not Frequency.OFF}


@dataclass(frozen=True, slots=True)
class Preferences:
    """A person's preferences, one entry for each category."""

    person_id: str
    categories: tuple[CategoryPreference, ...]
    digest_time: DigestTime
    quiet_hours: QuietHours | None
    muted_run_ids: tuple[str, ...]
    mail_returned_at: datetime | None = None
    """Since when mail to the person's address does not arrive; None: it does."""
    calendar_parts: bool = True
    """Whether mails of classes tell calendar programs, too."""


@dataclass(frozen=True, slots=True)
class SetPreferences:
    """Set a person's preferences; what is not named stays as it is."""

    person_id: str
    categories: tuple[CategoryPreference, ...] = ()
    digest_time: DigestTime | None = None
    quiet_hours: QuietHours | None = None
    """Both times empty: there are none from now."""
    mute_run_ids: tuple[str, ...] = ()
    unmute_run_ids: tuple[str, ...] = ()
    calendar_parts: bool | None = None


@dataclass(frozen=True, slots=True)
class Choice:
    """What a person chose; of a person who chose nothing, the defaults."""

    id: str
    """The id of the person."""
    categories: Chosen = field(default_factory=dict)
    digest_time: DigestTime = field(default_factory=DigestTime)
    quiet_hours: QuietHours | None = None
    muted_run_ids: frozenset[str] = frozenset()
    calendar_parts: bool = True
    """Whether mails of classes tell calendar programs, too."""

    def used(self, category: Category) -> Mapping[Channel, Frequency]:
        """Return the channels of a category that are not off, and how often each is used."""
        return self.categories.get(category, _DEFAULTS[category])

    @property
    def uses_devices(self) -> bool:
        """Return whether a channel is chosen for any category that needs a device."""
        return any(not BY_DEVICE.isdisjoint(channels) for channels in self.categories.values())

    def frequency(self, category: Category, channel: Channel) -> Frequency:
        """Return how often a channel is used for a category that is not urgent."""
        return self.used(category).get(channel, Frequency.OFF)

    def without(self, channel: Channel, categories: Iterable[Category]) -> "Choice":
        """Return the choice with a channel off for these categories."""
        left = {
            category: {key: often for key, often in self.used(category).items() if key != channel}
            for category in categories
        }
        return replace(self, categories={**self.categories, **left})

    def schedule(self, zone: str) -> Schedule:
        """Return when e-mail is sent to the person in a zone that this system knows."""
        return Schedule(zone, self.digest_time, self.quiet_hours)


def preferences(choice: Choice) -> Preferences:
    """Return all categories in order: the chosen channels, or the default ones without a choice.

    These are the channels of the category's notices (`channels_for`); quiet ones among them come to
    the inbox only. To store the answer as a choice changes nothing.
    """
    return Preferences(
        choice.id,
        tuple(_preference(choice, category) for category in Category),
        choice.digest_time,
        choice.quiet_hours,
        tuple(sorted(choice.muted_run_ids)),
        calendar_parts=choice.calendar_parts,
    )


def _preference(choice: Choice, category: Category) -> CategoryPreference:
    named = tuple(ChannelFrequency(each, choice.frequency(category, each)) for each in Channel)
    used = tuple(each.channel for each in named if each.frequency is not Frequency.OFF)
    return CategoryPreference(category, used, named)


def changed(choice: Choice, wanted: SetPreferences) -> Choice:
    """Return a choice after a change without violations."""
    quiet = choice.quiet_hours if wanted.quiet_hours is None else wanted.quiet_hours
    parts = choice.calendar_parts if wanted.calendar_parts is None else wanted.calendar_parts
    return replace(
        choice,
        categories={**choice.categories, **{one.category: one.chosen for one in wanted.categories}},
        digest_time=wanted.digest_time or choice.digest_time,
        quiet_hours=quiet if quiet and quiet.start else None,
        muted_run_ids=choice.muted_run_ids.union(wanted.mute_run_ids) - {*wanted.unmute_run_ids},
        calendar_parts=parts,
    )


def violations_of(choice: Choice, wanted: SetPreferences) -> list[FieldViolation]:
    """Return the violations of a change."""
    found = [*_of_categories(wanted.categories), *_of_quiet_hours(wanted.quiet_hours)]
    found += [
        FieldViolation(f"{name}[{place}]", "it is blank", "the id of a run")
        for name in ("mute_run_ids", "unmute_run_ids")
        for place, run_id in enumerate(getattr(wanted, name))
        if not run_id.strip()
    ]
    both = {*wanted.mute_run_ids} & {*wanted.unmute_run_ids}
    found += [
        FieldViolation("unmute_run_ids", f"{run_id} is to be muted, too", "one of both")
        for run_id in sorted(both)
    ]
    count = len(changed(choice, wanted).muted_run_ids)
    if wanted.mute_run_ids and count > MOST_MUTED:
        found.append(
            FieldViolation("mute_run_ids", f"{count} runs would be muted", f"at most {MOST_MUTED}")
        )
    if wanted == SetPreferences(wanted.person_id):
        found.append(FieldViolation("categories", "nothing is to change", "something to set"))
    return found


def _of_categories(wanted: Sequence[CategoryPreference]) -> Iterator[FieldViolation]:
    named = Counter(preference.category for preference in wanted)
    for place, one in enumerate(wanted):
        where = f"categories[{place}]"
        if named[one.category] > 1:
            yield FieldViolation(
                f"{where}.category", f"{one.category} is named more than once", "once"
            )
        yield from _of_frequencies(where, one)


def _of_frequencies(where: str, one: CategoryPreference) -> Iterator[FieldViolation]:
    named = Counter(each.channel for each in one.frequencies)
    for place, each in enumerate(one.frequencies):
        field_name = f"{where}.frequencies[{place}]"
        if named[each.channel] > 1:
            yield FieldViolation(
                f"{field_name}.channel", f"{each.channel} is named more than once", "once"
            )
        if each.channel is not Channel.EMAIL and each.frequency in DIGESTS:
            yield FieldViolation(
                f"{field_name}.frequency",
                f"{each.channel} can't be {each.frequency}: digests are for e-mail",
                "IMMEDIATE, OFF",
            )
    if one.frequencies and one.channels and {*one.channels} != {*one.chosen}:
        yield FieldViolation(
            f"{where}.channels",
            "they are not those whose frequency is not OFF",
            "the same channels, or none",
        )


def _of_quiet_hours(hours: QuietHours | None) -> Iterator[FieldViolation]:
    if hours is None or hours == QuietHours("", ""):
        return
    if not (hours.start and hours.end):
        missing = "end" if hours.start else "start"
        yield FieldViolation(f"quiet_hours.{missing}", "it is empty", "HH:MM, or both empty")
    elif hours.start == hours.end:
        yield FieldViolation("quiet_hours.end", "it is the start, too", "another time")


_DEFAULTS = {
    category: {each: Frequency.IMMEDIATE for each in Channel if each in default_channels(category)}
    for category in Category
}
