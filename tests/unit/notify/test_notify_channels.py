"""Which notice reaches whom by which channel, and what a choice may be."""

from dataclasses import replace

from hypothesis import given
from hypothesis import strategies as st

from services.notify.domain.enums import Category, Channel, Frequency, Kind, Weekday
from services.notify.domain.messages import MUTED, UNWANTED, compose, unwanted_by
from services.notify.domain.notices import (
    BY_DEFAULT,
    QUIET,
    RULES,
    Text,
    channels_for,
    default_channels,
    delivery_id,
    message_id,
)
from services.notify.domain.preferences import (
    MOST_MUTED,
    CategoryPreference,
    ChannelFrequency,
    Choice,
    SetPreferences,
    changed,
    preferences,
    violations_of,
)
from services.notify.domain.schedule import DigestTime, QuietHours
from tests.unit.notify.test_notify_deliveries import NOTICE, NOW

kinds = st.sampled_from(Kind)
choices = st.dictionaries(st.sampled_from(Category), st.frozensets(st.sampled_from(Channel)))
ids = st.text(min_size=1, max_size=20)


def choice(chosen: dict[Category, frozenset[Channel]]) -> Choice:
    """A choice of these channels, each of them immediate."""
    return Choice(
        "ada",
        {key: dict.fromkeys(value, Frequency.IMMEDIATE) for key, value in chosen.items()},
    )


def test_every_kind_has_a_rule() -> None:
    """Every kind of notification has a subject and channels."""
    assert RULES.keys() == set(Kind)


def test_defaults() -> None:
    """By default, every kind uses both channels, except completed catch-ups, and that mail
    comes back.
    """
    quiet = {kind for kind in Kind if channels_for(kind) == QUIET}
    assert quiet == {Kind.CATCH_UP_COMPLETED, Kind.MAIL_RETURNED}
    assert all(channels_for(kind) == BY_DEFAULT for kind in set(Kind) - quiet)


def test_a_channel_that_is_added_is_off_until_it_is_chosen() -> None:
    """Who chose nothing has the inbox and e-mail, however many channels there are: a channel is on
    by default only where it is listed.
    """
    assert {Channel.IN_APP, Channel.EMAIL} == BY_DEFAULT
    for kind in Kind:
        assert channels_for(kind) <= {Channel.IN_APP, Channel.EMAIL}
        assert channels_for(kind, {RULES[kind].category: frozenset()}) <= QUIET
    told = {channel for each in preferences(Choice("ada")).categories for channel in each.channels}
    assert told == {Channel.IN_APP, Channel.EMAIL}


@given(kinds, choices)
def test_a_choice_holds_and_urgent_is_in_the_inbox(
    kind: Kind, chosen: dict[Category, frozenset[Channel]]
) -> None:
    """A choice decides its category, except that an urgent notice is always in the inbox, and that
    a quiet one is never mailed.
    """
    rule = RULES[kind]
    wanted = chosen.get(rule.category, default_channels(rule.category))
    expected = wanted & QUIET if rule.quiet else wanted | (QUIET if rule.urgent else frozenset())
    assert channels_for(kind, chosen) == expected


@given(choices)
def test_preferences_tell_what_happens(chosen: dict[Category, frozenset[Channel]]) -> None:
    """For each category preferences tell the channels that its notices use; only urgent ones go to
    an inbox besides, and choosing what preferences tell changes nothing.
    """
    told = {
        each.category: frozenset(each.channels) for each in preferences(choice(chosen)).categories
    }
    for category, channels in told.items():
        kinds = [kind for kind, rule in RULES.items() if rule.category == category]
        used = frozenset[Channel]().union(*(channels_for(kind, chosen) for kind in kinds))
        besides = QUIET if any(RULES[kind].urgent for kind in kinds) else frozenset()
        assert channels <= used <= channels | besides
    assert all(channels_for(kind, chosen) == channels_for(kind, told) for kind in Kind)


def test_classes_moved_and_cancelled_and_offers_are_urgent() -> None:
    """A moved or cancelled class is urgent, and so is a series; an offer of a seat; and a class
    without its meeting.
    """
    urgent = {kind for kind, rule in RULES.items() if rule.urgent}
    assert urgent == {
        Kind.SEAT_OFFERED,
        Kind.MEETING_FAILED,
        Kind.MEETING_MADE,
        Kind.SESSION_MOVED,
        Kind.SESSION_CANCELLED,
        Kind.SERIES_MOVED,
        Kind.SERIES_CANCELLED,
    }


@given(st.sets(st.tuples(ids, ids), min_size=2, max_size=8))
def test_ids_are_one_to_one(pairs: set[tuple[str, str]]) -> None:
    """Two pairs of event and person never share a message or a delivery."""
    messages = {message_id(event, person) for event, person in pairs}
    deliveries = {
        delivery_id(event, person, channel) for event, person in pairs for channel in Channel
    }
    assert len(messages) == len(pairs)
    assert len(deliveries) == len(pairs) * len(Channel)


def test_ids_never_change() -> None:
    """An id is the same in every release, or a repeat would notify twice."""
    assert message_id("e", "p") == "96ab1a71-202e-55a2-9763-6da0bae704d9"


@given(choices)
def test_preferences_are_complete(chosen: dict[Category, frozenset[Channel]]) -> None:
    """Preferences name each category once, as chosen or by default."""
    complete = preferences(choice(chosen))
    assert [one.category for one in complete.categories] == list(Category)
    for one in complete.categories:
        assert frozenset(one.channels) == chosen.get(one.category, default_channels(one.category))


