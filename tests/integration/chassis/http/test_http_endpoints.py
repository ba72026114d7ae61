"""Endpoints: routes with credentials, of any method, path, headers and body."""

import base64
from collections.abc import Callable, Mapping
from contextlib import closing
from dataclasses import replace

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.context import deadline, principal
from chassis.context.principal import Principal
from chassis.edge.basic import Basic
from chassis.edge.http.endpoints import Endpoint, EndpointAnswer, EndpointRequest
from chassis.edge.statuses import Malformed
from chassis.errors import FieldViolation, Invalid, NotFound, PermissionDenied
from chassis.testing import figure
from tests.integration.chassis.http.callers import Answer as Received
from tests.integration.chassis.http.callers import Run, Running

Answer = Callable[[EndpointRequest], EndpointAnswer]
EVE = Principal("eve", frozenset())


def echo(request: EndpointRequest) -> EndpointAnswer:
    """Answers with what was asked, and by whom."""
    told = (request.method, request.path, request.query, request.body, request.principal.subject)
    return EndpointAnswer(200, repr(told).encode(), "text/plain", {"etag": '"1"'})


def check(user: str, password: str) -> Principal | None:
    return EVE if (user, password) == ("eve", "a:b") else None


def basic(text: str) -> str:
    return "Basic " + base64.b64encode(text.encode()).decode()


def named(request: EndpointRequest) -> Mapping[str, str]:
    return {"x-version": request.headers.get("x-version", "none")}


class Form:
    """A tunnel: `POST ?inner` holds the credentials and the body of another request."""

    def holds(self, request: EndpointRequest) -> bool:
        return request.method == "POST" and request.query == "inner"

    def opened(self, request: EndpointRequest) -> EndpointRequest:
        credentials, newline, body = request.body.partition(b"\n")
        if not newline:
            raise Malformed("there is no second line")
        headers = {**request.headers, "authorization": credentials.decode("latin-1")}
        return replace(request, method="PUT", query="", headers=headers, body=body)


def endpoint(answer: Answer = echo, **more: object) -> Endpoint:
    found = Endpoint(
        "/things/one",
        ("GET", "PUT", "POST"),
        answer,
        schemes={"basic": Basic(check)},
        headers=named,
        tunnel=Form(),
        largest_body=1000,
    )
    return replace(found, **more)  # type: ignore[arg-type]


def serving(run: Run, answer: Answer = echo, **more: object) -> Running:
    return run(endpoints=[endpoint(answer, **more)])


@pytest.mark.parametrize("method", ["GET", "PUT", "POST"])
def test_an_endpoint_gets_what_was_sent(run: Run, method: str) -> None:
    """Method, path, query, body and caller, as they came, and its type is not changed."""
    running = serving(run)
    answer = running.send(method, "/things/one?a=%20&a", b"\0x", running.headers("ada"))
    wanted = (method, "/things/one", "a=%20&a", b"\0x", "ada")
    assert (answer.status, answer.body.decode()) == (200, repr(wanted))
    assert (answer.headers["content-type"], answer.headers["etag"]) == ("text/plain", '"1"')


def test_head_is_get_without_its_body(run: Run) -> None:
    """An endpoint sees GET, and the length is GET's (RFC 9110, section 9.3.2)."""
    running = serving(run)
    head = running.send("HEAD", "/things/one", headers=running.headers("ada"))
    get = running.send("GET", "/things/one", headers=running.headers("ada"))
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == get.headers["content-length"] == str(len(get.body))


def test_a_caller_may_prove_itself_by_either_scheme(run: Run) -> None:
    """By a token, and by user-id and password, which may hold a colon (RFC 7617, section 2)."""
    running = serving(run)
    answer = running.send("GET", "/things/one", headers={"authorization": basic("eve:a:b")})
    assert (answer.status, b"'eve'" in answer.body) == (200, True)


@pytest.mark.parametrize(
    "authorization",
    ["", "Basic", "Basic !", basic("eve"), basic("eve:x"), "Basic /w==", "Bearer x", "Digest x"],
)
def test_who_proves_nobody_is_told_both_ways(run: Run, authorization: str) -> None:
    """The challenge names each scheme (RFC 9110, section 11.6.1), and the answer has the headers
    of the endpoint.
    """
    answer = serving(run).send(
        "GET", "/things/one", headers={"authorization": authorization, "x-version": "7"}
    )
    assert answer.status == 401
    assert answer.headers["www-authenticate"] == 'Bearer realm="tandem", Basic realm="tandem"'
    assert answer.headers["x-version"] == "7"


def test_basic_opens_no_rpc(running: Running) -> None:
    """A scheme of an endpoint is no scheme of the service."""
    headers = running.headers("") | {"authorization": basic("eve:a:b")}
    assert running.post(headers=headers).status == 401


def test_an_unknown_method_is_told_the_known_ones(run: Run) -> None:
    """405 with Allow (RFC 9110, section 15.5.6), also without credentials."""
    answer = serving(run).send("DELETE", "/things/one")
    assert (answer.status, answer.headers["allow"]) == (405, "GET, PUT, POST, HEAD")
    assert (answer.headers["x-version"], answer.json["status"]) == ("none", 405)


@pytest.mark.parametrize("method", ["GET", "PUT", "DELETE"])
def test_an_unknown_path_is_not_found(run: Run, method: str) -> None:
    """What is below an endpoint is no endpoint."""
    assert serving(run).send(method, "/things/one/more").status == 404


