"""References between statements, followed as statements are stored."""

from collections.abc import Collection, Iterable, Iterator, Mapping
from dataclasses import replace

from services.progress.domain.events import StatementVoided
from services.progress.domain.statements import Statement
from services.progress.domain.xapi.voiding import Link, inherited, voids
from services.progress.ports_xapi import LinkStore

MOST_ROUNDS = 50
"""References that are followed one after the other; they may be a ring."""


def follow(store: LinkStore, new: Iterable[Link]) -> None:
    """Apply the references from and to new statements: they are stored, with no effect so far."""
    stored = [*new]
    waiting = {each.id: each for each in stored if each.target}
    waiting |= store.referrers(store.came_late(each.id for each in stored))
    if not waiting:
        return
    before = dict(waiting) | _missing(store, waiting)
    after, awaited = dict(before), set[str]()
    for _ in range(MOST_ROUNDS):
        changed = _changed(after, waiting, awaited)
        more = store.referrers(changed)
        for links in (more, _missing(store, more)):
            before, after = links | before, links | after
        waiting = more
        if not waiting:
            break
    store.await_statements(awaited)
    store.put_links(before, after)
    voided = {
        each.id for each in after.values() if each.is_voided and not before[each.id].is_voided
    }
    store.record_event(*voided_events(store.statements(voided)))


def voided_events(statements: Mapping[str, Statement | None]) -> Iterator[StatementVoided]:
    """Yield the events of voided statements of ours."""
    for each in statements.values():
        if each is not None:
            named = (each.run_id, each.activity_id, each.item_id)
            yield StatementVoided(each.id, each.learner_id, *named)


def _missing(store: LinkStore, referrers: Mapping[str, Link]) -> dict[str, Link]:
    """Return the links of the targets."""
    return store.links({each.target for each in referrers.values()} - referrers.keys())


def _changed(links: dict[str, Link], waiting: Collection[str], awaited: set[str]) -> list[str]:
    """Apply the references of some statements to `links`; return those that have more keys now."""
    changed = []
    for id_ in waiting:
        referrer, target = links[id_], links.get(links[id_].target)
        if target is None:
            awaited.add(referrer.target)
            continue
        if voids(referrer, target):
            links[target.id] = replace(target, is_voided=True)
        if more := inherited(referrer, target):
            links[id_] = replace(links[id_], keys=referrer.keys | more)
            changed.append(id_)
    return changed
