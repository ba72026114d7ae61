"""Preferences through the real edge: what is told, taken and refused."""

from datetime import timedelta
from typing import Any

import grpc
import pytest
from google.protobuf.json_format import ParseDict
from tandem.notify.v1 import notify_pb2, resources_pb2

from chassis.testing import ChannelFor
from services.notify.domain.enums import Category, Channel
from tests.integration.notify.test_notify_api import (
    CATCH_UP,
    EMAIL,
    IN_APP,
    SESSION,
    Stub,
    assign,
    channels_told,
    choose,
    inbox,
    preference,
)
from tests.integration.notify.world import World


@pytest.fixture
def ada(channel_for: ChannelFor) -> Any:
    """The API as ada, a learner, sees it."""
    return Stub(channel_for("ada", "learner"))


def test_defaults_are_filled_in(ada: Any) -> None:
    """A person who never chose gets everything by both channels, but that mail comes back."""
    found = ada.GetPreferences(notify_pb2.GetPreferencesRequest(person_id="ada"))
    assert len(found.categories) == len(Category)
    assert all(list(one.channels) == by_default(one) for one in found.categories)


def by_default(one: Any) -> list[int]:
    """The channels of a category without a choice."""
    return [IN_APP] if one.category == resources_pb2.CATEGORY_ACCOUNT else [IN_APP, EMAIL]


def test_a_choice_stays_until_it_is_changed(ada: Any) -> None:
    """A category that is not named stays as it was chosen before."""
    choose(ada, preference(CATCH_UP, EMAIL, EMAIL))
    found = choose(ada, preference(SESSION))
    chosen = {one.category: list(one.channels) for one in found.categories}
    assert (chosen[CATCH_UP], chosen[SESSION]) == ([EMAIL], [])
    assert found == ada.GetPreferences(notify_pb2.GetPreferencesRequest(person_id="ada"))


@pytest.mark.parametrize(
    ("channels", "expected"),
    [
        ((), []),
        ((IN_APP,), [Channel.IN_APP]),
        ((EMAIL,), [Channel.EMAIL]),
        ((IN_APP, EMAIL), [Channel.EMAIL, Channel.IN_APP]),
    ],
)
def test_messages_go_by_the_chosen_channels(
    world: World, ada: Any, channels: tuple[Any, ...], expected: list[Channel]
) -> None:
    """A message goes by the channels of its category, and into no inbox that doesn't want it."""
    world.people("ada")
    choose(ada, preference(CATCH_UP, *channels))
    assign(world, "Waves")
    assert channels_told(world) == expected
    page = inbox(ada)
    assert (len(page.messages), page.unread) == ((1, 1) if IN_APP in channels else (0, 0))


def test_urgent_messages_are_in_the_inbox_whatever_was_chosen(world: World, ada: Any) -> None:
    """A person without messages about sessions still finds a cancelled class in the inbox."""
    world.people("ada", "grace")
    world.run("ada")
    choose(ada, preference(SESSION))
    world.schedule(timedelta(days=2))
    world.tell(world.cancelled(timedelta(days=2)))
    world.broadcast()
    assert [one.channel for one in world.deliveries(person_id="ada")] == [Channel.IN_APP]
    assert inbox(ada).messages[0].urgent


@pytest.mark.parametrize(
    ("categories", "field"),
    [
        ([], "categories"),
        ([preference(CATCH_UP), preference(CATCH_UP)], "categories[0].category"),
        ([preference(0, IN_APP)], "categories[0].category"),
        ([preference(99)], "categories[0].category"),
        ([preference(CATCH_UP, 99)], "categories[0].channels[0]"),
        ([preference(CATCH_UP, 0)], "categories[0].channels[0]"),
    ],
)
def test_choices_that_cannot_be(ada: Any, categories: Any, field: str) -> None:
    """A choice that names nothing, or one category twice, is refused and changes nothing."""
    with pytest.raises(grpc.RpcError) as caught:
        choose(ada, *categories)
    assert caught.value.code() == grpc.StatusCode.INVALID_ARGUMENT
    assert field in str(caught.value)
    found = ada.GetPreferences(notify_pb2.GetPreferencesRequest(person_id="ada"))
    assert all(list(one.channels) == by_default(one) for one in found.categories)


