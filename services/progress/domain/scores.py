"""The scores of a learner in a run."""

from collections.abc import Mapping
from statistics import fmean

from services.progress.domain.plan import Plan


def mean_score(scores: Mapping[str, float], plan: Plan) -> float | None:
    """Return the mean of the scores of the path's activities, -1 to 1; None without any."""
    own = [score for activity_id, score in scores.items() if activity_id in plan.activities]
    return fmean(own) if own else None
