"""Public pages: routes without a token."""

import threading
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from chassis.context import deadline, principal
from chassis.edge import admission
from chassis.edge.http import pages
from chassis.edge.http.pages import Page, PageAnswer, PageRequest, is_current
from chassis.edge.statuses import DatabaseAway
from chassis.errors import FieldViolation, Invalid, NotFound
from chassis.testing import figure
from tests.integration.chassis.http.callers import PATH, Run, Running

Answer = Callable[[PageRequest], PageAnswer]
FORM = {"content-type": "application/x-www-form-urlencoded"}


def echo(request: PageRequest) -> PageAnswer:
    """Answers with what was asked."""
    return PageAnswer(repr((dict(request.parameters), request.arguments)).encode(), "text/plain")


def running_page(run: Run, answer: Answer, path: str = "/page", takes_form: bool = True) -> Running:
    return run([Page(path, answer, takes_form)])


def test_a_page_needs_no_token_and_has_the_edges_context(run: Run) -> None:
    """Nobody is the principal, a deadline is set, and the request id comes back."""
    seen = []

    def look(_: PageRequest) -> PageAnswer:
        seen.append((principal.current().subject, deadline.left() < 1e6))
        return PageAnswer(b"<a/>", "text/xml", 200, {"cache-control": "no-store"})

    answer = running_page(run, look).send("GET", "/page", headers={"x-request-id": "r-1"})
    assert (answer.status, answer.body, seen) == (200, b"<a/>", [("", True)])
    assert answer.headers["content-type"] == "text/xml; charset=utf-8"
    assert (answer.headers["x-request-id"], answer.headers["cache-control"]) == ("r-1", "no-store")


def test_arguments_come_from_path_query_and_form(run: Run) -> None:
    """Repeated, empty and badly encoded ones too; those of the form follow those of the query."""
    running = running_page(run, echo, "/page/{token}")
    answer = running.send("POST", "/page/t%20k?a=1&a=%FF", b"b=x+y&c", FORM)
    wanted = ({"token": "t k"}, [("a", "1"), ("a", "\ufffd"), ("b", "x y"), ("c", "")])
    assert answer.body.decode() == repr(wanted)


def test_head_is_get_without_a_body(run: Run) -> None:
    """Status and headers are those of GET (RFC 9110, section 9.3.2)."""
    running = running_page(run, echo)
    head, get = running.send("HEAD", "/page"), running.send("GET", "/page")
    assert (head.status, head.body) == (200, b"")
    assert head.headers["content-length"] == str(len(get.body))


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ("", 200),
        ('"a"', 304),
        ('W/"a"', 304),
        ('"b", "a"', 304),
        ("*", 304),
        ('"b"', 200),
        ("a", 200),
    ],
)
def test_a_page_may_answer_that_nothing_changed(run: Run, given: str, status: int) -> None:
    """By If-None-Match, whose tags are compared weakly (RFC 9110, section 13.1.2); 304 has no
    body and no type.
    """

    def tagged(request: PageRequest) -> PageAnswer:
        if is_current(request.if_none_match, '"a"'):
            return PageAnswer(b"", "", 304, {"etag": '"a"'})
        return PageAnswer(b"<a/>", "text/xml", headers={"etag": '"a"'})

    headers = {"if-none-match": given} if given else {}
    answer = running_page(run, tagged).send("GET", "/page", headers=headers)
    assert (answer.status, answer.headers["etag"]) == (status, '"a"')
    assert (answer.body, "content-type" in answer.headers) == (
        (b"", False) if status == 304 else (b"<a/>", True)
    )


@pytest.mark.parametrize(
    ("error", "status", "headers"),
    [
        (Invalid([FieldViolation("a", "is b", "c")]), 400, {}),
        (NotFound("no such feed"), 404, {}),
        (DatabaseAway("away"), 503, {"retry-after": "1"}),
        (RuntimeError("the password is swordfish"), 500, {}),
    ],
)
def test_an_error_is_a_problem(
    run: Run, error: Exception, status: int, headers: dict[str, str]
) -> None:
    """Errors of the domain and of the database are problem details (RFC 9457)."""

    def fail(_: PageRequest) -> PageAnswer:
        raise error

    answer = running_page(run, fail).send("GET", "/page")
    assert answer.status == answer.json["status"] == status
    assert answer.headers["content-type"] == "application/problem+json"
    assert headers.items() <= answer.headers.items()
    assert "swordfish" not in str(answer)


@pytest.mark.parametrize(
    ("status", "code"),
    [
        (200, "OK"),
        (304, "OK"),
        (404, "NOT_FOUND"),
        (410, "NOT_FOUND"),
        (418, "INVALID_ARGUMENT"),
        (503, "UNAVAILABLE"),
        (500, "INTERNAL"),
    ],
)
def test_a_pages_own_status_is_counted(run: Run, status: int, code: str) -> None:
    """Metrics name the status by its code, and the page by its route, not by what was called."""
    running = running_page(run, lambda _: PageAnswer(b"", "text/plain", status), "/page/{token}")
    labels = {"service": "tests", "method": "/page/{token}", "code": code}
    before = figure("tandem_http_requests_total", **labels)
    assert running.send("GET", "/page/secret").status == status
    assert figure("tandem_http_requests_total", **labels) == before + 1


