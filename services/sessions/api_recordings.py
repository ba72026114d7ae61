"""The RPCs of recordings: parts, chapters, and their line."""

from dataclasses import replace
from typing import Any

from tandem.sessions.v1 import (
    recordings_pb2,
    resources_pb2,
    sessions_pb2,
)

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import page_of
from services.sessions import queries_recordings
from services.sessions.api_part import ApiPart
from services.sessions.domain.recorded_parts import AttachRecording
from services.sessions.usecases import lookup, recordings
from services.sessions.usecases.recordings import SetChapters, WithdrawRecording

LINE_SIZE = 1_000
"""Points of a page of the line, if a request does not say how many."""


class RecordingsApi(ApiPart):
    """Recordings of sessions."""

    def AttachRecording(
        self, request: sessions_pb2.AttachRecordingRequest, _context: Any
    ) -> resources_pb2.Session:
        command = from_message(request, AttachRecording)
        return self._change(request, lambda store: recordings.attach_recording(store, command))

    def WithdrawRecording(
        self, request: recordings_pb2.WithdrawRecordingRequest, _context: Any
    ) -> resources_pb2.Session:
        command, staff_id = from_message(request, WithdrawRecording), principal.current().subject
        return self._change(
            request, lambda store: recordings.withdraw_recording(store, command, staff_id)
        )

    def SetChapters(
        self, request: recordings_pb2.SetChaptersRequest, _context: Any
    ) -> recordings_pb2.SetChaptersResponse:
        command = from_message(request, SetChapters)
        return self._execute(
            request,
            recordings_pb2.SetChaptersResponse,
            lambda store: recordings_pb2.SetChaptersResponse(
                chapters=[
                    to_message(each, recordings_pb2.Chapter)
                    for each in recordings.set_chapters(store, command)
                ]
            ),
        )

    def GetRecordingLine(
        self, request: recordings_pb2.GetRecordingLineRequest, _context: Any
    ) -> recordings_pb2.GetRecordingLineResponse:
        store = self._database.reader()
        session = lookup.session(store, request.session_id)
        # each page reads all that happened in the class, so they are large
        page = replace(page_of(request), size=request.page_size or LINE_SIZE)
        rows, token = queries_recordings.line_page(store, session, request.item_id, page)
        return recordings_pb2.GetRecordingLineResponse(
            points=[to_message(each, recordings_pb2.LinePoint) for each in rows],
            next_page_token=token,
        )
