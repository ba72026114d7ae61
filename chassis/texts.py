"""Texts that people compare and read: one normal form, equality as people see it, safe to show.

Domains and use cases may import this module: it needs only the standard library.

"Invisible" is a character that takes no place or looks like a space, and steers how others look:
Unicode's format characters (zero-width, direction: UAX #9), variation selectors and fillers.
"""

import unicodedata

# Invisible, but of other categories than Cf: the grapheme joiner, the fillers of Hangul and Khmer,
# the blank pattern of Braille.
_FILLERS = frozenset("\u034f\u115f\u1160\u17b4\u17b5\u2800\u3164\uffa0")
# Of the category Cf, but visible: signs around digits and letters (Arabic, Syriac, Kaithi).
_SIGNS = frozenset("\u0600\u0601\u0602\u0603\u0604\u0605\u06dd\u070f\u0890\u0891\u08e2") | {
    "\U000110bd",
    "\U000110cd",
}
# Non-joiner and joiner: names in Persian and Indian scripts need them.
_JOINERS = frozenset("\u200c\u200d")
# Control characters, lone surrogates, line and paragraph separators.
_BREAKING = frozenset({"Cc", "Cs", "Zl", "Zp"})


def normal(text: str) -> str:
    """Return the form in which a text is stored: NFC (UAX #15), without white space around it, and
    one space for each white space in it.
    """
    return unicodedata.normalize("NFC", " ".join(text.split()))


def identity(text: str) -> str:
    """Return a key that is equal for texts that people take for the same.

    It disregards case, compatibility forms (NFKC: full width, ligatures), white space at the ends
    and how long it is, and invisible characters. It is for comparing, not for showing.
    """
    # Folding may undo NFKC, and NFKC may make white space (Unicode 3.13, definition D146).
    seen = "".join(sign for sign in text if not is_invisible(sign))
    folded = unicodedata.normalize("NFKC", unicodedata.normalize("NFD", seen)).casefold()
    folded = unicodedata.normalize("NFKC", folded).casefold()
    return normal("".join(sign for sign in folded if not is_invisible(sign)))


def is_plain(text: str) -> bool:
    """Return whether a text has only visible characters and spaces: no control, invisible, private
    or unassigned character, and no other white space than U+0020.
    """
    return all(sign == " " or _is_visible(sign) for sign in text)


def is_blank(text: str) -> bool:
    """Return whether nothing of a text can be seen."""
    return all(sign.isspace() or is_invisible(sign) for sign in text)


def shown(text: str) -> str:
    """Return a text as one line that can't break a page, a mail or a terminal.

    Control characters and line breaks become spaces; invisible characters are left out, except the
    joiners and the variation selectors, which names and emoji need.
    """
    if text.isascii() and text.isprintable():
        return " ".join(text.split())
    kept = (_shown(sign) for sign in text)
    return " ".join("".join(kept).split())


def legible(text: str) -> str:
    """Return a text of one line or more that is safe to show, with its spaces and tabs.

    Lines end with U+000A. Other control characters become spaces; invisible characters are left
    out, except the joiners and the variation selectors.
    """
    lines = text.splitlines()
    return "\n".join(
        "".join(sign if sign == "\t" else _shown(sign) for sign in line) for line in lines
    )


def is_invisible(sign: str) -> bool:
    """Return whether a character is invisible (see above); white space is not."""
    if sign.isascii():
        return False
    if unicodedata.category(sign) == "Cf":
        return sign not in _SIGNS
    return sign in _FILLERS or _is_selector(sign)


def _is_visible(sign: str) -> bool:
    category = unicodedata.category(sign)
    return (category[0] not in "CZ" and not is_invisible(sign)) or sign in _SIGNS


def _is_selector(sign: str) -> bool:
    return "\ufe00" <= sign <= "\ufe0f" or "\U000e0100" <= sign <= "\U000e01ef"


def _shown(sign: str) -> str:
    if sign in _JOINERS or _is_selector(sign):
        return sign
    if unicodedata.category(sign) in _BREAKING:
        return " "
    return "" if is_invisible(sign) else sign
