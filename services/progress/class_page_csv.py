"""The class page as CSV (RFC 4180), for spreadsheets."""

import csv
import io
from collections.abc import Callable, Iterable, Mapping
from datetime import UTC, datetime

from services.progress.domain.views import LearnerProgress

# Spreadsheets take a cell that begins so for a formula, which could run commands or send data away
# (OWASP, "CSV Injection").
_FORMULA = ("=", "+", "-", "@", "\t", "\r", "\n")

_COLUMNS: Mapping[str, Callable[[LearnerProgress], str]] = {
    "learner_id": lambda row: _text(row.learner_id),
    "mode": lambda row: row.mode or "",
    "groups": lambda row: _text(" ".join(row.group_ids)),
    "enrolled_at": lambda row: _instant(row.enrolled_at),
    "completed": lambda row: str(row.completed),
    "required": lambda row: str(row.required),
    "overdue": lambda row: str(row.overdue),
    "open_catch_ups": lambda row: str(row.open_catch_ups),
    "missed_catch_ups": lambda row: str(row.missed_catch_ups),
    "last_seen_at": lambda row: _instant(row.last_seen_at),
    "time_on_task": lambda row: str(int(row.time_on_task.total_seconds())),
    "mean_score": lambda row: "" if row.mean_score is None else f"{row.mean_score:.6g}",
    "behind_since": lambda row: _instant(row.falling_behind.since if row.falling_behind else None),
    "completed_at": lambda row: _instant(row.completed_at),
}


def lines_of(rows: Iterable[LearnerProgress]) -> str:
    """Return a line for each learner."""
    return _written([cell(row) for cell in _COLUMNS.values()] for row in rows)


def _written(rows: Iterable[Iterable[str]]) -> str:
    file = io.StringIO()
    csv.writer(file).writerows(rows)
    return file.getvalue()


def _text(value: str) -> str:
    return f"'{value}" if value.startswith(_FORMULA) else value


def _instant(at: datetime | None) -> str:
    return at.astimezone(UTC).isoformat(timespec="seconds").replace("+00:00", "Z") if at else ""


HEADER = _written([_COLUMNS])
