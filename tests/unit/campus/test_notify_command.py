"""The command `tandem notify`."""

import json
from pathlib import Path

import pytest
from click.testing import CliRunner, Result

from campus.notify_command import notify
from services.notify import samples
from services.notify.domain.enums import Kind
from services.notify.domain.short import SEGMENTS, segments
from services.notify.domain.values import DIGEST, FOLD, WRITTEN, Written
from services.notify.texts import Texts
from services.notify.webpush import vapid

TEXTS = Texts()


def run(*arguments: str) -> Result:
    """Run the command."""
    return CliRunner().invoke(notify, arguments)


@pytest.mark.parametrize(
    "kind", [Kind.SESSION_MOVED, Kind.DUES_CHANGED, Kind.REMINDER, DIGEST, FOLD]
)
@pytest.mark.parametrize("language", [*TEXTS.languages, "de-AT"])
def test_a_preview_is_the_message_as_it_would_be_sent(kind: Written, language: str) -> None:
    """Title and text, or the HTML, go to standard output, in the nearest language."""
    values = samples.sample(kind)
    text = TEXTS.write_mail(kind, language, "Asia/Tokyo", samples.NAME, values)
    shown = run("preview", kind, "--language", language, "--zone", "Asia/Tokyo")
    assert (shown.exit_code, shown.stdout) == (0, f"{text.title}\n\n{text.body}")
    html = run("preview", kind, "--language", language, "--zone", "Asia/Tokyo", "--html")
    assert (html.exit_code, html.stdout) == (0, f"{text.html}\n")


@pytest.mark.parametrize("language", TEXTS.languages)
def test_a_preview_for_telephones(language: str) -> None:
    """The text message fits in its parts; a notification has a title and a line."""
    kind = Kind.DUES_CHANGED
    sms = run("preview", kind, "--language", language, "--channel", "sms")
    text, _, parts = sms.stdout.partition("\n\n")
    assert (sms.exit_code, parts) == (0, f"{segments(text)} of at most 2 parts\n")
    assert segments(text) <= SEGMENTS
    push = run("preview", kind, "--language", language, "--channel", "push")
    title, line = push.stdout.splitlines()
    assert (push.exit_code, bool(title), bool(line)) == (0, True, True)


def test_a_key_of_web_push(tmp_path: Path) -> None:
    """Its public key is printed; a file that is there is not written over."""
    file = tmp_path / "key.pem"
    shown = run("push-key", str(file), "--json")
    public = vapid(file, "tandem@university.example").public_key
    assert (shown.exit_code, json.loads(shown.stdout)) == (0, {"public_key": public})
    assert run("push-key", str(file)).exit_code == 1
    assert vapid(file, "tandem@university.example").public_key == public


def test_kinds_are_listed() -> None:
    """Each with its category, the channels of who chose nothing, and the languages."""
    rows = json.loads(run("preview", "--list", "--json").stdout)
    assert [row["kind"] for row in rows] == list(WRITTEN)
    assert {row["by_default"] for row in rows} == {"", "IN_APP", "IN_APP, EMAIL"}
    assert "reminder" in run("preview", "--list").stdout


@pytest.mark.parametrize(
    ("arguments", "faults"),
    [
        ([], ["KIND"]),
        (["reminder", "--list"], ["KIND"]),
        (["magic"], ["KIND"]),
        (["reminder", "--language", "tlh"], ["--language"]),
        (["reminder", "--language", ""], ["--language"]),
        (["reminder", "--zone", "../etc/passwd"], ["--zone"]),
        (["reminder", "--json"], ["--json"]),
        (["--list", "--html"], ["--html"]),
        (["reminder", "--html", "--channel", "sms"], ["--channel"]),
        ([DIGEST, "--channel", "push"], ["--channel"]),
        (
            ["\x1b[31m", "--language", "xx", "--zone", "x", "--json"],
            ["KIND", "--language", "--zone", "--json"],
        ),
    ],
)
def test_wrong_arguments_are_told_together(
    arguments: list[str], faults: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    """Each on a line of its own, which begins with its name; nothing is printed."""
    with pytest.raises(SystemExit) as ended:
        notify.main(["preview", *arguments], standalone_mode=False)
    told = capsys.readouterr()
    assert ended.value.code == 1
    assert told.out == ""
    assert "\x1b[31m" not in told.err
    lines = told.err.removeprefix("tandem: ").splitlines()
    assert [line.partition(":")[0] for line in lines] == faults


def test_our_templates_are_right() -> None:
    """The check says so."""
    assert run("check").exit_code == 0
