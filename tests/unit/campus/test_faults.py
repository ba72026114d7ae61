"""An unavailable server and a bad value give a sentence; a bug gives a traceback."""

import sys
from pathlib import Path

import pytest

from campus import cli
from campus.demo.errors import DemoError
from campus.faults import message_of
from campus.stack.errors import StackError
from chassis.data import store

NOWHERE = "amqp://guest:guest@127.0.0.1:1/%2F"


def tandem(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], *words: object
) -> tuple[int, str]:
    """The command's exit code, and what it says on stderr."""
    monkeypatch.setattr(sys, "argv", ["tandem", *map(str, words)])
    with pytest.raises(SystemExit) as end:
        cli.main()
    return int(end.value.code or 0), capsys.readouterr().err


@pytest.mark.parametrize(
    "words", [("events", "tail"), ("dead-letters", "list"), ("dead-letters", "show", "progress.x")]
)
def test_a_broker_that_is_away_is_told(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The sentence says who does not answer, and why; the exit code is 1."""
    monkeypatch.setenv("TANDEM_AMQP_URL", NOWHERE)
    code, said = tandem(monkeypatch, capsys, *words, "--data", tmp_path)
    assert (code, said.strip().splitlines()[-1]) == (
        1,
        "tandem: RabbitMQ does not answer, or refuses: [Errno 111] Connection refused",
    )


@pytest.mark.parametrize(
    "url", ["bla", "http://broker", "amqp://broker:port/", "amqp://broker/?x=1", "amqp://[::1/"]
)
def test_a_malformed_url_says_what_would_be_right(
    url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """The given value, which may contain a password, is not shown."""
    monkeypatch.setenv("TANDEM_AMQP_URL", url)
    code, said = tandem(monkeypatch, capsys, "dead-letters", "list", "--data", tmp_path)
    assert code == 1
    assert "use for example amqp://user:password@host:5672/%2F" in said
    assert url not in said


def test_mongodb_that_is_away_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """So is RabbitMQ."""
    monkeypatch.setattr(store, "CLIENT", {**store.CLIENT, "serverSelectionTimeoutMS": 10})
    monkeypatch.setenv("TANDEM_MONGO_URL", "mongodb://127.0.0.1:1/")
    code, said = tandem(monkeypatch, capsys, "outbox", "list", "--data", tmp_path)
    assert (code, "MongoDB does not answer, or refuses" in said) == (1, True)


@pytest.mark.parametrize(
    ("since", "wanted"),
    [
        ("999999999d", "the maximum is 3650d"),
        ("99999999999999999999d", "use for example 90s"),
        ("3651d", "the maximum is 3650d"),
        ("soon", "use for example 90s"),
    ],
)
def test_too_long_ago_says_what_would_be_right(
    since: str,
    wanted: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """A stretch of time that no clock has is a bad value."""
    code, said = tandem(monkeypatch, capsys, "events", "tail", "--since", since)
    assert (code, wanted in " ".join(said.split())) == (2, True)


@pytest.mark.parametrize("words", [("",), ("ada", "--role", "Learner")])
def test_a_token_that_cannot_be_is_told(
    words: tuple[str, ...],
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """An empty person, or an unknown role."""
    code, said = tandem(monkeypatch, capsys, "token", *words, "--data", tmp_path)
    assert (code, said.startswith("tandem: ")) == (1, True)


def test_what_is_no_bug_has_a_sentence() -> None:
    """A bug has none."""
    assert message_of(StackError("no RabbitMQ")) == "no RabbitMQ"
    assert message_of(DemoError("still waiting")) == "still waiting"
    assert "No such file" in message_of(FileNotFoundError(2, "No such file or directory", "x"))
    assert message_of(KeyError("x")) == ""
    assert message_of(ValueError("x")) == ""
