"""The Activities resource of the LRS (xAPI 1.0.3, part 3, section 2.5; IEEE 9274.1.1, section
4.1.6.4).
"""

import json
from dataclasses import dataclass

from chassis.data.store import Database
from services.progress.domain.xapi.activity_definitions import activity
from services.progress.domain.xapi.clients import Client
from services.progress.domain.xapi.document_parameters import activity_asked
from services.progress.domain.xapi.document_rights import is_within_runs, run_of
from services.progress.domain.xapi.documents import JSON, Content
from services.progress.store import ProgressStore
from services.progress.store_definitions import ActivityDefinitions
from services.progress.xapi.documents import content_answer, refusing
from services.progress.xapi.exchange import XapiAnswer, XapiRequest


@dataclass(frozen=True)
class ActivityResource:
    """Answers the requests for an activity."""

    database: Database[ProgressStore]
    definitions: ActivityDefinitions
    base: str
    """The public URL of the LRS."""

    def __call__(self, request: XapiRequest) -> XapiAnswer:
        """Return an activity, with its definition if one is known and the client may see it: of a
        client that is bound to runs, of theirs alone; of a learner, of runs that know the learner.

        Raises Invalid.
        """
        activity_id = activity_asked(request.parameters)
        seen = self._sees(request.client, activity_id)
        known = self.definitions.of([activity_id]) if seen else {}
        found = json.dumps(activity(activity_id, known.get(activity_id))).encode()
        return refusing(lambda: content_answer(request, Content(found, JSON)))

    def _sees(self, client: Client, activity_id: str) -> bool:
        if not is_within_runs(client, self.base, activity_id):
            return False
        run_id = run_of(self.base, activity_id)
        return not client.learner_id or self._knows(run_id, client.learner_id)

    def _knows(self, run_id: str, learner_id: str) -> bool:
        """Return whether the learner has or had a place in a run."""
        found = self.database.reader().run_states([(run_id, learner_id)] if run_id else [])
        return any(each.state is not None for each in found.values())
