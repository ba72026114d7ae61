"""Collecting changes of dues, and telling learners what is left of them."""

from collections.abc import Sequence

from services.notify.domain.enums import Kind
from services.notify.domain.notices import About, Notice
from services.notify.domain.path_news import DueDigest, DueMove, collected, told
from services.notify.domain.people import Path, Run, has_left
from services.notify.domain.values import DuesChanged
from services.notify.ports import Store, Texts
from services.notify.usecases.notifications import Addressed, notify

# A message lists so many dues, and counts the others.
MOST = 50


def collect(store: Store, arrived: Sequence[DueDigest]) -> None:
    """Add changes of dues to what their learners are told later, in order."""
    known = store.replicas(DueDigest, {each.id for each in arrived})
    for each in arrived:
        known[each.id] = collected(known.get(each.id), each, store.now)
    store.put_replicas(list(known.values()))


def tell(store: Store, texts: Texts, digest_ids: Sequence[str]) -> None:
    """Tell learners of their dues that changed, one message each; nothing to who has left."""
    digests = store.replicas(DueDigest, digest_ids)
    due = [each for each in digests.values() if each.tell_at and each.tell_at <= store.now]
    places = store.enrolments({each.id for each in due})
    runs = store.replicas(Run, {each.run_id for each in due})
    paths = store.replicas(Path, {each.run_id for each in due})
    store.put_replicas([told(each, store.now) for each in due])
    addressed = []
    for each in due:
        news = each.news(store.now)
        if news and not has_left(filter(None, [places.get(each.id)])):
            run, path = runs[each.run_id], paths.get(each.run_id)
            addressed.append(Addressed(_notice(each, news, run, path), each.learner_id))
    notify(store, texts, addressed)


def _notice(digest: DueDigest, news: Sequence[DueMove], run: Run, path: Path | None) -> Notice:
    values: DuesChanged = {
        "run": run.title,
        "count": len(news),
        "dues": [(_title(each, path), each.known, each.due, each.cause) for each in news[:MOST]],
    }
    about = About(
        Kind.DUES_CHANGED,
        end_time=max(at for each in news for at in (each.known, each.due) if at),
        sequence=digest.sequence,
        enrolment_id=digest.id,
        activity_ids=tuple(each.activity_id for each in news),
    )
    return Notice(
        digest.event_id, digest.event_type, Kind.DUES_CHANGED, values, about, digest.run_id
    )


def _title(move: DueMove, path: Path | None) -> str:
    """Return the title of a due's activity; its id if the path has it no more."""
    return move.title or (path.titles if path else {}).get(move.activity_id, move.activity_id)
