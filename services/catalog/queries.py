"""Lists, in pages."""

from dataclasses import dataclass
from typing import Any, TypeVar

from chassis.contracts.mapping import from_document
from chassis.data.pages import BAD_TOKEN, Page, find_page, read_token, write_token
from chassis.errors import Invalid
from services.catalog.domain.enrolments import Enrolment
from services.catalog.domain.enums import EnrolmentState
from services.catalog.domain.groups import Group
from services.catalog.domain.oneroster.rows import ImportRow, Result
from services.catalog.domain.runs import Course, Run
from services.catalog.store import CatalogStore
from services.catalog.usecases.lookup import get_run
from services.catalog.usecases.oneroster.imports import get_import

T = TypeVar("T")


def courses_page(store: CatalogStore, page: Page) -> tuple[list[Course], str]:
    """Return courses by code, and the token of the next page."""
    return _page(store, "courses", {}, [("code", 1)], page, Course)


def runs_page(store: CatalogStore, course_id: str, page: Page) -> tuple[list[Run], str]:
    """Return the runs of a course (empty: all), newest first, and the token of the next page."""
    query = {"course_id": course_id} if course_id else {}
    return _page(store, "runs", query, [("_id", -1)], page, Run)


def groups_page(store: CatalogStore, run_id: str, page: Page) -> tuple[list[Group], str]:
    """Return the groups of a run by name, and the token of the next page. Raises NotFound."""
    get_run(store, run_id)
    return _page(store, "groups", {"run_id": run_id}, [("name_key", 1)], page, Group)


def enrolments_page(
    store: CatalogStore, run_id: str, learner_id: str, page: Page
) -> tuple[list[Enrolment], str]:
    """Return enrolments that are not withdrawn, oldest first, and the token of the next page."""
    query: dict[str, Any] = {"state": {"$ne": EnrolmentState.WITHDRAWN}}
    wanted = {"run_id": run_id, "learner_id": learner_id}
    query |= {name: value for name, value in wanted.items() if value}
    return _page(store, "enrolments", query, [("_id", 1)], page, Enrolment)


@dataclass(frozen=True, slots=True)
class RowsWanted:
    """Which rows of an import are wanted: with these results, or all."""

    import_id: str
    results: tuple[Result, ...]


def import_rows_page(
    store: CatalogStore, wanted: RowsWanted, page: Page
) -> tuple[list[ImportRow], str]:
    """Return rows of an import, and the token of the next page. Raises NotFound."""
    found = get_import(store, wanted.import_id)
    order, place = read_token(page.token, 2) if page.token else (-1, -1)
    if not isinstance(order, int) or not isinstance(place, int):
        raise Invalid([BAD_TOKEN])
    rows = store.rows_page(found.plan, wanted.results, (order, place), page.size + 1)
    token = write_token(rows[page.size - 1][0]) if len(rows) > page.size else ""
    return [row for _, row in rows[: page.size]], token


def _page(
    store: CatalogStore,
    collection: str,
    query: dict[str, Any],
    order: list[tuple[str, int]],
    page: Page,
    cls: type[T],
) -> tuple[list[T], str]:
    rows, token = find_page(store[collection], query, order, page)
    return [from_document(row, cls) for row in rows], token
