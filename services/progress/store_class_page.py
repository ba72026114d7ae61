"""The class page in MongoDB: learners of a run, by any column, with a filter."""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import fields
from datetime import datetime
from typing import Any

from chassis.contracts.mapping import from_document
from chassis.data.pages import BAD_TOKEN, Page, find_page, read_token, within, write_token
from chassis.errors import FieldViolation, Invalid
from services.progress.domain.class_overview import Totals
from services.progress.domain.class_page import (
    Column,
    ProgressFilter,
    Selection,
    buckets_of,
)
from services.progress.domain.enums import EnrolmentState
from services.progress.domain.learner_run_state import Counts, LearnerRunState
from services.progress.store_plans import PlansStore
from services.progress.store_replicas import Document

Order = Sequence[tuple[str, int]]
ENROLLED = {"state": EnrolmentState.ENROLLED.value}
# What a row of the page doesn't need. The first four may be more than all the rest; without the
# others a row is read a seventh faster.
NOT_SHOWN = (
    *("attendance", "dues_told", "dues_known", "opened"),
    *("_id", "enrolment_id", "state_sequence", "mode_sequence", "groups_sequence", "path_version"),
    *("plan_version", "dues_since", "next_due_at", "path_seen", "overdue", "judge_at", "writes"),
)
# The index of groups, as in the migration.
BY_GROUP = "run_id_1_group_ids_1_learner_id_1"
OTHER_LIST = FieldViolation(
    "page_token",
    "is of another run, order or filter",
    "the token of an answer to the same request, or empty to start over",
)


class ClassPageStore(PlansStore):
    """The part of the store that finds the learners of a run."""

    def run_states_page(
        self, selection: Selection, page: Page
    ) -> tuple[list[LearnerRunState], str]:
        """Return a run's enrolled learners in an order, and the token of the next page.

        Raises Invalid (page_token).
        """
        if selection.is_plain:  # it also lists learners whom only an older version has seen
            query, order = {"run_id": selection.run_id, **ENROLLED}, [("learner_id", 1)]
            rows, token = find_page(
                self["standings"], query, order, page, self.session, without=NOT_SHOWN
            )
        else:
            rows, token = self._sorted_page(selection, page)
        return [from_document(row, LearnerRunState) for row in rows], token

    def totals_of_groups(self, run_id: str, group_ids: Collection[str]) -> Totals:
        """Return what the learners of some groups add up to, without their statements."""
        wanted = {"run_id": run_id, "group_ids": {"$in": list(group_ids)}, **ENROLLED}
        names = [each.name for each in fields(Counts)]
        sums = {name: {"$sum": f"$counted.{name}"} for name in names}
        counted = {"$slice": [{"$ifNull": ["$listing.buckets", []]}, 2]}
        stages: list[Document] = [
            {"$match": wanted},
            {"$group": {"_id": counted, "all": {"$sum": 1}, **sums}},
        ]
        counts, buckets = Counter[str](dict.fromkeys((*names, "statements"), 0)), Counter[str]()
        # Without the hint, MongoDB may read the whole run for the members of some groups.
        rows = self["standings"].aggregate(stages, session=self.session, hint=BY_GROUP)
        for row in rows:
            counts.update({name: row[name] for name in names})
            buckets.update(dict.fromkeys(row["_id"], row["all"]))
        return Totals(counts, buckets)

    def _sorted_page(self, selection: Selection, page: Page) -> tuple[list[Document], str]:
        order, without = _order(selection), dict.fromkeys(NOT_SHOWN, 0)
        query = _query(selection, page, self.now)
        rows: list[Document] = []
        for after, by in _ranges(order, _last(page.token, selection.mark, order)):
            found = self["standings"].find({**query, **after}, without, session=self.session)
            found = found.sort(by).hint(f"class_page_{selection.order_by}")
            # In one batch: else MongoDB keeps a cursor open after the first 101.
            wanted = page.size + 1 - len(rows)
            rows += found.limit(wanted).batch_size(wanted)
            if len(rows) > page.size:
                last = _place(rows[page.size - 1], order)
                return rows[: page.size], write_token([selection.mark, *last])
        return rows, ""


def _query(selection: Selection, page: Page, now: datetime) -> Document:
    """Return a query for the learners of a list, cut to what the caller may see."""
    runs, run_id = page.runs, selection.run_id
    groups = runs.get(run_id, frozenset[str]()) if runs else frozenset[str]()
    return {
        "run_id": run_id,
        "listing.buckets": {"$in": buckets_of(selection.filter, now, groups)},
        **ENROLLED,
        **_condition(selection.filter),
        "$and": [{} if runs is None else within(runs)],
    }


def _condition(wanted: ProgressFilter) -> Document:
    """Return a filter as a query: a bucket may have a few learners more, and an older version of
    the service leaves learners in their buckets.
    """
    found: Document = {}
    if wanted.mode is not None:
        found["mode"] = wanted.mode.value
    if wanted.group_id is not None:
        found["group_ids"] = wanted.group_id
    if wanted.overdue:
        found["overdue"] = {"$gte": wanted.overdue}
    if wanted.open_catch_ups is not None:
        found["counted.open_catch_ups"] = {"$gt": 0} if wanted.open_catch_ups else 0
    if wanted.path_completed is not None:
        found["counted.completed_path"] = int(wanted.path_completed)
    if wanted.behind is not None:
        found["behind_since"] = {"$ne": None} if wanted.behind else None
    if wanted.not_seen_since is not None:
        not_since = {"$not": {"$gte": wanted.not_seen_since}}
        found |= {"last_seen_at": not_since, "enrolled_at": not_since}
    return found


def _order(selection: Selection) -> Order:
    """Return the fields by which learners are sorted: the column's, then the learner's id."""
    direction = -1 if selection.descending else 1
    by_learner = ("learner_id", direction)
    if selection.order_by is Column.LEARNER_ID:
        return [by_learner]
    return [(f"listing.numbers.{selection.order_by}", direction), by_learner]


def _last(token: str, mark: str, order: Order) -> list[Any]:
    """Return the place at which the page before ended; empty for the first page. Raises Invalid."""
    if not token:
        return []
    found, *last = read_token(token, 1 + len(order))
    if found != mark:
        raise Invalid([OTHER_LIST])
    kinds = (int, str)[-len(order) :]
    if not all(isinstance(each, kind) for each, kind in zip(last, kinds, strict=True)):
        raise Invalid([BAD_TOKEN])
    return last


def _ranges(order: Order, last: Sequence[Any]) -> list[tuple[Document, Order]]:
    """Return queries, each with its order, whose rows one after the other are those after `last`:
    the rest of those that are equal in the column, then those beyond. As one query with an `$or`
    they would read all that are equal, which may be the whole run.
    """
    if not last:
        return [({}, order)]
    beyond = "$gt" if order[0][1] > 0 else "$lt"
    *equal, end = zip((field for field, _ in order), last, strict=True)
    rest = {**dict(equal), end[0]: {beyond: end[1]}}
    return [(rest, order[-1:]), *(({field: {beyond: value}}, order) for field, value in equal)]


def _place(row: Mapping[str, Any], order: Order) -> list[Any]:
    """Return where a row stands in an order."""
    columns = [field.rpartition(".")[2] for field, _ in order[:-1]]
    return [*(row["listing"]["numbers"][column] for column in columns), row["learner_id"]]
