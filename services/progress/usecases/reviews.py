"""Reviewing learners: every change of a learner's data goes through this module."""

from collections import Counter, defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, fields, replace
from datetime import datetime
from functools import partial

from services.progress.domain import class_page, due_changes, due_news, openings
from services.progress.domain.catch_ups import CatchUp, may_be_in_time, restocked
from services.progress.domain.class_overview import counted_buckets
from services.progress.domain.credit import in_time_at, until
from services.progress.domain.dues import Dues
from services.progress.domain.enums import Key
from services.progress.domain.evidence import activity_target, item_target
from services.progress.domain.learner import Learner, did_all
from services.progress.domain.learner_run_state import Counts, LearnerRunState
from services.progress.domain.plan import Plan
from services.progress.domain.review import counts_of, events_between, may_have_catch_ups, reviewed
from services.progress.domain.statements import Recorded
from services.progress.ports import Store
from services.progress.usecases.falling_behind import judge
from services.progress.usecases.week_fits import Placement

Learners = Mapping[Key, Learner]
NOTHING: frozenset[str] = frozenset()
_COUNTED = tuple(each.name for each in fields(Counts))


def unchanged(learner: Learner) -> Learner:
    """Return the learner unchanged, for an update that only evaluates the learner again."""
    return learner


@dataclass(frozen=True, slots=True)
class LearnerUpdate:
    """An update of one learner in one run."""

    key: Key
    at: datetime
    """When it became known."""
    change: Callable[[Learner], Learner] = unchanged
    targets: frozenset[str] | None = NOTHING
    """The targets whose evidence it concerns; None: all."""
    session_id: str = ""
    """The session whose attendance it concerns, if any."""


@dataclass(frozen=True, slots=True)
class Look:
    """A catch-up past its due, and its learner's statements that count before the due."""

    catch_up: CatchUp
    known: Recorded


def review(store: Store, news: Sequence[LearnerUpdate]) -> None:
    """Apply updates to learners, evaluate each against the run's plan, and record the events.

    Two units of work on one learner conflict, because each writes the learner's run state. A
    concurrent change of the plan is not seen; the plan version in the run state shows that, and the
    learner is evaluated again.
    """
    if not news:
        return
    keys = {each.key for each in news}
    plans, run_states = store.plans({run_id for run_id, _ in keys}), store.run_states(keys)
    catch_ups = store.catch_ups(
        key for key, each in run_states.items() if may_have_catch_ups(each, plans.get(key[0]))
    )
    looks = _last_looks(store, news, plans, run_states, catch_ups)
    at_dues = _last_looks_at_dues(store, plans, run_states)
    news = [*_seen_before_due(looks, plans), *at_dues, *news]
    before = _load(store, news, plans, run_states, catch_ups)
    after = dict(before)
    placement = Placement(store, {learner_id for _, learner_id in keys})
    for each in news:
        changed = each.change(after[each.key])
        plan = plans.get(each.key[0])
        if plan is not None:
            in_time = _in_time(looks.get(each.key, ()), changed, plan)
            found = reviewed(changed, plan, each.at, store.now, in_time)
            after[each.key] = placement.placed(changed, found, plan)
        else:
            after[each.key] = changed
        store.record_event(*events_between(changed, after[each.key]))
    for key, learner in after.items():
        after[key] = _told(store, before[key], learner, plans.get(key[0]))
    after = judge(store, before, after, plans)
    save(store, before, {key: _kept(before[key], after[key], plans.get(key[0])) for key in after})


def _last_looks(
    store: Store,
    news: Sequence[LearnerUpdate],
    plans: Mapping[str, Plan],
    run_states: Mapping[Key, LearnerRunState],
    catch_ups: Mapping[Key, Sequence[CatchUp]],
) -> dict[Key, list[Look]]:
    """Return looks at the statements before the dues of catch-ups that they may change."""
    groups: dict[tuple[str, frozenset[str], datetime], list[CatchUp]] = defaultdict(list)
    for key, own in _by_learner(news, catch_ups).items():
        plan = plans.get(key[0])
        for each in catch_ups[key] if plan else ():
            if plan and _wants_a_look(each, own, plan, run_states[key]):
                back = replace(each, dropped=False)
                now = restocked(back, plan.substitutes.get(each.session_id, ()))
                groups[key[0], _targets_of(now, plan), each.due].append(now)
    looks: dict[Key, list[Look]] = defaultdict(list)
    for (run_id, targets, due), some in groups.items():
        policy = plans[run_id].run.policy
        learner_ids = {each.learner_id for each in some}
        stored = store.taken_in(run_id, learner_ids, targets, due + policy.trusts_for)
        for each in some:
            known = until(stored.get(each.learner_id, ()), due, policy)
            # Without statements, what was heard in the class may be enough.
            known = known or Recorded((), each.assigned_at)
            looks[run_id, each.learner_id].append(Look(each, known))
    return looks


