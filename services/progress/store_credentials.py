"""The LRS's credentials in MongoDB: one document each, by its id, with the hash of its secret."""

from collections.abc import Mapping
from typing import Any

from chassis.contracts.mapping import from_document, to_document
from chassis.data.pages import Page, find_page
from chassis.data.store import Store
from services.progress.domain.xapi.credentials import LrsCredential


class CredentialsStore(Store):
    """The part of the store with the LRS's credentials."""

    def lrs_credential(self, credential_id: str) -> LrsCredential | None:
        """Return a credential; None if there is none."""
        row = self["lrs_credentials"].find_one({"_id": credential_id}, session=self.session)
        return from_document(row, LrsCredential) if row else None

    def put_lrs_credential(self, credential: LrsCredential) -> None:
        """Store a credential, new or changed."""
        row = to_document(credential)
        named = {"_id": credential.id}
        self["lrs_credentials"].replace_one(named, row, upsert=True, session=self.session)

    def lrs_credentials_page(self, run_id: str, page: Page) -> tuple[list[LrsCredential], str]:
        """Return credentials in the order of their making, and the token of the next page.

        A page that is cut to some runs holds those that are bound to one of them.
        """
        parts: list[Mapping[str, Any]] = [{"run_ids": run_id}] if run_id else []
        if page.runs is not None:
            parts.append({"run_ids": {"$in": sorted(page.runs)}})
        query = {"$and": parts} if parts else {}
        whole = Page(page.size, page.token)
        rows, token = find_page(self["lrs_credentials"], query, [("_id", 1)], whole, self.session)
        return [from_document(row, LrsCredential) for row in rows], token