def test_frequencies_quiet_hours_and_muted_runs(ada: Any) -> None:
    """They are kept until they are changed, and told with their defaults filled in; a request that
    names no category may set them.
    """
    before = ada.GetPreferences(notify_pb2.GetPreferencesRequest(person_id="ada"))
    assert (before.digest_time.hour, before.digest_time.weekday) == (
        7,
        resources_pb2.WEEKDAY_MONDAY,
    )
    assert not before.HasField("quiet_hours")
    assert before.muted_run_ids == []
    assert before.calendar_parts
    immediate, off = resources_pb2.FREQUENCY_IMMEDIATE, resources_pb2.FREQUENCY_OFF
    assert {
        (each.channel, each.frequency)
        for one in before.categories
        if one.category == CATCH_UP
        for each in one.frequencies
    } == {
        (IN_APP, immediate),
        (EMAIL, immediate),
        (resources_pb2.CHANNEL_SMS, off),
        (resources_pb2.CHANNEL_PUSH, off),
    }
    daily = resources_pb2.ChannelFrequency(channel=EMAIL, frequency=resources_pb2.FREQUENCY_DAILY)
    choose(ada, resources_pb2.CategoryPreference(category=CATCH_UP, frequencies=[daily]))
    quiet = resources_pb2.QuietHours(start="22:00", end="06:30")
    more = notify_pb2.SetPreferencesRequest(
        person_id="ada", quiet_hours=quiet, mute_run_ids=["r2", "r1"], calendar_parts=False
    )
    more.digest_time.weekday = resources_pb2.WEEKDAY_SUNDAY  # at 0:00
    ada.SetPreferences(more)
    found = ada.SetPreferences(
        notify_pb2.SetPreferencesRequest(person_id="ada", unmute_run_ids=["r2"])
    )
    (catch_ups,) = (one for one in found.categories if one.category == CATCH_UP)
    assert list(catch_ups.channels) == [EMAIL]
    assert {each.channel: each.frequency for each in catch_ups.frequencies} == {
        IN_APP: off,
        EMAIL: resources_pb2.FREQUENCY_DAILY,
        resources_pb2.CHANNEL_SMS: off,
        resources_pb2.CHANNEL_PUSH: off,
    }
    assert found.quiet_hours == quiet
    assert (found.digest_time.hour, found.digest_time.weekday) == (0, resources_pb2.WEEKDAY_SUNDAY)
    assert list(found.muted_run_ids) == ["r1"]
    assert not found.calendar_parts
    none = notify_pb2.SetPreferencesRequest(person_id="ada")
    none.quiet_hours.SetInParent()
    assert not ada.SetPreferences(none).HasField("quiet_hours")


@pytest.mark.parametrize(
    ("wanted", "field"),
    [
        ({"quiet_hours": {"start": "22:00", "end": "24:00"}}, "quiet_hours.end"),
        ({"quiet_hours": {"start": "22:00", "end": "22:00"}}, "quiet_hours.end"),
        ({"quiet_hours": {"start": "7", "end": ""}}, "quiet_hours.start"),
        ({"digest_time": {"hour": 24, "weekday": "WEEKDAY_MONDAY"}}, "digest_time.hour"),
        ({"digest_time": {"hour": 4}}, "digest_time.weekday"),
        ({"mute_run_ids": [""]}, "mute_run_ids"),
        ({"mute_run_ids": ["x" * 129]}, "mute_run_ids"),
        ({"categories": [{"category": 3, "frequencies": [{"channel": 2}]}]}, "frequency"),
        ({"categories": [{"category": 3, "frequencies": [{"frequency": 2}]}]}, "channel"),
        ({"categories": [{"category": 3, "frequencies": [{"channel": 1, "frequency": 3}]}]},
         "categories[0].frequencies[0].frequency"),
        ({}, "categories"),
    ],
)  # fmt: skip
def test_a_choice_that_is_not_possible(ada: Any, wanted: Any, field: str) -> None:
    """It is refused with the field, and changes nothing."""
    before = ada.GetPreferences(notify_pb2.GetPreferencesRequest(person_id="ada"))
    request = ParseDict({"person_id": "ada", **wanted}, notify_pb2.SetPreferencesRequest())
    with pytest.raises(grpc.RpcError) as refused:
        ada.SetPreferences(request)
    error: Any = refused.value
    assert error.code() is grpc.StatusCode.INVALID_ARGUMENT
    assert field in error.details()
    assert ada.GetPreferences(notify_pb2.GetPreferencesRequest(person_id="ada")) == before
