"""Reads a problem as JSON from stdin, and writes JSON lines to stdout: progress, then the result.

    python -m timetabler --seconds 60 < problem.json

A line of progress tells the seconds so far, how many classes have no place, and the cost. The last
line is the result: the classes, the cost by its parts, and why others have no place. Exits with 2,
and a line of faults, if the input is no problem.
"""

import argparse
import json
import os
import sys
import threading
import time
from typing import Any

from timetabler import documents, reasons
from timetabler.model import Limits, solve
from timetabler.problem import Problem, Timetable
from timetabler.score import score

INVALID, ORPHANED = 2, 3
# Seconds between two looks at the parent.
LOOK_EVERY = 0.5


def main() -> int:
    """Solve what stdin tells."""
    arguments = _arguments()
    if arguments.parent:
        threading.Thread(target=_end_with, args=(arguments.parent,), daemon=True).start()
    try:
        problem = documents.problem_of(json.load(sys.stdin))
    except documents.Invalid as error:
        _tell({"faults": list(error.faults)})
        return INVALID
    except ValueError as error:  # no JSON, or bytes that are no UTF-8
        _tell({"faults": [f"the input is no JSON: {error}"]})
        return INVALID
    began = time.monotonic()
    limits = Limits(arguments.seconds, arguments.workers, arguments.seed, arguments.enough)
    timetable, is_best = solve(
        problem,
        limits,
        lambda found: _tell({"progress": _progress(problem, found, time.monotonic() - began)}),
    )
    _tell({"result": _result(problem, timetable, is_best)})
    return 0


def _arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="timetabler", description=__doc__)
    parser.add_argument("--seconds", type=float, default=60.0, help="how long it may search")
    parser.add_argument("--workers", type=int, default=8, help="threads")
    parser.add_argument("--enough", type=int, default=0, help="the cost at which it ends")
    parser.add_argument("--seed", type=int, default=0, help="of the search's random choices")
    parser.add_argument("--parent", type=int, default=0, help="end with this process, our parent")
    return parser.parse_args()


def _end_with(parent: int) -> None:
    """End the search when nobody waits for it any more: our parent was killed."""
    while os.getppid() == parent:
        time.sleep(LOOK_EVERY)
    os._exit(ORPHANED)


def _progress(problem: Problem, timetable: Timetable, seconds: float) -> dict[str, Any]:
    return {
        "seconds": round(seconds, 1),
        "missing": sum(reasons.missing(problem, timetable).values()),
        "cost": score(problem, timetable).total,
    }


def _result(problem: Problem, timetable: Timetable, is_best: bool) -> dict[str, Any]:
    lacking = reasons.missing(problem, timetable)
    courses = {each.id: each for each in problem.courses}
    return {
        "is_best": is_best,
        "classes": documents.rows_of(timetable),
        "score": documents.score_of(score(problem, timetable)),
        "missing": [
            {
                "course": course,
                "classes": count,
                "reasons": reasons.reasons(problem, timetable, courses[course]),
            }
            for course, count in lacking.items()
        ],
    }


def _tell(document: dict[str, Any]) -> None:
    print(json.dumps(document), flush=True)


if __name__ == "__main__":
    sys.exit(main())
