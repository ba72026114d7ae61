"""Whatever a request holds: every RPC of every service refuses it or obeys, and never breaks."""

from collections.abc import Callable, Iterator
from typing import Any

import grpc
import pytest
from google.protobuf.message import Message
from hypothesis import HealthCheck, given, settings

from chassis.testing import Issuer
from tests.deep import only_deep
from tests.integration.requests import requests
from tests.integration.rpcs import ALL, Rpc, api_processes

BROKEN = {
    grpc.StatusCode.INTERNAL,
    grpc.StatusCode.UNKNOWN,
    grpc.StatusCode.DATA_LOSS,
    grpc.StatusCode.UNIMPLEMENTED,
}
EXPORT = "progress.ProgressService.ExportRunProgress"
# Other streams wait for messages, whatever is asked.
TRIED = [name for name, rpc in ALL.items() if not rpc.descriptor.server_streaming or name == EXPORT]
Ask = Callable[[Rpc, Message], grpc.StatusCode]


@pytest.fixture(scope="module")
def ask(stack: dict[str, str], tmp_path_factory: pytest.TempPathFactory) -> Iterator[Ask]:
    """Sends a request as somebody who may do everything."""
    issuer, channels = Issuer(), dict[str, Any]()
    jwks = tmp_path_factory.mktemp("requests") / "jwks.json"
    token = issuer.token("ada", ["learner", "registrar", "service", "operator"])
    with api_processes(stack, issuer, jwks) as process_of:

        def send(rpc: Rpc, request: Message) -> grpc.StatusCode:
            if rpc.service not in channels:
                channels[rpc.service] = process_of(rpc).channel()
            return rpc.send(channels[rpc.service], token, request)

        yield send
        for channel in channels.values():
            channel.close()


@only_deep
@pytest.mark.parametrize("name", TRIED)
def test_no_request_breaks_a_service(name: str, ask: Ask) -> None:
    """No answer is INTERNAL, UNKNOWN or the like."""
    rpc = ALL[name]

    @settings(
        max_examples=100,
        suppress_health_check=[HealthCheck.too_slow, HealthCheck.large_base_example],
    )
    @given(requests(rpc.descriptor.input_type))
    def trial(request: Message) -> None:
        assert ask(rpc, request) not in BROKEN

    trial()
