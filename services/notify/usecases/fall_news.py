"""Telling learners that they fell behind, and who teaches them."""

from collections.abc import Sequence

from chassis.staff import StaffMember
from services.notify.domain.enums import Kind
from services.notify.domain.fall_news import (
    Fall,
    FallDigest,
    by_run,
    collected,
    joined,
    kept_for,
    newest,
    told,
)
from services.notify.domain.notices import About, Notice
from services.notify.domain.people import Run, has_left
from services.notify.domain.values import FellBehind, LearnersFellBehind
from services.notify.ports import Store, Texts
from services.notify.usecases.notifications import Addressed, notify

LISTED = 20
"""Learners that a message lists; it counts the others."""


def collect(store: Store, arrived: Sequence[Fall]) -> None:
    """Note falls and recoveries, and what is to be told of them later."""
    known = store.replicas(Fall, {each.id for each in arrived})
    for each in arrived:
        known[each.id] = newest(known.get(each.id), each, store.now)
    store.put_replicas(list(known.values()))
    told_now = {each.event_id for each in arrived}
    falls = by_run(each for each in known.values() if each.event_id in told_now)
    digests = store.replicas(FallDigest, falls)
    store.put_replicas(
        [collected(digests.get(run_id), own, store.now) for run_id, own in falls.items()]
    )


def tell(store: Store, texts: Texts, fall_ids: Sequence[str]) -> None:
    """Tell learners that they fell behind, and why; not who has left the run."""
    falls = store.replicas(Fall, fall_ids)
    due = [each for each in falls.values() if each.tell_at and each.tell_at <= store.now]
    places = store.enrolments({each.id for each in due})
    runs = store.replicas(Run, {each.run_id for each in due})
    store.put_replicas([told(each, store.now) for each in due])
    addressed = [
        Addressed(_for_learner(each, runs[each.run_id]), each.learner_id)
        for each in due
        if not has_left(filter(None, [places.get(each.id)]))
    ]
    notify(store, texts, addressed)


def tell_staff(store: Store, texts: Texts, digest_id: str) -> None:
    """Tell each who teaches a run of the learners of their groups who are behind since the last
    message; nothing if all have recovered. For who is not known yet it is kept, while it is news.
    """
    digest = store.replicas(FallDigest, [digest_id]).get(digest_id)
    if digest is None or digest.tell_at is None or digest.tell_at > store.now:
        return
    store.remove_fall_digest(digest_id)
    run = store.replicas(Run, [digest.run_id])[digest.run_id]
    news = digest.news(store.replicas(Fall, digest.fall_ids))
    addressed = [
        Addressed(_for_staff(store, digest, run, own, not member.group_ids), member.person_id)
        for member in run.teachers
        if digest.is_for(member.person_id) and (own := _reached(store, member, news))
    ]
    _keep(store, digest, notify(store, texts, addressed))


def _keep(store: Store, digest: FallDigest, people: Sequence[str]) -> None:
    """Keep a digest for people who are not known yet, with what waits for them already."""
    kept = [kept_for(digest, each, store.now) for each in people]
    waiting = store.replicas(FallDigest, {each.id for each in kept})
    store.put_replicas([joined(waiting.get(each.id), each) for each in kept])


def _reached(store: Store, member: StaffMember, news: Sequence[Fall]) -> Sequence[Fall]:
    """Return the falls of learners whom a member of staff may see: all, or those of the groups."""
    if not member.group_ids:
        return news
    places = store.enrolments({each.id for each in news})
    groups = {id_: place.group_ids for id_, place in places.items()}
    return [each for each in news if each.id in groups and member.reaches(groups[each.id])]


def _for_learner(fall: Fall, run: Run) -> Notice:
    values: FellBehind = {"run": run.title, "reasons": _reasons(fall)}
    about = About(Kind.FELL_BEHIND, fall_id=fall.id, sequence=fall.sequence)
    return Notice(fall.event_id, fall.event_type, about.kind, values, about, fall.run_id)


def _for_staff(
    store: Store, digest: FallDigest, run: Run, news: Sequence[Fall], is_for_all: bool
) -> Notice:
    """Return the notice of falls. `is_for_all`: the person teaches all groups of the run."""
    listed = news[:LISTED]
    people = store.people({each.learner_id for each in listed})
    names = {id_: person.name for id_, person in people.items() if person.name}
    values: LearnersFellBehind = {
        "run": run.title,
        "count": len(news) + (digest.more if is_for_all else 0),
        "learners": [
            (names.get(each.learner_id, each.learner_id), _reasons(each)) for each in listed
        ],
    }
    about = About(
        Kind.LEARNERS_FELL_BEHIND,
        listed={each.id: each.sequence for each in news} if values["count"] <= LISTED else {},
    )
    return Notice(digest.event_id, digest.event_type, about.kind, values, about, run.id)


def _reasons(fall: Fall) -> list[tuple[str, int]]:
    """Return each reason's kind with its number, whole: days are rounded down."""
    return [(each.kind, int(each.value)) for each in fall.reasons]
