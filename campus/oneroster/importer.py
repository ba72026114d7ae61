"""Imports a OneRoster archive like any client: announce, send the parts, follow the work.

The same archive with the same options finds its import again, so an interrupted one goes on.
"""

import hashlib
import itertools
import time
from collections.abc import Callable, Iterator, Sequence
from functools import partial
from typing import Any, TypeVar

import grpc
from tandem.catalog.v1 import imports_pb2
from tandem.catalog.v1.catalog_pb2_grpc import CatalogServiceStub

from campus.bars import Begin
from campus.paging import rows_of
from campus.upload import AWAY, growing_pauses
from services.catalog.domain.oneroster.imports import PART

T = TypeVar("T")
UPLOADING, CHECKING = imports_pb2.IMPORT_STATE_UPLOADING, imports_pb2.IMPORT_STATE_CHECKING
APPLYING, ASKS = (
    imports_pb2.IMPORT_STATE_APPLYING,
    imports_pb2.IMPORT_STATE_NEEDS_CONFIRMATION,
)
ENDED = (
    imports_pb2.IMPORT_STATE_CHECKED,
    imports_pb2.IMPORT_STATE_DONE,
    imports_pb2.IMPORT_STATE_FAILED,
)
# Seconds for one part on a slow line, and between two looks at an import.
LONGEST_PART, FIRST_LOOK, LONGEST_LOOK = 120.0, 0.1, 1.0


class Importer:
    """Imports archives into one catalog."""

    def __init__(self, catalog: CatalogServiceStub) -> None:
        self._catalog = catalog

    def announce(self, request: imports_pb2.StartImportRequest) -> imports_pb2.Import:
        """Return the import of an archive: the one that has not ended, or a new one."""
        for attempt in itertools.count():
            content = request.SerializeToString(deterministic=True)
            request_id = hashlib.sha256(b"%d:%b" % (attempt, content)).hexdigest()
            again = imports_pb2.StartImportRequest(request_id=request_id)
            again.MergeFrom(request)
            found = self.get(_patient(self._catalog.StartImport, again).id)
            if found.state not in ENDED:
                return found
        raise AssertionError("an endless count has ended")

    def send(self, begun: imports_pb2.Import, content: bytes, begin: Begin) -> imports_pb2.Import:
        """Send the parts of an archive that are missing; return its import."""
        tell = begin("upload", len(content))
        while begun.state == UPLOADING:
            tell(begun.received)
            part = content[begun.received : begun.received + PART]
            request = imports_pb2.AppendImportRequest(
                import_id=begun.id, offset=begun.received, data=part
            )
            begun = _patient(self._catalog.AppendImport, request, timeout=LONGEST_PART)
        tell(len(content))
        return begun

    def follow(self, begun: imports_pb2.Import, begin: Begin) -> imports_pb2.Import:
        """Wait until an import ends or asks for a confirmation, and return it."""
        tell, looks = begin("check", 0), _looks()
        while begun.state == CHECKING:
            tell(begun.read)
            begun = self._look(begun, looks)
        tell(begun.read)
        if begun.state == APPLYING:
            tell, looks = begin("import", begun.to_do), _looks()
            while begun.state == APPLYING:
                tell(begun.done)
                begun = self._look(begun, looks)
            tell(begun.done)
        return begun

    def confirm(self, import_id: str) -> imports_pb2.Import:
        """Confirm what an import would remove; return it."""
        request = imports_pb2.ConfirmImportRequest(import_id=import_id)
        return _patient(self._catalog.ConfirmImport, request)

    def get(self, import_id: str) -> imports_pb2.Import:
        """Return an import."""
        return _patient(self._catalog.GetImport, imports_pb2.GetImportRequest(import_id=import_id))

    def rows(
        self, import_id: str, results: "Sequence[imports_pb2.ImportResult.ValueType]"
    ) -> Iterator[imports_pb2.ImportRow]:
        """Return the rows of an import with some results."""
        request = imports_pb2.ListImportRowsRequest(
            import_id=import_id, results=results, page_size=1_000
        )
        return rows_of(partial(_patient, self._catalog.ListImportRows), request, "rows")

    def _look(self, begun: imports_pb2.Import, looks: Iterator[float]) -> imports_pb2.Import:
        time.sleep(next(looks))
        return self.get(begun.id)


def _looks() -> Iterator[float]:
    return (min(FIRST_LOOK * 2**times, LONGEST_LOOK) for times in itertools.count())


def _patient(call: Callable[..., T], request: Any, **more: Any) -> T:
    """Call, and call again after pauses while the service is away."""
    for pause in growing_pauses():
        try:
            return call(request, **more)
        except grpc.RpcError as error:
            if error.code() not in AWAY:
                raise
        time.sleep(pause)
    return call(request, **more)
