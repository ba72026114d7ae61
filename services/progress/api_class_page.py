"""The RPC of ProgressService about the class page of a run."""

from collections.abc import Iterator
from dataclasses import replace
from typing import Any

from tandem.progress.v1 import progress_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import Page, page_of
from chassis.data.store import Database
from chassis.errors import FieldViolation, check
from services.progress import class_page_csv, queries_class_page
from services.progress.domain.class_page import Column, ProgressFilter, Selection
from services.progress.store import ProgressStore

REQUIRED = {"mode": "a mode", "group_id": "the id of a group", "overdue": "1 or more"}
"""Fields of a filter that must not be empty or 0."""
# Learners in a piece of an export: about 60 kB, and 50 ms of work.
PIECE = 500


Request = progress_pb2.ListRunProgressRequest | progress_pb2.ExportRunProgressRequest


class ClassPageApi:
    """The class page."""

    _database: Database[ProgressStore]

    def ListRunProgress(
        self, request: progress_pb2.ListRunProgressRequest, _context: Any
    ) -> progress_pb2.ListRunProgressResponse:
        found = queries_class_page.run_progress(
            self._database.reader(), selection_of(request), page_of(request)
        )
        return to_message(found, progress_pb2.ListRunProgressResponse)

    def ExportRunProgress(
        self, request: progress_pb2.ExportRunProgressRequest, context: Any
    ) -> Iterator[progress_pb2.ExportRunProgressResponse]:
        selection, runs = selection_of(request), principal.current().runs
        token, header = "", class_page_csv.HEADER
        while context.is_active():
            page = Page(PIECE, token, runs)
            rows, token = queries_class_page.learners(self._database.reader(), selection, page)
            yield progress_pb2.ExportRunProgressResponse(csv=header + class_page_csv.lines_of(rows))
            if not token:
                return
            header = ""


def selection_of(request: Request) -> Selection:
    """Return which learners a request asks for, and in which order. Raises Invalid."""
    found = from_message(request, Selection)
    check(_violations(request))
    return replace(
        found,
        order_by=found.order_by or Column.LEARNER_ID,
        filter=found.filter or ProgressFilter(),
    )


def _violations(request: Request) -> Iterator[FieldViolation]:
    """Yield what a filter lacks: with a field that is not understood, all would be listed."""
    if not request.HasField("filter"):
        return
    wanted, kind = request.filter, request.filter.WhichOneof("kind")
    if kind is None:
        yield FieldViolation("filter", "names nothing", "one of its fields, or no filter")
    elif kind in REQUIRED and not getattr(wanted, kind):
        yield FieldViolation(f"filter.{kind}", "is missing", REQUIRED[kind])
