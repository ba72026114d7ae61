"""The metrics of catalog."""

from prometheus_client import Counter, Gauge

from services.catalog.domain.oneroster.imports import ImportState
from services.catalog.domain.oneroster.rows import TO_DO, Result

IMPORT_ROWS = Counter(
    "tandem_catalog_import_rows",
    "Rows of imports that changed something or were refused, by result.",
    ["result"],
)
IMPORTS = Counter(
    "tandem_catalog_imports",
    "Imports that ended or need a confirmation, by state.",
    ["state"],
)
DRIFT = Gauge(
    "tandem_catalog_copies_differing",
    "Copies that differ from their originals at the last comparison: missing (the keeper has none),"
    " surplus (the owner has none), different.",
    ["owner", "keeper", "kind", "how"],
)
COMPARED = Gauge(
    "tandem_catalog_copies_compared",
    "Originals and copies that the last comparison saw.",
    ["owner", "keeper", "kind"],
)
COMPARED_AT = Gauge(
    "tandem_catalog_copies_compared_timestamp_seconds",
    "When copies of a kind were last compared with their originals.",
    ["owner", "keeper", "kind"],
)
ENDS = (
    ImportState.CHECKED,
    ImportState.NEEDS_CONFIRMATION,
    ImportState.DONE,
    ImportState.FAILED,
)
for result in (*sorted(TO_DO), Result.REFUSED):
    IMPORT_ROWS.labels(result)  # so that the series exists, as zero, before the first row
for state in ENDS:
    IMPORTS.labels(state)
