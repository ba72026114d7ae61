"""The RPCs of seats: choices, offers, swaps, and the rotation of cohorts."""

from typing import Any

from tandem.sessions.v1 import resources_pb2, sessions_pb2

from chassis.context import principal
from chassis.contracts.mapping import from_message, to_message
from chassis.data.pages import page_of
from services.sessions import queries
from services.sessions.api_part import ApiPart
from services.sessions.domain.offers import AnswerOffer, OfferSeat
from services.sessions.domain.rotation import PlanRotation
from services.sessions.domain.seats import ChooseSeat
from services.sessions.domain.swaps import RequestSwap, WithdrawSwap
from services.sessions.usecases import lookup, offers, rotation, seats, swaps


class SeatsApi(ApiPart):
    """Seats in sessions."""

    def ChooseSeat(
        self, request: sessions_pb2.ChooseSeatRequest, _context: Any
    ) -> resources_pb2.Seat:
        command = from_message(request, ChooseSeat)
        return self._execute(
            request, resources_pb2.Seat, lambda store: seats.choose_seat(store, command)
        )

    def OfferSeat(
        self, request: sessions_pb2.OfferSeatRequest, _context: Any
    ) -> resources_pb2.Seat:
        command, staff_id = from_message(request, OfferSeat), principal.current().subject
        return self._execute(
            request,
            resources_pb2.Seat,
            lambda store: offers.offer_seat(store, command, staff_id),
        )

    def AnswerOffer(
        self, request: sessions_pb2.AnswerOfferRequest, _context: Any
    ) -> resources_pb2.Seat:
        command = from_message(request, AnswerOffer)
        return self._execute(
            request, resources_pb2.Seat, lambda store: offers.answer_offer(store, command)
        )

    def ListSeats(
        self, request: sessions_pb2.ListSeatsRequest, _context: Any
    ) -> sessions_pb2.ListSeatsResponse:
        store = self._database.reader()
        session = lookup.session(store, request.session_id)
        rows, token = queries.seats_page(store, session.id, request.learner_id, page_of(request))
        return sessions_pb2.ListSeatsResponse(
            seats=[to_message(row, resources_pb2.Seat) for row in rows], next_page_token=token
        )

    def RequestSwap(
        self, request: sessions_pb2.RequestSwapRequest, _context: Any
    ) -> resources_pb2.Swap:
        command = from_message(request, RequestSwap)
        return self._execute(
            request, resources_pb2.Swap, lambda store: swaps.request_swap(store, command)
        )

    def WithdrawSwap(
        self, request: sessions_pb2.WithdrawSwapRequest, _context: Any
    ) -> resources_pb2.Swap:
        command = from_message(request, WithdrawSwap)
        return self._execute(
            request, resources_pb2.Swap, lambda store: swaps.withdraw_swap(store, command)
        )

    def ListSwaps(
        self, request: sessions_pb2.ListSwapsRequest, _context: Any
    ) -> sessions_pb2.ListSwapsResponse:
        rows, token = queries.swaps_page(
            self._database.reader(), request.run_id, request.learner_id, page_of(request)
        )
        return sessions_pb2.ListSwapsResponse(
            swaps=[to_message(row, resources_pb2.Swap) for row in rows], next_page_token=token
        )

    def PlanRotation(
        self, request: sessions_pb2.PlanRotationRequest, _context: Any
    ) -> sessions_pb2.PlanRotationResponse:
        command = from_message(request, PlanRotation)
        return self._execute(
            request,
            sessions_pb2.PlanRotationResponse,
            lambda store: sessions_pb2.PlanRotationResponse(
                classes=[
                    to_message(each, resources_pb2.RotationClass)
                    for each in rotation.plan_rotation(store, command)
                ]
            ),
        )
