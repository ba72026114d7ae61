"""Writes notices as text: a folder for each language, a template for each kind.

A folder `templates/<language>/` has a template `<kind>.txt` for every kind, whose first line is the
title, and `calendar.json` with the words and the order of a written instant. A value is never read
as a template, and has no line breaks, so that it can't look like another line of the text.
"""

import json
import zoneinfo
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from datetime import date, datetime, time, timedelta
from functools import lru_cache
from pathlib import Path
from typing import Any

from jinja2 import FileSystemLoader, StrictUndefined
from jinja2.sandbox import ImmutableSandboxedEnvironment

from chassis.texts import shown
from services.notify.domain.enums import Kind
from services.notify.domain.notices import Text

FOLDER = Path(__file__).parent / "templates"
FALLBACK = "en"
LONGEST_TITLE = 200
LONGEST_VALUE = 1_000


@dataclass(frozen=True)
class Calendar:
    """The words with which a language writes an instant."""

    instant: str
    """A format with {day}, {date}, {month}, {year}, {time}, {zone}."""
    day: str
    """A format with {day}, {date}, {month}, {year}."""
    days: tuple[str, ...]
    """The days of the week from Monday."""
    months: tuple[str, ...]

    def local(self, instant: datetime, zone: str) -> str:
        """Return an instant in the local time of a zone; in UTC if the zone is unknown."""
        local = instant.astimezone(_zone(zone))
        return self._written(local, f"{local:%H:%M}", local.tzinfo)

    def deadline(self, instant: datetime, zone: str) -> str:
        """Return a deadline in the local time of a zone. One at midnight is at 24:00 of the day
        that it ends: people would take 00:00 for a day too late, or too early.
        """
        local = instant.astimezone(_zone(zone))
        if local.time() != time():
            return self.local(instant, zone)
        return self._written(local.date() - timedelta(days=1), "24:00", local.tzinfo)

    def date_of(self, instant: datetime, zone: str) -> str:
        """Return the date of an instant in a zone; in UTC if the zone is unknown."""
        return self.day.format(**self._words(instant.astimezone(_zone(zone))))

    def _written(self, day: date, at: str, zone: object) -> str:
        return self.instant.format(**self._words(day), time=at, zone=zone)

    def _words(self, day: date) -> Mapping[str, object]:
        month = self.months[day.month - 1]
        return {
            "day": self.days[day.weekday()],
            "date": day.day,
            "month": month,
            "year": day.year,
        }


class Texts:
    """The templates of all languages in a folder."""

    def __init__(self, folder: Path = FOLDER) -> None:
        self._languages = {
            path.name.lower(): _language(path) for path in folder.iterdir() if path.is_dir()
        }

    def write(
        self, kind: Kind, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        """Return a notice in the language nearest to `language` (BCP 47), instants in `zone`."""
        return self._write(kind, language, zone, name, values)

    def write_digest(self, language: str, zone: str, name: str, values: Mapping[str, Any]) -> Text:
        """Return a digest in the language nearest to `language` (BCP 47)."""
        return self._write("digest", language, zone, name, values)

    def _write(
        self, template: str, language: str, zone: str, name: str, values: Mapping[str, Any]
    ) -> Text:
        templates = self._languages[self.nearest(language)]
        context = {key: cleaned(value) for key, value in values.items()}
        text = templates.get_template(f"{template}.txt").render(
            context, zone=zone, name=one_line(name)
        )
        title, _, body = text.partition("\n")
        return Text(_cut(one_line(title), LONGEST_TITLE), body.strip() + "\n")

    def nearest(self, language: str) -> str:
        """Return the nearest language: de-AT, then de, then the fallback (RFC 4647, 3.4)."""
        return next((tag for tag in _ranges(language) if tag in self._languages), FALLBACK)

    @property
    def languages(self) -> tuple[str, ...]:
        """Return all languages that there are."""
        return tuple(sorted(self._languages))


def cleaned(value: Any) -> Any:
    """Return a value with its texts as single lines; instants and numbers stay as they are."""
    if isinstance(value, str):
        return _cut(one_line(value), LONGEST_VALUE)
    if isinstance(value, list | tuple):
        return [cleaned(item) for item in value]
    return value


def one_line(text: str) -> str:
    """Return text as one line, without control characters, and without invisible ones that could
    turn the direction of writing; joiners stay, because some scripts need them.
    """
    return shown(text)


def duration(minutes: int) -> str:
    """Return minutes as hours and minutes, by their symbols, which are the same in all languages
    (SI Brochure, table 8).
    """
    parts = zip(divmod(minutes, 60), ("h", "min"), strict=True)
    return " ".join(f"{count} {unit}" for count, unit in parts if count) or "0 min"


def _cut(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _ranges(language: str) -> Iterator[str]:
    parts = language.lower().replace("_", "-").split("-")
    for length in range(len(parts), 0, -1):
        yield "-".join(parts[:length])


def _language(folder: Path) -> ImmutableSandboxedEnvironment:
    raw = json.loads((folder / "calendar.json").read_text(encoding="utf-8"))
    calendar = Calendar(raw["instant"], raw["day"], tuple(raw["days"]), tuple(raw["months"]))
    templates = ImmutableSandboxedEnvironment(
        loader=FileSystemLoader(folder),
        undefined=StrictUndefined,
        autoescape=False,  # plain text
        trim_blocks=True,
        lstrip_blocks=True,
    )
    templates.filters["local"] = calendar.local
    templates.filters["deadline"] = calendar.deadline
    templates.filters["date"] = calendar.date_of
    templates.filters["duration"] = duration
    return templates


@lru_cache(maxsize=1024)
def _zone(name: str) -> zoneinfo.ZoneInfo:
    try:
        return zoneinfo.ZoneInfo(name)
    except (zoneinfo.ZoneInfoNotFoundError, ValueError, OSError):
        return zoneinfo.ZoneInfo("UTC")
