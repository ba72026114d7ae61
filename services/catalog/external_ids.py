"""Tells the external ids of what catalog keeps."""

from collections import defaultdict
from collections.abc import Sequence
from typing import Any, TypeVar

from tandem.catalog.v1 import resources_pb2

from services.catalog.domain.oneroster.files import File
from services.catalog.store import CatalogStore

M = TypeVar("M", bound=Any)


def told(store: CatalogStore, file: File, messages: Sequence[M]) -> list[M]:
    """Return messages of things that a file brings, each with its external ids, in order. Ids that
    their source took back are left out.
    """
    found: dict[str, list[resources_pb2.ExternalId]] = defaultdict(list)
    for link in store.links_to(file, {message.id for message in messages}):
        if not link.removed:
            external = resources_pb2.ExternalId(source=link.source, id=link.sourced_id)
            found[link.of].append(external)
    for message in messages:
        message.external_ids.extend(sorted(found[message.id], key=lambda e: (e.source, e.id)))
    return list(messages)