def test_a_category_named_twice_is_a_violation_each_time() -> None:
    """Each repeated category is a violation."""
    seat = CategoryPreference(Category.SEAT, ())
    other = CategoryPreference(Category.SESSION, ())
    wanted = SetPreferences("ada", (seat, other, seat))
    assert [violation.field for violation in violations_of(Choice("ada"), wanted)] == [
        "categories[0].category",
        "categories[2].category",
    ]


frequencies = st.sampled_from(Frequency)
categories = st.lists(
    st.builds(
        lambda category, email, inbox, sms: CategoryPreference(
            category,
            (),
            (
                ChannelFrequency(Channel.EMAIL, email),
                ChannelFrequency(Channel.IN_APP, inbox),
                ChannelFrequency(Channel.SMS, sms),
            ),
        ),
        st.sampled_from(Category),
        frequencies,
        st.sampled_from([Frequency.IMMEDIATE, Frequency.OFF]),
        st.sampled_from([Frequency.IMMEDIATE, Frequency.OFF]),
    ),
    unique_by=lambda each: each.category,
)
changes = st.builds(
    SetPreferences,
    st.just("ada"),
    categories.map(tuple),
    st.none() | st.builds(DigestTime, st.integers(0, 23), st.sampled_from(Weekday)),
    st.sampled_from([None, QuietHours("22:00", "07:00"), QuietHours("", "")]),
    st.frozensets(st.sampled_from("abc")).map(tuple),
)


@given(changes, changes)
def test_what_is_told_of_a_choice_changes_nothing(one: SetPreferences, two: SetPreferences) -> None:
    """Preferences that are set to what they are stay the same, and a change says all that it sets;
    of what was not named, the earlier change holds.
    """
    choice = changed(changed(Choice("ada"), one), two)
    told = preferences(choice)
    again = SetPreferences("ada", told.categories, told.digest_time, told.quiet_hours)
    assert violations_of(choice, again) == []
    assert preferences(changed(choice, again)) == told
    named = {each.category: each for each in (*one.categories, *two.categories)}
    for each in told.categories:
        wanted = named.get(each.category)
        rest = {*each.frequencies} - {*wanted.frequencies} if wanted else set()
        assert wanted is None or {*wanted.frequencies} <= {*each.frequencies}
        assert {one.frequency for one in rest} <= {Frequency.OFF}
    assert {*told.muted_run_ids} == {*one.mute_run_ids, *two.mute_run_ids}
    assert told.digest_time == (two.digest_time or one.digest_time or DigestTime())


def test_all_faults_of_a_choice_are_told_at_once() -> None:
    """Each with its field: what disagrees, is named twice, is not possible, or is nothing."""
    email = ChannelFrequency(Channel.EMAIL, Frequency.DAILY)
    inbox = ChannelFrequency(Channel.IN_APP, Frequency.DAILY)
    push = ChannelFrequency(Channel.PUSH, Frequency.HOURLY)
    wanted = SetPreferences(
        "ada",
        (CategoryPreference(Category.SEAT, (Channel.IN_APP,), (email, email, inbox, push)),),
        quiet_hours=QuietHours("22:00", "22:00"),
        mute_run_ids=("r1", " "),
        unmute_run_ids=("r1",),
    )
    assert [each.field for each in violations_of(Choice("ada"), wanted)] == [
        "categories[0].frequencies[0].channel",
        "categories[0].frequencies[1].channel",
        "categories[0].frequencies[2].frequency",
        "categories[0].frequencies[3].frequency",
        "categories[0].channels",
        "quiet_hours.end",
        "mute_run_ids[1]",
        "unmute_run_ids",
    ]
    half = SetPreferences("ada", quiet_hours=QuietHours("22:00", ""))
    assert [each.field for each in violations_of(Choice("ada"), half)] == ["quiet_hours.end"]
    nothing = SetPreferences("ada")
    assert [each.field for each in violations_of(Choice("ada"), nothing)] == ["categories"]


def test_at_most_a_thousand_runs_are_muted() -> None:
    """What a person mutes is bounded; who has reached the bound can unmute."""
    full = Choice("ada", muted_run_ids=frozenset(map(str, range(MOST_MUTED))))
    more = SetPreferences("ada", mute_run_ids=("one more",))
    assert [each.field for each in violations_of(full, more)] == ["mute_run_ids"]
    other = SetPreferences("ada", mute_run_ids=("one more",), unmute_run_ids=("7",))
    assert violations_of(full, other) == []


@given(changes, st.sampled_from(Category), st.booleans(), st.booleans())
def test_what_a_choice_excludes(
    wanted: SetPreferences, category: Category, urgent: bool, of_run: bool
) -> None:
    """Off is off; of a muted run only what is urgent is sent."""
    choice = changed(Choice("ada"), wanted)
    made = replace(
        compose(NOTICE, "ada", (Channel.EMAIL,), Text("t", "b"), None, NOW).deliveries[0],
        category=category,
        urgent=urgent,
        run_id="a" if of_run else "",
    )
    is_off = choice.frequency(category, Channel.EMAIL) is Frequency.OFF
    is_muted = of_run and "a" in choice.muted_run_ids and not urgent
    assert unwanted_by(choice, made) == (UNWANTED if is_off else MUTED if is_muted else "")
