"""Applying events on a run's plan: its policy, its path, its sessions, their items.

Each change gives the run's plan a new version. If it may change learners' results, the run's
learners are re-evaluated.
"""

from collections import defaultdict
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import timedelta

from chassis.replicas import newer, upsert_if_newer
from services.progress.domain.enums import DueCause
from services.progress.domain.path import Path, Run
from services.progress.domain.plan_history import (
    NO_EFFECT,
    ON_EVERYTHING,
    Cause,
    Effect,
    PlanHistory,
    changed,
)
from services.progress.domain.reevaluations import AGAIN_AFTER, ItemUpdate, begun, effect_of
from services.progress.domain.sessions import Item, Session, SessionUpdate, merge, with_item
from services.progress.ports import Store

RUN_UPDATED = replace(ON_EVERYTHING, causes=(Cause(DueCause.RUN_UPDATED),))
ZONE_DATA = replace(ON_EVERYTHING, causes=(Cause(DueCause.ZONE_DATA),))


def learn_runs(store: Store, arrived: Sequence[Run]) -> None:
    """Store runs; their policy decides what counts as watched. Where nothing that we store of a run
    changed, as with its staff, no learner is evaluated again.
    """
    before = store.replicas(Run, {run.id for run in arrived})
    fresh = newer(before, arrived)
    store.put_replicas(fresh)
    differing = [run for run in fresh if not _is_same(before.get(run.id), run)]
    _change(store, {run.id: RUN_UPDATED for run in differing})


def end_runs(store: Store, run_ids: Sequence[str]) -> None:
    """Let the learners of runs that have ended be evaluated again."""
    store.note_ended(run_ids)
    _change(store, dict.fromkeys(run_ids, ON_EVERYTHING))


def apply_zone_data(store: Store, run_ids: Sequence[str]) -> None:
    """Let the learners of runs be evaluated again if the data of their zone changed: dues by civil
    times are at other instants now.
    """
    _change(store, dict.fromkeys(store.note_zone_data(run_ids), ZONE_DATA))


def _is_same(before: Run | None, after: Run) -> bool:
    return before is not None and replace(after, sequence=before.sequence) == before


def learn_paths(store: Store, arrived: Sequence[Path]) -> None:
    """Store the newest version of each path; what was completed stays completed."""
    fresh = upsert_if_newer(store, Path, arrived)
    _change(store, {path.id: ON_EVERYTHING for path in fresh})


def learn_sessions(store: Store, arrived: Sequence[SessionUpdate]) -> None:
    """Store sessions, each part by its newest event."""
    if arrived:
        before = store.sessions({news.session_id for news in arrived})
        _keep_sessions(store, before, _after(before, arrived).values())


def pass_over(store: Store, sessions: Collection[Session]) -> None:
    """Stop waiting for the recordings of these sessions."""
    before = {session.id: session for session in sessions}
    _keep_sessions(store, before, [replace(session, waited=True) for session in sessions])


def learn_items(store: Store, arrived: Sequence[Item]) -> None:
    """Store items; learners of runs that name one are evaluated again.

    A concurrent unit of work may store a session that names one of them; so each update is applied
    again later.
    """
    known = store.items({item.id for item in arrived})
    fresh = [item for item in _merged(known, arrived) if item != known.get(item.id)]
    store.put_replicas(fresh)
    informed = {item.id: frozenset(store.runs_naming([item.id])) for item in fresh}
    again_at = store.system_now + AGAIN_AFTER
    store.put_item_updates(
        ItemUpdate(item_id, runs, again_at) for item_id, runs in informed.items()
    )
    _change(store, _naming(informed))


def notify_again(store: Store, item_ids: Collection[str]) -> None:
    """Apply updates of these items again, to runs that missed them."""
    news = store.item_updates(item_ids)
    _change(store, _naming({each.id: store.runs_naming([each.id]) - each.told for each in news}))
    store.remove_item_updates([each.id for each in news])


def change_unseen(store: Store, run_ids: Collection[str]) -> None:
    """Give new versions to plans that an older version of the service changed."""
    _change(store, dict.fromkeys(run_ids, ON_EVERYTHING))
    store.forget_older_versions(run_ids)


def recordings_waited_for(
    store: Store, session_ids: Collection[str], item_ids: Collection[str]
) -> list[timedelta]:
    """Return the time from each class's end until now, when its recording can be played.

    For classes that got a recording just now, and those whose recording is an item that was updated
    just now. Classes without a known end are left out; `recordings_missed` has reported those that
    no longer wait.
    """
    if not session_ids and not item_ids:
        return []
    sessions = store.sessions(session_ids) | store.sessions_recorded_as(item_ids)
    items = store.items({each.recording_item_id for each in sessions.values()})
    return [
        store.now - each.ended_at
        for each in sessions.values()
        if each.ended_at and not each.waited and each.recording_item_id in items
        if items[each.recording_item_id].available
    ]


def recordings_missed(store: Store, waited: Collection[Session]) -> list[timedelta]:
    """Return how long we waited for expected recordings that can't be played by now."""
    items = store.items({each.recording_item_id for each in waited})
    playable = {item.id for item in items.values() if item.available}
    return [
        store.now - each.ended_at
        for each in waited
        if each.ended_at and (each.recorded or each.recording_item_id)
        if each.recording_item_id not in playable
    ]


def _merged(known: Mapping[str, Item], arrived: Iterable[Item]) -> Collection[Item]:
    after = dict(known)
    for item in arrived:
        after[item.id] = with_item(after.get(item.id), item)
    return after.values()


def _after(before: dict[str, Session], arrived: Iterable[SessionUpdate]) -> dict[str, Session]:
    after = dict(before)
    for news in arrived:
        known = after.get(news.session_id) or Session(news.session_id, news.run_id)
        after[known.id] = merge(known, news)
    return after


def _keep_sessions(store: Store, before: Mapping[str, Session], after: Collection[Session]) -> None:
    """Store the sessions that changed, and give the plans of their runs new versions."""
    fresh = [session for session in after if session != before.get(session.id)]
    items = store.items({item_id for session in fresh for item_id in session.mentions})
    store.put_sessions(fresh)
    paths = store.replicas(Path, {session.run_id for session in fresh})
    anchors = {path.id: path.anchors for path in paths.values()}
    effects: dict[str, Effect] = defaultdict(lambda: NO_EFFECT)
    for session in fresh:
        of_run = anchors.get(session.run_id, frozenset())
        effects[session.run_id] |= effect_of(before.get(session.id), session, items, of_run)
    _change(store, effects)


def _naming(runs_of_items: Mapping[str, Collection[str]]) -> dict[str, Effect]:
    """Return the effects of item updates on the runs that name the items."""
    effects: dict[str, Effect] = defaultdict(lambda: NO_EFFECT)
    for item_id, run_ids in runs_of_items.items():
        for run_id in run_ids:
            effects[run_id] |= Effect(frozenset({item_id}))
    return effects


def _change(store: Store, effects: Mapping[str, Effect]) -> None:
    """Give plans their next version; if that may affect learners, begin a re-evaluation."""
    if not effects:
        return
    known = store.plan_histories(effects)
    store.put_plan_histories(
        changed(known.get(run_id) or PlanHistory(run_id), effect)
        for run_id, effect in effects.items()
    )
    concerned = [run_id for run_id, effect in effects.items() if effect.matters]
    reevaluations, now = store.reevaluations(concerned), store.system_now
    store.put_reevaluations(begun(reevaluations.get(run_id), run_id, now) for run_id in concerned)
