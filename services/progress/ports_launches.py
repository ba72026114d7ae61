"""What launches and waivers of cmi5 need of their store."""

from collections.abc import Collection, Mapping
from typing import Protocol

from services.progress.domain.enums import Key
from services.progress.domain.evidence import Evidence
from services.progress.ports_documents import DocumentStore
from services.progress.ports_xapi import XapiStore


class LaunchStore(DocumentStore, XapiStore, Protocol):
    """Learners, documents, statements and sessions in one unit of work."""

    def evidence(self, wanted: Mapping[Key, Collection[str] | None]) -> dict[Key, list[Evidence]]:
        """Return the evidence on the named targets of each learner; None: all evidence."""