def _by_learner(
    news: Iterable[LearnerUpdate], catch_ups: Mapping[Key, Sequence[CatchUp]]
) -> dict[Key, list[LearnerUpdate]]:
    """Return the updates of those learners who have catch-ups."""
    found: dict[Key, list[LearnerUpdate]] = defaultdict(list)
    for each in news:
        if each.key in catch_ups:
            found[each.key].append(each)
    return found


def _wants_a_look(
    catch_up: CatchUp, news: Sequence[LearnerUpdate], plan: Plan, run_state: LearnerRunState
) -> bool:
    """Return whether the statements before a catch-up's due may change it.

    An open one may be missed. One that was missed or late may turn out to be in time: by what the
    attendance or the plan now says, or by a statement whose own time the run trusts.
    """
    if catch_up.is_open:
        return any(catch_up.due < each.at for each in news)
    if not may_be_in_time(catch_up):
        return False
    if plan.history.is_ahead_of(run_state.plan_version):
        return True
    targets = NOTHING
    if plan.run.policy.trusts_for:
        targets = plan.targets_in_place_of(catch_up.session_id, catch_up.item_ids)
    return any(
        each.targets is None or each.session_id == catch_up.session_id or targets & each.targets
        for each in news
    )


def _seen_before_due(
    looks: Mapping[Key, Sequence[Look]], plans: Mapping[str, Plan]
) -> Iterator[LearnerUpdate]:
    """Yield updates with statements before the due of catch-ups that would be missed.

    Statements become evidence by way of the broker, which may lag or be down when a due passes.
    Statements that are in the evidence already change nothing.
    """
    for key, own in looks.items():
        for each in own:
            if each.catch_up.is_open and each.known.statements:
                change = partial(did_all, recorded=each.known)
                targets = _targets_of(each.catch_up, plans[key[0]])
                yield LearnerUpdate(key, each.known.at, change, targets)


def _in_time(looks: Sequence[Look], learner: Learner, plan: Plan) -> dict[str, datetime]:
    """Return when catch-ups were studied, by session, as far as that was before their dues."""
    found = {
        each.catch_up.session_id: in_time_at(
            each.catch_up.session_id, each.catch_up.item_ids, learner, each.known, plan
        )
        for each in looks
    }
    return {session_id: at for session_id, at in found.items() if at is not None}


def _targets_of(catch_up: CatchUp, plan: Plan) -> frozenset[str]:
    return plan.targets_in_place_of(catch_up.session_id, catch_up.item_ids)


def _last_looks_at_dues(
    store: Store, plans: Mapping[str, Plan], run_states: Mapping[Key, LearnerRunState]
) -> Iterator[LearnerUpdate]:
    """Yield updates with statements on activities that would be told as missed: see above."""
    lookers = defaultdict(list)
    for (run_id, learner_id), run_state in run_states.items():
        if run_id not in plans:
            continue
        for each in due_news.overdue(run_state, plans[run_id], store.now):
            lookers[run_id, each.activity.id].append(learner_id)
    for (run_id, activity_id), learner_ids in lookers.items():
        item_id = plans[run_id].activities[activity_id].item_id
        items = plans[run_id].targets_of_items([item_id]) if item_id else NOTHING
        targets = items | {activity_target(activity_id)}
        for learner_id, own in store.taken_in(run_id, learner_ids, targets, store.now).items():
            statements = tuple(each.statement for each in own)
            recorded = Recorded(statements, max(each.at for each in own))
            change = partial(did_all, recorded=recorded)
            yield LearnerUpdate((run_id, learner_id), recorded.at, change, targets)


