"""Writes notices as text and as HTML: a folder for each language, a template for each kind.

A folder `templates/<language>/` has a template `<kind>.txt` for every kind, `digest.txt`, and
`class_changes.txt` for folds; the first line is the title. `dates.json` has the forms of a written
instant (the words are from the CLDR, by Babel). `templates/layout.html` is the HTML of all of them.
A value is never read as a template or as HTML, and has no line breaks, so that it can't look like
another line of the text (marked.py).
"""

import json
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any, get_args, get_origin

from babel import Locale
from babel.dates import format_date
from jinja2 import Environment, FileSystemLoader, StrictUndefined, Template
from jinja2.sandbox import ImmutableSandboxedEnvironment

from services.notify.domain.notices import Text
from services.notify.domain.values import Code, Link, Marked, Written, checked, declared
from services.notify.marked import blocks, cut, kept, line_of, link, marked, one_line, plain

FOLDER = Path(__file__).parent / "templates"
FALLBACK = "en"
LONGEST_TITLE = 200
LONGEST_VALUE = 1_000


@dataclass(frozen=True)
class Dates:
    """The forms in which a language writes instants, with the patterns of the CLDR (UTS #35)."""

    locale: Locale
    date_pattern: str
    """Of a date."""
    day_pattern: str
    """Of a date with the day of the week."""
    instant_format: str
    """With {day}, {time}, {zone}."""

    def local(self, instant: datetime, zone: str) -> str:
        """Return an instant in the local time of a zone; in UTC if the zone is unknown."""
        local = _local(instant, zone)
        return self._written(local.date(), f"{local:%H:%M}", local.tzinfo)

    def deadline(self, instant: datetime, zone: str) -> str:
        """Return a deadline in the local time of a zone. One at midnight is at 24:00 of the day
        that it ends: people would take 00:00 for a day too late, or too early.
        """
        local = _local(instant, zone)
        if local.time() != time() or local.date() == date.min:
            return self.local(instant, zone)
        return self._written(local.date() - timedelta(days=1), "24:00", local.tzinfo)

    def date_of(self, instant: datetime, zone: str) -> str:
        """Return the date of an instant in a zone; in UTC if the zone is unknown."""
        return _date(_local(instant, zone).date(), self.date_pattern, self.locale)

    def _written(self, day: date, at: str, zone: object) -> str:
        written = _date(day, self.day_pattern, self.locale)
        return self.instant_format.format(day=written, time=at, zone=marked(str(zone)))


class Language:
    """The templates of one language."""

    def __init__(self, folder: Path) -> None:
        self.tag = folder.name
        self.direction = Locale.parse(self.tag, sep="-").text_direction
        self._templates = environment(folder)

    def write(self, kind: Written, context: Mapping[str, Any]) -> tuple[str, str]:
        """Return the title and the body of a notice, with the values marked."""
        template = self._templates.get_template(f"{kind}.txt")
        title, _, body = template.render(context).partition("\n")
        return cut(" ".join(title.split()), LONGEST_TITLE - 1), body.strip() + "\n"

    def text(self, title: str, body: str) -> Text:
        """Return a notice as plain text."""
        right_to_left = self.direction == "rtl"
        return Text(plain(title, right_to_left), plain(body, right_to_left), self.tag)


class Texts:
    """The templates of all languages in a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        found = (Language(path) for path in folder.iterdir() if path.is_dir())
        self._languages = {language.tag.lower(): language for language in found}
        self._layout = _layout(folder)

    def write(
        self, kind: Written, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        """Return a notice in the language nearest to `language` (BCP 47), instants in `zone`.

        Raises BadValues.
        """
        written = self._languages[self.nearest(language)]
        return written.text(*written.write(kind, _context(kind, zone, name, values)))

    def write_mail(
        self, kind: Written, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        """Return a notice as `write` does, with its HTML. Raises BadValues."""
        written = self._languages[self.nearest(language)]
        title, body = written.write(kind, _context(kind, zone, name, values))
        text = written.text(title, body)
        html = self._layout.render(
            language=text.language,
            direction=written.direction,
            title=text.title,
            heading=line_of(title),
            blocks=blocks(body),
        )
        return replace(text, html=html)

    def nearest(self, language: str) -> str:
        """Return the nearest language: de-AT, then de, then the fallback (RFC 4647, 3.4)."""
        return next((tag for tag in _ranges(language) if tag in self._languages), FALLBACK)

    @property
    def languages(self) -> Mapping[str, Language]:
        """Return all languages that there are, by their tags in lower case."""
        return dict(sorted(self._languages.items()))


def duration(minutes: int) -> str:
    """Return minutes as hours and minutes, by their symbols, which are the same in all languages
    (SI Brochure, table 8); marked, because these are from left to right.
    """
    parts = zip(divmod(minutes, 60), ("h", "min"), strict=True)
    return marked(" ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min")


def _context(kind: Written, zone: str, name: str, values: Mapping[str, Any]) -> dict[str, Any]:
    whole = checked(kind, values)
    shown = {key: _shown(hint, whole[key]) for key, hint in declared(kind).items()}
    return {**shown, "zone": zone, "name": _shown(str, name)}


def _shown(hint: Any, value: Any) -> Any:
    """Return a value as templates get it: texts as marked single lines, codes, instants and numbers
    as they are.
    """
    if hint in (Code, Link):
        return value
    if hint == Marked:
        return cut(kept(value), LONGEST_VALUE)
    if isinstance(value, str):
        return cut(marked(one_line(value)), LONGEST_VALUE)
    if isinstance(value, list | tuple):
        inner = get_args(hint)
        hints = inner if get_origin(hint) is tuple else inner * len(value)
        return [_shown(each, item) for each, item in zip(hints, value, strict=True)]
    return value


def _ranges(language: str) -> Iterator[str]:
    parts = language.lower().replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])


def environment(folder: Path) -> ImmutableSandboxedEnvironment:
    """Return the templates of a language's folder, with the filters that they may use."""
    locale = Locale.parse(folder.name, sep="-")
    forms = json.loads((folder / "dates.json").read_text(encoding="utf-8"))
    dates = Dates(locale, forms["date"], forms["day"], forms["instant"])
    templates = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        auto_reload=False,
        autoescape=False,  # plain text
        trim_blocks=True,
        lstrip_blocks=True,
    )

    def plural(count: int, **forms: str) -> str:
        """Return the form for a count by the language's rule (CLDR); # stands for the count."""
        return forms.get(locale.plural_form(count), forms["other"]).replace("#", str(count))

    templates.filters["local"] = dates.local
    templates.filters["deadline"] = dates.deadline
    templates.filters["date"] = dates.date_of
    templates.filters["duration"] = duration
    templates.filters["plural"] = plural
    templates.filters["link"] = link
    return templates


def _layout(folder: Path) -> Template:
    html = Environment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        auto_reload=False,
        autoescape=True,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return html.get_template("layout.html")


# A broadcast tells thousands of people the same few dates.
@lru_cache(maxsize=1024)
def _date(day: date, pattern: str, locale: Locale) -> str:
    return format_date(day, pattern, locale)


def _local(instant: datetime, zone: str) -> datetime:
    try:
        return instant.astimezone(_zone(zone))
    except OverflowError:  # at the ends of the years 1 and 9999, which an event may have
        return instant.astimezone(UTC)


@lru_cache(maxsize=1024)
def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")