def test_what_is_too_large_or_no_form_is_refused(run: Run) -> None:
    """Query, form and number of arguments are bounded; a page without a form takes no POST."""
    running = running_page(run, echo)
    assert running.send("GET", "/page?" + "a" * (pages.LARGEST_QUERY + 1)).status == 414
    assert running.send("GET", "/page?" + "a&" * 200).status == 400
    assert running.send("POST", "/page", b"a" * (pages.LARGEST_FORM + 1), FORM).status == 413
    assert running.send("POST", "/page", b"{}", {"content-type": "application/json"}).status == 415
    assert running.send("DELETE", "/page").status == 405
    plain = running_page(run, echo, takes_form=False)
    assert plain.send("POST", "/page", b"a=b", FORM).status == 405


def test_a_crowd_leaves_places_to_others(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """One caller too many of a page gets 503 with Retry-After; RPCs and other pages go on."""
    monkeypatch.setattr(admission, "MOST_OF_PAGE", 2)
    go_on, inside = threading.Event(), threading.Semaphore(0)

    def hold(_: PageRequest) -> PageAnswer:
        inside.release()
        assert go_on.wait(60)
        return PageAnswer(b"", "text/plain")

    running = run([Page("/held", hold), Page("/page", echo)])
    before = figure("tandem_http_exhausted_total", service="tests", of="caller")
    with ThreadPoolExecutor(2) as pool:
        held = [pool.submit(running.send, "GET", "/held") for _ in range(2)]
        assert all(inside.acquire(timeout=60) for _ in held)
        refused = running.send("GET", "/held")
        others = running.send("GET", "/page").status, running.post().status
        go_on.set()
        assert [each.result(60).status for each in held] == [200, 200]
    assert (refused.status, refused.headers["retry-after"]) == (503, "1")
    assert others == (200, 200)
    assert figure("tandem_http_exhausted_total", service="tests", of="caller") == before + 1
    assert running.server.pipeline.admission.taken() == {}


def test_few_work_at_once_and_the_others_wait(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """More requests than may work at once are all answered, and no more than that work at once."""
    monkeypatch.setattr(pages, "AT_ONCE", 2)
    lock, present, most = threading.Lock(), 0, 0
    both = threading.Barrier(2)

    def count(_: PageRequest) -> PageAnswer:
        nonlocal present, most
        with lock:
            present += 1
            most = max(most, present)
        both.wait(60)
        with lock:
            present -= 1
        return PageAnswer(b"", "text/plain")

    running = running_page(run, count)
    with ThreadPoolExecutor(8) as pool:
        answers = list(pool.map(lambda _: running.send("GET", "/page").status, range(8)))
    assert (answers, most) == ([200] * 8, 2)


def test_any_bytes_get_an_answer(run: Run) -> None:
    """No query and no form, whatever its bytes, causes an internal error."""
    running = running_page(run, echo)

    @given(st.binary(max_size=60), st.booleans())
    @settings(max_examples=60, suppress_health_check=list(HealthCheck))
    def hostile(noise: bytes, as_form: bool) -> None:
        query = "".join(f"%{byte:02x}" if byte < 33 or byte in b"#%" else chr(byte)
                        for byte in noise)  # fmt: skip
        with closing(running.connection()) as connection:
            connection.putrequest("POST" if as_form else "GET", "/page", skip_host=True)
            connection._buffer[0] = connection._buffer[0].replace(  # type: ignore[attr-defined]
                b"/page", b"/page" if as_form else b"/page?" + query.encode("latin-1")
            )
            connection.putheader("host", "tandem")
            body = noise if as_form else b""
            for name, value in (FORM | {"content-length": str(len(body))}).items():
                connection.putheader(name, value)
            connection.endheaders(body)
            assert connection.getresponse().status in (200, 400)

    hostile()


def test_an_rpc_is_not_a_page(run: Run) -> None:
    """A page takes no route of an RPC."""
    running = running_page(run, echo)
    assert running.post().status == 200
    assert running.send("GET", PATH).status == 405


def test_a_page_of_webhooks_gets_what_was_sent(run: Run) -> None:
    """The raw body of any type, the headers and the query as they came; by POST alone."""
    seen: list[PageRequest] = []

    def take(request: PageRequest) -> PageAnswer:
        seen.append(request)
        return PageAnswer(b"", "")

    running = run([Page("/page", take, largest_body=1000)])
    headers = {"content-type": "application/json", "x-signature": "v0=abc"}
    body = b'{"a": "\xff\x00"}'
    assert running.send("POST", "/page?checksum=1%2B&b", body, headers).status == 200
    (asked,) = seen
    assert (asked.body, asked.query) == (body, "checksum=1%2B&b")
    assert asked.headers["x-signature"] == "v0=abc"
    assert asked.arguments == [("checksum", "1+"), ("b", "")]
    assert running.send("POST", "/page", b"x" * 1001, headers).status == 413
    assert running.send("GET", "/page").status == 405
    assert len(seen) == 1
