"""Which mails invite to what."""

from collections.abc import Mapping, Sequence

from chassis.calendars.entries import Entry
from services.notify.domain.invitations import CalendarNews, Invitation, invitations_of
from services.notify.domain.messages import Delivery
from services.notify.domain.people import Enrolment, Run, has_left
from services.notify.ports import Store


def keep(store: Store, event_id: str, entries: Sequence[Entry]) -> None:
    """Keep what an event tells of calendars for the mails that will tell of the event."""
    if entries:
        store.put_calendar_news(CalendarNews(event_id, tuple(entries)))


def invitations_for(
    store: Store, deliveries: Sequence[Delivery]
) -> Mapping[str, tuple[Invitation, ...]]:
    """Return what each of these mails invites to, by delivery.

    Who is neither in the run nor among its staff (a guest who holds one class) sees the classes of
    a series under UIDs of their own in a feed, and is not invited to the series.
    """
    news = store.calendar_news({each.event_id for each in deliveries})
    told = [each for each in deliveries if each.event_id in news]
    places = store.enrolments_of({(each.run_id, each.person_id) for each in told})
    runs = store.replicas(Run, {each.run_id for each in told})
    parts = {key: invitations_of(one.entries) for key, one in news.items()}

    def is_invited(each: Delivery) -> bool:
        mine = places.get((each.run_id, each.person_id), ())
        return not news[each.event_id].is_of_series or _sees_series(
            each.person_id, mine, runs.get(each.run_id)
        )

    return {each.id: parts[each.event_id] for each in told if is_invited(each)}


def _sees_series(person_id: str, places: Sequence[Enrolment], run: Run | None) -> bool:
    learns = bool(places) and not has_left(places)
    return learns or (run is not None and person_id in {each.person_id for each in run.staff})
