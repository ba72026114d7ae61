"""The RPCs of rooms."""

from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2

from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import page_of
from services.sessions import queries
from services.sessions.api_part import ApiPart
from services.sessions.usecases import rooms
from services.sessions.usecases.rooms import CreateRoom, UpdateRoom


class RoomsApi(ApiPart):
    """Rooms in which sessions are held."""

    def CreateRoom(
        self, request: sessions_pb2.CreateRoomRequest, _context: Any
    ) -> resources_pb2.Room:
        command = from_message(request, CreateRoom)
        return self._execute(
            request, resources_pb2.Room, lambda store: rooms.create_room(store, command)
        )

    def UpdateRoom(
        self, request: sessions_pb2.UpdateRoomRequest, _context: Any
    ) -> resources_pb2.Room:
        command = from_message(request, UpdateRoom)
        return self._execute(
            request, resources_pb2.Room, lambda store: rooms.update_room(store, command)
        )

    def RetireRoom(
        self, request: sessions_pb2.RetireRoomRequest, _context: Any
    ) -> resources_pb2.Room:
        return self._execute(
            request, resources_pb2.Room, lambda store: rooms.retire_room(store, request.room_id)
        )

    def ListRooms(
        self, request: sessions_pb2.ListRoomsRequest, _context: Any
    ) -> sessions_pb2.ListRoomsResponse:
        rows, token = queries.rooms_page(self._database.reader(), page_of(request))
        return sessions_pb2.ListRoomsResponse(
            rooms=[to_message(row, resources_pb2.Room) for row in rows], next_page_token=token
        )
