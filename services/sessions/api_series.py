"""The RPCs of series."""

from collections.abc import Callable
from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2

from chassis.contracts.mapping import from_message, to_message
from chassis.edge.access import check_reach
from services.sessions.api_part import ApiPart
from services.sessions.domain.series import Series
from services.sessions.domain.series_moving import MoveSeries
from services.sessions.domain.series_planning import ScheduleSeries
from services.sessions.pages_joining import Doors
from services.sessions.recurrences import instances
from services.sessions.store import SessionsStore
from services.sessions.usecases import lookup, series
from services.sessions.usecases.series import CancelSeries


class SeriesApi(ApiPart):
    """Series of sessions."""

    _online_seats: int
    _doors: Doors

    def ScheduleSeries(
        self, request: sessions_pb2.ScheduleSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        check_reach(request.run_id, request.group_ids)
        command = from_message(request, ScheduleSeries, activity_id="")
        return self._change_series(
            request,
            lambda store: series.schedule(
                store, instances, command, self._online_seats, self._doors.hosts
            ),
        )

    def MoveSeries(
        self, request: sessions_pb2.MoveSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        command = from_message(request, MoveSeries)
        return self._change_series(
            request, lambda store: series.move(store, instances, command, self._online_seats)
        )

    def CancelSeries(
        self, request: sessions_pb2.CancelSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        command = from_message(request, CancelSeries)
        return self._change_series(request, lambda store: series.cancel(store, command))

    def GetSeries(
        self, request: sessions_pb2.GetSeriesRequest, _context: Any
    ) -> resources_pb2.Series:
        store = self._database.reader()
        return _series_answer(store, lookup.series(store, request.series_id))

    def _change_series(
        self, request: Any, work: Callable[[SessionsStore], Series]
    ) -> resources_pb2.Series:
        """Do work that changes a series, and answer with the series."""
        return self._execute(
            request, resources_pb2.Series, lambda store: _series_answer(store, work(store))
        )


def _series_answer(store: SessionsStore, found: Series) -> resources_pb2.Series:
    """Return a series with its sessions as the API shows it."""
    occurrences = [
        to_message(each, resources_pb2.Occurrence, session_id=each.id)
        for each in store.sessions_of_series(found.id)
    ]
    return to_message(found, resources_pb2.Series, occurrences=occurrences)
