"""The metrics of catalog."""

from prometheus_client import Counter

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
