"""Messages as HTML: accessible, and the same page whatever the values are."""

import re
from html.parser import HTMLParser

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from services.notify.domain.enums import Kind
from services.notify.domain.values import DIGEST, FOLD, Code, Link, Written
from services.notify.marked import FSI, LRI, PDI, link, one_line
from services.notify.samples import sample
from services.notify.texts import FOLDER, Texts
from tests.unit.notify.values import TEXT, mapped, values_of

TEXTS = Texts()
VOID = {"meta", "br"}
ALLOWED = {
    *("html", "head", "meta", "title", "body", "div", "h1", "h2"),
    *("p", "ul", "li", "blockquote", "a", "bdi", "br"),
}


class Page(HTMLParser):
    """A page as a browser reads it: its elements, and the texts of each kind of element."""

    def __init__(self, html: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.attributes: list[tuple[str, dict[str, str | None]]] = []
        self.texts: list[tuple[str, str]] = []
        self._open: list[str] = []
        self.feed(html)
        self.close()
        assert not self._open

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert len(dict(attrs)) == len(attrs)
        self.tags.append(tag)
        self.attributes.append((tag, dict(attrs)))
        if tag not in VOID:
            self._open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self._open.pop() == tag
        self.tags.append(f"/{tag}")

    def handle_data(self, data: str) -> None:
        self.texts.append((self._open[-1] if self._open else "", data))

    def text_in(self, tag: str) -> str:
        """What the elements of this name contain, without what is in others within."""
        return "".join(data for within, data in self.texts if within == tag)

    def of(self, tag: str) -> list[dict[str, str | None]]:
        """The attributes of the elements of this name."""
        return [attributes for name, attributes in self.attributes if name == tag]


def page(kind: Kind, language: str, values: dict[str, object], name: str = "Ada") -> Page:
    """A message's page."""
    return Page(TEXTS.write_mail(kind, language, "Europe/Dublin", name, values).html)


languages = st.sampled_from(sorted(TEXTS.languages))


@settings(max_examples=50)
@given(st.data(), st.sampled_from(Kind), languages, TEXT)
def test_values_can_not_change_the_page(
    data: st.DataObject, kind: Kind, language: str, name: str
) -> None:
    """Whatever the values are, the elements are those of a message with harmless values."""
    values = data.draw(values_of(kind))
    found = page(kind, language, values, name)
    assert found.tags == page(kind, language, harmless(kind, values), one_line(name) and "a").tags
    assert set(found.tags) <= ALLOWED | {f"/{tag}" for tag in ALLOWED}
    there = "".join(text for tag, text in found.texts if tag != "title")
    assert not set(there) & {FSI, LRI, PDI}


@settings(max_examples=50)
@given(st.data(), st.sampled_from(Kind), languages, TEXT)
def test_values_can_not_change_the_lines_of_the_text(
    data: st.DataObject, kind: Kind, language: str, name: str
) -> None:
    """Whatever the values are, there are as many lines as with harmless values; in each line the
    characters that isolate directions are in pairs, and no other steers the direction.
    """
    values = data.draw(values_of(kind))
    found = TEXTS.write(kind, language, "UTC", name, values)
    other = TEXTS.write(kind, language, "UTC", name, harmless(kind, values))
    assert len(found.title.splitlines()) == 1
    assert len(found.body.splitlines()) == len(other.body.splitlines())
    for line in [found.title, *found.body.splitlines()]:
        marks = "".join(re.findall("[\u2066-\u2069\u202a-\u202e]", line))
        assert not marks.replace(FSI + PDI, "")


@settings(max_examples=50)
@given(TEXT, languages)
def test_a_value_is_shown_as_it_is(text: str, language: str) -> None:
    """On the page too, whatever HTML would make of it."""
    found = page(Kind.ENROLMENT_PROMOTED, language, {"run": text})
    assert found.text_in("bdi") == "".join((one_line(text), "Ada", one_line(text)))


def harmless(kind: Kind, values: dict[str, object]) -> dict[str, object]:
    """Values of the same shape, with other texts: empty and equal ones stay so."""
    names: dict[str, str] = {"": ""}

    def change(hint: object, text: str) -> str:
        if hint is Code:
            return text
        if hint is Link:
            return "https://a" if link(text, "label") else ""
        return names.setdefault(one_line(text), f"v{len(names)}")

    return mapped(kind, values, change)


@pytest.mark.parametrize("kind", [DIGEST, FOLD])
@pytest.mark.parametrize("language", sorted(TEXTS.languages))
def test_runs_are_headings(kind: Written, language: str) -> None:
    """The news of each run follow a heading of its own (WCAG 2.2, 1.3.1), whatever its title; the
    text has the title alone in its line.
    """
    runs = [("# Physics", [("# Moved", ["# Aula"])]), ("", [("A seat is free", [])])]
    values = {**sample(kind), "runs": runs}
    text = TEXTS.write_mail(kind, language, "Europe/Dublin", "Ada", values)
    found = Page(text.html)
    assert (found.tags.count("h1"), found.tags.count("h2")) == (1, 2)
    assert (found.tags.count("ul"), found.tags.count("li")) == (2, 2)
    assert [one_line(line) for line in text.body.splitlines()].count("# Physics") == 1
    assert text.body.count("# ") == 3


@pytest.mark.parametrize("kind", Kind)
@pytest.mark.parametrize("language", sorted(TEXTS.languages))
def test_a_page_is_accessible(kind: Kind, language: str) -> None:
    """It tells its language and direction, and its title; it has one heading, and neither images
    nor tables nor styles that it needs; it is read in the order of the text.
    """
    text = TEXTS.write_mail(kind, language, "Europe/Dublin", "Ada", sample(kind))
    found = Page(text.html)
    direction = "rtl" if language == "ar" else "ltr"
    for tag in ("html", "div"):  # mail programs drop the first
        told = found.of(tag)[0]
        assert (told["lang"], told["dir"]) == (language, direction)
    assert found.text_in("title") == text.title
    assert found.tags.count("h1") == 1
    assert set(found.tags) <= ALLOWED | {f"/{tag}" for tag in ALLOWED}
    words = "".join(data for tag, data in found.texts if tag not in {"title", "a"})
    assert _letters(words).endswith(_letters(re.sub(r".*:\nhttps://\S+", "", text.body)))


def _letters(text: str) -> str:
    """Text without marks, blanks and the signs of lists."""
    return re.sub(r"[\s\u2066-\u2069\u200f-]", "", text)


def test_a_link_tells_where_it_leads() -> None:
    """It has words, and the address is in the attribute only; in the text it has its own line."""
    values = {**sample(Kind.REMINDER), "join_url": 'https://meet.example/?a="1"&b=<2>'}
    for language in TEXTS.languages:
        text = TEXTS.write_mail(Kind.REMINDER, language, "UTC", "Ada", values)
        found = Page(text.html)
        assert [each["href"] for each in found.of("a")] == [values["join_url"]]
        assert len(found.text_in("a").split()) >= 3
        assert values["join_url"] in text.body.splitlines()


@pytest.mark.parametrize("url", ["javascript:alert(1)", "data:text/html,x", "//x", "https:", ""])
def test_only_addresses_of_the_web_become_links(url: str) -> None:
    """Any other is not shown."""
    values = {**sample(Kind.REMINDER), "join_url": url}
    assert not page(Kind.REMINDER, "en", values).of("a")


def test_colours_have_contrast() -> None:
    """Text and links stand out from the ground by 7:1 at least (WCAG 2.2, 1.4.6)."""
    layout = (FOLDER / "layout.html").read_text(encoding="utf-8")
    grounds = set(re.findall(r"background: (#\w{6})", layout))
    assert len(grounds) == 1
    [ground] = map(_luminance, grounds)
    for colour in re.findall(r"(?<!-)color: (#\w{6})", layout):
        light, dark = sorted((ground, _luminance(colour)), reverse=True)
        assert (light + 0.05) / (dark + 0.05) >= 7


def _luminance(colour: str) -> float:
    """The relative luminance of a colour (WCAG 2.2)."""
    parts = [int(colour[place : place + 2], 16) / 255 for place in (1, 3, 5)]
    red, green, blue = (
        part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts
    )
    return 0.2126 * red + 0.7152 * green + 0.0722 * blue


def test_lists_and_quotations() -> None:
    """Entries of lists may have further lines; what is indented elsewhere is a quotation."""
    changed = page(Kind.DUES_CHANGED, "en", sample(Kind.DUES_CHANGED)).tags
    assert (changed.count("ul"), changed.count("li"), changed.count("br")) == (1, 2, 4)
    answered = page(Kind.QUESTION_ANSWERED, "en", sample(Kind.QUESTION_ANSWERED)).tags
    assert answered.count("blockquote") == 2
