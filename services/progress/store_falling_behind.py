"""Learners who are falling behind, in MongoDB."""

from bisect import bisect_left
from collections.abc import Collection, Iterable
from datetime import datetime, timedelta
from functools import partial
from itertools import accumulate

from pymongo import ASCENDING

from chassis.contracts.mapping import from_document, to_document
from chassis.data.pages import Page, find_page
from services.progress import metrics
from services.progress.domain.enums import EnrolmentState
from services.progress.domain.falling_behind import ReasonKind
from services.progress.domain.judgement import RunSilence
from services.progress.domain.learner_run_state import LearnerRunState
from services.progress.ports import Turn
from services.progress.store_plans import PlansStore
from services.progress.store_replicas import Document

IS_BEHIND = {"$type": "date"}  # as in the migration: the query needs it to use the index
ENROLLED = {"state": EnrolmentState.ENROLLED.value}
TURN = {"_id": 1, "judge_at": 1}
TO_JUDGE = [("judge_at", ASCENDING)]


class FallingBehindStore(PlansStore):
    """The part of the store with learners who are falling behind."""

    def silences(self, run_ids: Collection[str]) -> dict[str, RunSilence]:
        """Return what was counted last of the median learners of runs, by run."""
        rows = self.find_by_ids("silences", run_ids) if run_ids else ()
        return {row["_id"]: from_document(row, RunSilence) for row in rows}

    def put_silences(self, silences: Iterable[RunSilence]) -> None:
        """Store what was counted of median learners."""
        self._set("silences", map(to_document, silences))

    def median_last_seen(self, run_id: str) -> datetime | None:
        """Return when the median learner of a run last did anything, or came, rounded down to the
        hour; None without any.

        It reads all learners of the run who have not completed the path, once.
        """
        hour = {"$dateTrunc": {"date": "$seen_at", "unit": "hour"}}
        stages: list[Document] = [
            {"$match": {"run_id": run_id, **ENROLLED, "path_completed_at": None}},
            {"$project": {"seen_at": {"$max": ["$last_seen_at", "$enrolled_at"]}}},
            {"$match": {"seen_at": {"$type": "date"}}},
            {"$group": {"_id": hour, "count": {"$sum": 1}}},
            {"$sort": {"_id": 1}},
        ]
        rows = list(self["standings"].aggregate(stages, session=self.session))
        places = list(accumulate(row["count"] for row in rows))
        return rows[bisect_left(places, (places[-1] + 1) // 2)]["_id"] if rows else None

    def learners_to_judge(self, most: int) -> list[Turn]:
        """Return learners whom the passing of time may have let fall behind, or recover, the
        longest waiting first; before them those whom only an older version has seen in their runs.
        """
        due = {"$or": [{"judge_at": None}, {"judge_at": {"$lte": self.now}}]}
        query = {**ENROLLED, **due, **self._ready()}
        rows = self["standings"].find(query, TURN, session=self.session)
        return [
            Turn((row["_id"]["run_id"], row["_id"]["learner_id"]), row.get("judge_at"))
            for row in rows.sort(TO_JUDGE).limit(most)
        ]

    def oldest_verdict_due(self) -> timedelta:
        """Return for how long the learner has waited who is due to be judged for longest, without
        those who were set aside; zero: nobody is due.
        """
        query = {**ENROLLED, "judge_at": {"$lte": self.now}, **self._ready()}
        wanted = {"_id": 0, "judge_at": 1}
        row = self["standings"].find_one(query, wanted, sort=TO_JUDGE, session=self.session)
        return self.now - row["judge_at"] if row else timedelta()

    def note_verdict(self, kinds: Collection[ReasonKind]) -> None:
        """Count that a learner fell behind for these kinds of reasons, or (none) recovered."""
        if not kinds:
            self.on_commit(metrics.RECOVERED.inc)
        for each in kinds:
            self.on_commit(partial(_count, each))

    def falling_behind_page(self, run_id: str, page: Page) -> tuple[list[LearnerRunState], str]:
        """Return the run's learners who are falling behind, longest first, and the token of the
        next page.
        """
        query = {"run_id": run_id, "behind_since": IS_BEHIND}
        order = [("behind_since", 1), ("learner_id", 1)]
        rows, token = find_page(self["standings"], query, order, page, self.session)
        return [from_document(row, LearnerRunState) for row in rows], token


def _count(kind: ReasonKind) -> None:
    metrics.FELL_BEHIND.labels(kind).inc()
