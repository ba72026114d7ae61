"""Keep up with what others say of a run: its policy, its path, its sessions, their items.

What may change what learners have done is held against all of the run's learners by a revisit.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Sequence
from dataclasses import replace
from datetime import timedelta

from services.progress.domain.copies import newer
from services.progress.domain.path import Path, Run
from services.progress.domain.revisits import matters, widened
from services.progress.domain.sessions import Item, Session, SessionNews, told
from services.progress.ports import Store


def learn_runs(store: Store, arrived: Sequence[Run]) -> None:
    """Keep runs; their policy decides what counts as watched."""
    store.guard_runs({run.id for run in arrived})
    fresh = newer(store.copies(Run, {run.id for run in arrived}), arrived)
    store.put_copies(fresh)
    for run in fresh:
        _revisit(store, run.id, None)


def learn_paths(store: Store, arrived: Sequence[Path]) -> None:
    """Keep the version of each path that holds; what was completed stays completed."""
    store.guard_runs({path.id for path in arrived})
    fresh = newer(store.copies(Path, {path.id for path in arrived}), arrived)
    store.guard_items({each.item_id for path in fresh for each in path.activities if each.item_id})
    store.put_copies(fresh)
    for path in fresh:
        _revisit(store, path.id, None)


def learn_sessions(store: Store, arrived: Sequence[SessionNews]) -> None:
    """Keep sessions, each part by the newest event that told it."""
    if not arrived:
        return
    store.guard_runs({news.run_id for news in arrived})
    before = store.sessions({news.session_id for news in arrived})
    after = _after(before, arrived)
    named = {item_id for session in after.values() for item_id in session.mentions}
    store.guard_items(named)
    items = store.items(named)
    store.put_sessions(each for each in after.values() if each != before.get(each.id))
    for session in after.values():
        if matters(before.get(session.id), session, items):
            _revisit(store, session.run_id, session.mentions)


def pass_over(store: Store, sessions: Collection[Session]) -> None:
    """Wait no longer for the recordings of these sessions."""
    store.guard_runs({session.run_id for session in sessions})
    items = store.items({item_id for session in sessions for item_id in session.mentions})
    after = [replace(session, waited=True) for session in sessions]
    store.put_sessions(after)
    for before, session in zip(sessions, after, strict=True):
        if matters(before, session, items):
            _revisit(store, session.run_id, session.mentions)


def learn_items(store: Store, arrived: Sequence[Item]) -> None:
    """Keep what the library says of items; runs that name one are revisited."""
    store.guard_items({item.id for item in arrived})
    fresh = newer(store.items({item.id for item in arrived}), arrived)
    store.put_copies(fresh)
    named = defaultdict(list)
    for item in fresh:
        for run_id in store.runs_naming([item.id]):
            named[run_id].append(item.id)
    store.guard_runs(named)
    for run_id, item_ids in named.items():
        _revisit(store, run_id, item_ids)


def recordings_waited_for(
    store: Store, session_ids: Collection[str], item_ids: Collection[str]
) -> list[timedelta]:
    """How long it took from each class's end until now that its recording can be played.

    For classes that got a recording just now, and those whose recording is an item of which the
    library told just now. Of one whose end is not known yet there is nothing to tell.
    """
    if not session_ids and not item_ids:
        return []
    sessions = store.sessions(session_ids) | store.sessions_recorded_as(item_ids)
    items = store.items({each.recording_item_id for each in sessions.values()})
    return [
        store.now - each.ended_at
        for each in sessions.values()
        if each.ended_at and each.recording_item_id in items
        if items[each.recording_item_id].available
    ]


def _after(before: dict[str, Session], arrived: Iterable[SessionNews]) -> dict[str, Session]:
    after = dict(before)
    for news in arrived:
        known = after.get(news.session_id) or Session(news.session_id, news.run_id)
        after[known.id] = told(known, news)
    return after


def _revisit(store: Store, run_id: str, item_ids: Iterable[str] | None) -> None:
    store.put_revisit(widened(store.revisit(run_id), run_id, item_ids, store.now))