def test_what_is_too_large_or_compressed_is_refused(run: Run) -> None:
    """413 for a body, 414 for a query, 415 for gzip (RFC 9110, section 15.5)."""
    running = serving(run)
    headers = running.headers("ada")
    assert running.send("PUT", "/things/one", b"x" * 1001, headers).status == 413
    assert running.send("PUT", "/things/one", iter([b"x" * 600] * 2), headers).status == 413
    assert running.send("GET", "/things/one?" + "x" * 8193, headers=headers).status == 414
    zipped = headers | {"content-encoding": "gzip"}
    assert running.send("PUT", "/things/one", b"x", zipped).status == 415


@pytest.mark.parametrize(
    ("error", "status"),
    [
        (Invalid([FieldViolation("a.b", "is 1", "2")]), 400),
        (PermissionDenied("this needs more"), 403),
        (NotFound("there is no such thing"), 404),
        (RuntimeError("secret"), 500),
    ],
)
def test_an_error_is_a_problem(run: Run, error: Exception, status: int) -> None:
    """With all violations, with the endpoint's headers, and without secrets."""

    def fail(_: EndpointRequest) -> EndpointAnswer:
        raise error

    running = serving(run, fail)
    answer = running.send("GET", "/things/one", headers=running.headers("ada"))
    assert (answer.status, answer.json["status"]) == (status, status)
    assert (answer.headers["x-version"], b"secret" in answer.body) == ("none", False)
    if status == 400:
        assert answer.json["errors"] == [{"field": "a.b", "detail": "is 1; 2"}]


def test_an_endpoint_works_as_its_caller_within_a_deadline(run: Run) -> None:
    """The service's code below the endpoint asks for the principal as that of an RPC does."""
    seen = []

    def look(request: EndpointRequest) -> EndpointAnswer:
        seen.append((principal.current() == request.principal, deadline.left() < 1e6))
        return EndpointAnswer(204)

    running = serving(run, look)
    answer = running.send("PUT", "/things/one", b"x", running.headers("ada", "learner"))
    assert (answer.status, answer.body, seen) == (204, b"", [(True, True)])
    assert "content-type" not in answer.headers


def test_a_tunnelled_request_brings_its_credentials_in_its_body(run: Run) -> None:
    """It is another request, of another method; a faulty one is refused, and so is one whose
    credentials are wrong.
    """
    running = serving(run)

    def send(body: bytes) -> Received:
        return running.send("POST", "/things/one?inner", body)

    right = send(basic("eve:a:b").encode() + b"\nx")
    assert right.body.decode() == repr(("PUT", "/things/one", "", b"x", "eve"))
    statuses = [send(body).status for body in (b"", b"Basic x\ny", b"\nx", b"x" * 1001)]
    assert statuses == [400, 401, 401, 413]


def test_a_public_endpoint_asks_for_no_credentials(run: Run) -> None:
    """Nobody is its caller, also if a token that is not right comes."""
    running = serving(run, is_public=True)
    answer = running.send("GET", "/things/one", headers={"authorization": "Bearer x"})
    assert answer.body.decode() == repr(("GET", "/things/one", "", b"", ""))


def test_each_method_is_counted_by_its_own_name(run: Run) -> None:
    """An alert tells readers from writers."""
    running = serving(run)
    put = {"service": "tests", "method": "PUT /things/one", "code": "OK"}
    before = figure("tandem_http_requests_total", **put)
    running.send("PUT", "/things/one", b"", running.headers("ada"))
    assert figure("tandem_http_requests_total", **put) == before + 1


def test_pages_of_known_origins_may_use_its_methods_and_headers(run: Run) -> None:
    """What an endpoint says that it sends and shows is in the answer to the preflight."""
    found = endpoint(sent=("x-version",), seen=("x-version",))
    running = run(endpoints=[found], http_origins="https://pages.example")
    origin = {"origin": "https://pages.example"}
    asked = {"access-control-request-method": "PUT", "access-control-request-headers": "x-version"}
    preflight = running.send("OPTIONS", "/things/one", headers=origin | asked)
    assert (preflight.status, "PUT" in preflight.headers["access-control-allow-methods"]) == (
        200,
        True,
    )
    answer = running.send("GET", "/things/one", headers=origin | running.headers("ada"))
    assert "x-version" in answer.headers["access-control-expose-headers"]


def test_any_bytes_get_an_answer(run: Run) -> None:
    """No method, query, header and body, whatever their bytes, causes an internal error."""
    running = serving(run)
    token = running.headers("ada")["authorization"]
    methods = st.sampled_from(["GET", "HEAD", "PUT", "POST", "DELETE", "PATCH", "X"])
    header = st.text(st.characters(max_codepoint=255, exclude_characters="\r\n\0"), max_size=20)

    @given(methods, st.binary(max_size=40), header, st.binary(max_size=40), st.booleans())
    @settings(max_examples=40, suppress_health_check=list(HealthCheck))
    def hostile(method: str, query: bytes, value: str, body: bytes, is_known: bool) -> None:
        noise = "".join(f"%{byte:02x}" if byte < 33 or byte == 35 else chr(byte) for byte in query)
        with closing(running.connection()) as connection:
            connection.putrequest(method, "/things/one")
            connection._buffer[0] = connection._buffer[0].replace(  # type: ignore[attr-defined]
                b"/one", b"/one?" + noise.encode("latin-1")
            )
            connection.putheader("authorization", token if is_known else value)
            connection.putheader("x-version", value)
            connection.putheader("content-length", str(len(body)))
            connection.endheaders(body)
            assert connection.getresponse().status < 500

    hostile()
