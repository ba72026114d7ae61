"""The page /unsubscribe: one click ends the mails of the categories that a mail tells of
(RFC 8058, docs/decisions/0083)."""

import html
import json
from collections.abc import Mapping, Sequence
from email import message_from_bytes
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl

from babel.lists import format_list

from chassis.capabilities import CapabilityUrls
from chassis.data.store import Database
from chassis.edge.http.pages import FORM, Page, PageAnswer, PageRequest
from chassis.errors import FieldViolation, Invalid, NotFound
from services.notify import metrics
from services.notify.domain.messages import Delivery
from services.notify.store import NotifyStore
from services.notify.texts import FALLBACK, Texts
from services.notify.usecases.unsubscribing import categories_of, told_by, unsubscribe

WORDS = Path(__file__).parent / "pages"
LARGEST_BODY = 16 * 1024
# What a mail program posts (RFC 8058, section 3.2); our own button does, too.
FIELD, VALUE = "List-Unsubscribe", "One-Click"
# The link is for one person: nothing on the way keeps it or tells it, and nobody frames the button.
_HEADERS = {
    "cache-control": "no-store",
    "referrer-policy": "no-referrer",
    "x-robots-tag": "noindex",
    "content-security-policy": "default-src 'none'; form-action 'self'; frame-ancestors 'none'",
}
_PAGE = """<!doctype html>
<html lang="{language}" dir="{direction}"><meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<title>{title}</title>
<body><main><h1>{title}</h1>
{rest}
</main></body></html>
"""
_ASKED = """<p>{question}</p>
<form method="post"><input type="hidden" name="{field}" value="{value}">
<button>{button}</button></form>"""
_DONE = '<p role="status">{done}</p>'


class Unsubscribing:
    """Answers people, their mail programs, and those who check links."""

    def __init__(self, database: Database[NotifyStore], urls: CapabilityUrls, texts: Texts) -> None:
        self._database, self._urls, self._texts = database, urls, texts
        self._words = {
            path.stem: json.loads(path.read_text(encoding="utf-8")) for path in WORDS.iterdir()
        }

    def pages(self) -> list[Page]:
        """Return the page as GET has it, and as POST does, which takes any kind of form."""
        path = f"/{self._urls.path}/{{token}}"
        return [Page(path, self.ask), Page(path, self.end, largest_body=LARGEST_BODY)]

    def ask(self, request: PageRequest) -> PageAnswer:
        """Ask whether mails shall end; change nothing, because who checks links calls this, too
        (RFC 8058, section 1). Raises NotFound.
        """
        told = told_by(self._database.reader(), self._mail_id(request))
        return self._shown(told, _ASKED)

    def end(self, request: PageRequest) -> PageAnswer:
        """End the mails. Raises NotFound, and Invalid if the body does not ask for it."""
        mail_id = self._mail_id(request)
        if not asks(request.headers.get("content-type", ""), request.body):
            raise Invalid([FieldViolation(FIELD, "is missing", f"{FIELD}={VALUE}, as a form")])
        told = self._database.transact(lambda store: unsubscribe(store, mail_id))
        metrics.UNSUBSCRIBED.inc()
        return self._shown(told, _DONE)

    def _mail_id(self, request: PageRequest) -> str:
        found = self._urls.id_of(request.parameters["token"])
        if found is None:
            raise NotFound("this link is not ours, or is damaged")
        return found

    def _shown(self, told: Sequence[Delivery], rest: str) -> PageAnswer:
        language, words = self._words_for(told[0].person_id)
        named = [words["categories"][each] for each in categories_of(told)]
        category = format_list(named, locale=language)
        said = {
            name: html.escape(text.format(category=category))
            for name, text in words.items()
            if isinstance(text, str)
        }
        rest = rest.format(**said, field=FIELD, value=VALUE)
        direction = self._texts.languages[language].direction
        text = _PAGE.format(language=language, direction=direction, title=said["title"], rest=rest)
        return PageAnswer(text.encode(), "text/html; charset=utf-8", headers=_HEADERS)

    def _words_for(self, person_id: str) -> tuple[str, Mapping[str, Any]]:
        """Return a person's language, and its words."""
        person = self._database.reader().people([person_id]).get(person_id)
        language = self._texts.nearest(person.language) if person else FALLBACK
        return language, self._words[language]


def asks(content_type: str, body: bytes) -> bool:
    """Return whether the body of a POST asks to unsubscribe: as a form of HTML, or, as mail
    programs should send it, as multipart/form-data (RFC 8058, section 3.2).
    """
    kind = content_type.partition(";")[0].strip().lower()
    if kind == FORM:
        return (FIELD, VALUE) in parse_qsl(body.decode("utf-8", "replace"))
    return kind == "multipart/form-data" and (FIELD, VALUE) in _parts(content_type, body)


def _parts(content_type: str, body: bytes) -> list[tuple[object, str]]:
    """Return names and values of multipart/form-data (RFC 7578); none if it can't be read."""
    head = f"Content-Type: {content_type}\r\n\r\n".encode("latin-1", "replace")
    try:
        parts: Any = message_from_bytes(head + body).get_payload()
        return [
            (part.get_param("name", header="content-disposition"), part.get_payload().strip())
            for part in parts
        ]
    except Exception:  # the parser's, of bytes that a stranger sent
        return []
