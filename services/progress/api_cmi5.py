"""The RPCs of cmi5."""

from typing import Any

from tandem.progress.v1 import progress_pb2

from chassis.contracts.mapping import from_message, to_message
from chassis.data.store import Database
from chassis.edge.access import check_reach
from services.progress.store import ProgressStore
from services.progress.store_announcements import storing
from services.progress.usecases import cmi5
from services.progress.usecases.cmi5 import LaunchActivity, WaiveActivity, Waived


class Cmi5Api:
    """Assignable units of cmi5."""

    _database: Database[ProgressStore]
    _base: str

    def LaunchActivity(
        self, request: progress_pb2.LaunchActivityRequest, _context: Any
    ) -> progress_pb2.LaunchActivityResponse:
        command = from_message(request, LaunchActivity)
        # Not `execute`: it would store the answer, with the key of the fetch URL.
        launched = storing(
            self._database, lambda store: cmi5.launch_activity(store, command, self._base)
        )
        return to_message(launched, progress_pb2.LaunchActivityResponse)

    def WaiveActivity(
        self, request: progress_pb2.WaiveActivityRequest, _context: Any
    ) -> progress_pb2.WaiveActivityResponse:
        command = from_message(request, WaiveActivity)

        def work(store: ProgressStore) -> Waived:
            key = (command.run_id, command.learner_id)
            run_state = store.run_states([key]).get(key)
            check_reach(command.run_id, run_state.group_ids if run_state else ())
            return cmi5.waive_activity(store, command, self._base)

        waived = storing(self._database, work)
        return to_message(waived, progress_pb2.WaiveActivityResponse)
