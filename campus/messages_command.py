"""`tandem notify preview|check`: the messages of notify, without a platform."""

from collections.abc import Iterator
from dataclasses import dataclass
from zoneinfo import available_timezones

import click

from campus.output import JSON_OPTION, fail, show_rows
from services.notify import samples
from services.notify.checks import faults_of
from services.notify.domain.enums import Channel, Kind
from services.notify.domain.notices import RULES, channels_for
from services.notify.domain.short import SEGMENTS, cut_to, line_of, segments
from services.notify.domain.values import DIGEST, FOLD, WRITTEN
from services.notify.texts import FALLBACK, Texts

OF_SEVERAL = (DIGEST, FOLD)
"""What is written of several messages."""


@dataclass(frozen=True)
class Row:
    """A kind of message; or digests, which are of all categories, and come to who chose them; or
    folds of urgent changes.
    """

    kind: str
    category: str
    by_default: str
    """The channels for who chose nothing."""
    urgent: bool
    languages: str


@click.command()
@click.argument("kind", required=False)
@click.option("--language", default=FALLBACK, show_default=True, help="A tag such as ar or de-AT.")
@click.option("--zone", default=samples.ZONE, show_default=True, help="The reader's, as of IANA.")
@click.option("--html", "as_html", is_flag=True, help="The HTML of the e-mail, not the text.")
@click.option(
    "--channel",
    type=click.Choice(["email", "sms", "push"]),
    default="email",
    show_default=True,
    help="As text message or as notification, with how much of the channel it takes.",
)
@click.option("--list", "listed", is_flag=True, help="List the kinds instead.")
@JSON_OPTION
def preview(
    kind: str | None,
    language: str,
    zone: str,
    as_html: bool,
    channel: str,
    listed: bool,
    as_json: bool,
) -> None:
    """Print a message of KIND with sample values, as it would be sent.

    The first line of the text is the title. Values stand in isolates where their direction matters
    (UAX #9); not every terminal knows these, nor text from right to left.
    """
    texts = Texts()
    wrong = [*_faults(texts, kind, language, zone, as_html, listed, as_json)]
    if channel != "email" and (as_html or kind in OF_SEVERAL):
        wrong.append(f"--channel: {channel} has no HTML, no digests and no folds")
    if wrong:
        fail("\n".join(wrong))
    if kind is None:
        show_rows("Kinds of messages", _rows(texts), as_json)
        return
    written = next(each for each in WRITTEN if each == kind)
    values = samples.sample(written)
    text = texts.write_mail(written, language, zone, samples.NAME, values)
    if channel == "sms":
        short = cut_to(text.title, SEGMENTS)
        click.echo(f"{short}\n\n{segments(short)} of at most {SEGMENTS} parts")
    elif channel == "push":
        line = line_of(text.body)
        click.echo(f"{text.title}\n{line}")
    else:
        click.echo(text.html if as_html else f"{text.title}\n\n{text.body}", nl=as_html)


@click.command()
def check() -> None:
    """Check that each kind has a template in each language that names the kind's values, and no
    others. Exits with 1 if one does not.
    """
    if wrong := faults_of():
        fail("\n".join(wrong))
    click.echo(f"{len(WRITTEN)} kinds in {', '.join(Texts().languages)}: all templates are right")


def _faults(
    texts: Texts,
    kind: str | None,
    language: str,
    zone: str,
    as_html: bool,
    listed: bool,
    as_json: bool,
) -> Iterator[str]:
    """Yield what is wrong with the arguments of `preview`."""
    if listed == (kind is not None):
        yield "KIND: give either a KIND or --list"
    elif kind is not None and kind not in WRITTEN:
        yield f"KIND: {kind!r} is not a kind of message; it is one of {', '.join(WRITTEN)}"
    if (
        texts.nearest(language) == FALLBACK
        and language.lower().replace("_", "-").split("-")[0] != FALLBACK
    ):
        known = ", ".join(texts.languages)
        yield f"--language: {language!r} has no templates; these have: {known}"
    if zone not in available_timezones():
        yield f"--zone: {zone!r} is not a time zone of IANA, such as {samples.ZONE}"
    if listed and as_html:
        yield "--html: not with --list"
    if as_json and not listed:
        yield "--json: only with --list"


def _rows(texts: Texts) -> list[Row]:
    return [
        Row(
            kind,
            RULES[kind].category,
            ", ".join(each for each in Channel if each in channels_for(kind)),
            RULES[kind].urgent,
            ", ".join(texts.languages),
        )
        for kind in Kind
    ] + [Row(each, "", "", each == FOLD, ", ".join(texts.languages)) for each in OF_SEVERAL]