def _told(store: Store, before: Learner, after: Learner, plan: Plan | None) -> Learner:
    """Return the learner who was told of dues and of what opened; the events are recorded."""
    was, run_state = before.run_state, due_news.since(before.run_state, after.run_state, store.now)
    told = replace(after, run_state=run_state) if run_state is not after.run_state else after
    if plan is None or not (
        due_news.is_needed(was, run_state, plan, store.now)
        or openings.is_needed(before, after, plan)
        or class_page.is_needed(was, run_state)
    ):
        return told
    dues = Dues(plan, run_state)
    run_state, changed = due_changes.told(was, run_state, plan, store.now, dues)
    run_state, news = due_news.told(run_state, plan, store.now, dues)
    run_state = class_page.with_overdue(run_state, plan, store.now, dues)
    told, opened = openings.opened(was, replace(told, run_state=run_state), plan, store.now)
    store.record_event(*filter(None, (changed, *news, opened)))
    return told


def _load(
    store: Store,
    news: Sequence[LearnerUpdate],
    plans: Mapping[str, Plan],
    run_states: Mapping[Key, LearnerRunState],
    catch_ups: Mapping[Key, Sequence[CatchUp]],
) -> dict[Key, Learner]:
    known = [each for each in news if each.key in run_states]  # others have no evidence
    wanted = _wanted(known, plans, run_states, catch_ups)
    evidence = store.evidence(wanted)
    return {
        key: Learner(
            run_states.get(key) or LearnerRunState(*key),
            {each.target: each for each in evidence.get(key, ())},
            {each.session_id: each for each in catch_ups.get(key, ())},
            wanted.get(key),
        )
        for key in {each.key for each in news}
    }


def _wanted(
    news: Sequence[LearnerUpdate],
    plans: Mapping[str, Plan],
    run_states: Mapping[Key, LearnerRunState],
    catch_ups: Mapping[Key, Sequence[CatchUp]],
) -> dict[Key, frozenset[str] | None]:
    """Return the targets whose evidence to load, by learner; None: all.

    Targets of the updates, targets that changed in the plan since the learner was evaluated last,
    and targets that are evaluated together with these.
    """
    touched: dict[Key, set[str]] = defaultdict(set)
    for each in news:
        touched[each.key].update(each.targets or ())
    wanted: dict[Key, frozenset[str] | None] = {}
    for key, targets in touched.items():
        groups = [each.item_ids for each in catch_ups.get(key, ())]
        wanted[key] = _related(targets, run_states[key], plans.get(key[0]), groups)
    return wanted | {each.key: None for each in news if each.targets is None}


def _related(
    targets: set[str],
    run_state: LearnerRunState,
    plan: Plan | None,
    groups: Sequence[tuple[str, ...]],
) -> frozenset[str] | None:
    if plan is None:
        return frozenset(targets)
    items = plan.history.items_since(run_state.plan_version)
    if items is None:
        return None
    return plan.related({*targets, *map(item_target, items), *plan.scored_targets}, groups)


def _kept(before: Learner, after: Learner, plan: Plan | None) -> Learner:
    """Return the learner to store, with its counts, its listing, and the plan version it was
    evaluated against.

    It is `before` if nothing changed and the learner was not behind.
    """
    counts = counts_of(after, plan.required if plan else NOTHING)
    run_state = after.run_state
    if counts != run_state.counted:
        run_state = replace(run_state, counted=counts)
    behind = plan is not None and plan.history.is_ahead_of(run_state.plan_version)
    listing = class_page.relisted(before.run_state, run_state, plan, is_new_plan=behind)
    is_same = after == before and run_state is after.run_state and listing == run_state.listing
    if is_same and not behind:
        return before
    run_state = replace(
        run_state,
        listing=listing,
        plan_version=plan.history.version if plan else run_state.plan_version,
        writes=run_state.writes + 1,
    )
    return replace(after, run_state=run_state)


def save(store: Store, before: Learners, after: Learners) -> None:
    """Store what changed, and add the differences to the summaries."""
    deltas: dict[str, Counter[str]] = defaultdict(Counter)
    for key, learner in after.items():
        deltas[key[0]].update(_difference(before[key].run_state, learner.run_state))
    store.add_to_summaries(deltas)
    store.save(before, after)


def _difference(before: LearnerRunState, after: LearnerRunState) -> dict[str, int]:
    """Return what to add to the counts of the run's summary, by their names in it."""
    found = dict[str, int]()
    if before.counted != after.counted:
        for name in _COUNTED:
            found[name] = getattr(after.counted, name) - getattr(before.counted, name)
    was, now = counted_buckets(before), counted_buckets(after)
    if was != now:
        found |= {f"buckets.{each}": -1 for each in was if each not in now}
        found |= {f"buckets.{each}": 1 for each in now if each not in was}
    return found
