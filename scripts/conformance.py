"""Write which requirements of xAPI the tests of conformance name, into tests/conformance/README.md.

Usage: conformance.py

A test names a requirement by its number, such as XAPI-00038 or IEEE-4.2.7, in its source: in its
name, docstring or table.
"""

import re
from collections.abc import Callable, Iterable, Mapping
from itertools import pairwise
from pathlib import Path
from typing import TypeVar

Named = TypeVar("Named", int, str)
ROOT = Path(__file__).resolve().parent.parent
TESTS = ROOT / "tests" / "conformance"
PAGE = TESTS / "README.md"
_PART = re.compile(r"(<!-- generated -->\n).*(<!-- end -->)", re.DOTALL)
_NUMBER = re.compile(r"XAPI[-_](\d{5})\b|xapi_(\d{5})(?=_)")
_SECTION = re.compile(r"IEEE-([\d.]*\d)")
# The last number of each section of ADL's conformance requirements for 1.0.3, and what it is of.
# The numbers 136 and 337 and above don't exist.
SECTIONS = {
    15: "Part 2, 2.2 formatting",
    20: "Part 2, 2.3 lifecycle, voiding",
    25: "Part 2, 2.4 statement properties",
    30: "Part 2, 2.4.1 id",
    43: "Part 2, 2.4.2 actor",
    45: "Part 2, 2.4.3 verb",
    73: "Part 2, 2.4.4 object",
    83: "Part 2, 2.4.5 result",
    96: "Part 2, 2.4.6 context",
    97: "Part 2, 2.4.8 stored",
    100: "Part 2, 2.4.9 authority",
    101: "Part 2, 2.4.10 version",
    107: "Part 2, 2.4.11 attachments",
    114: "Part 2, 2.5 retrieval of statements",
    117: "Part 2, 2.6 signed statements",
    120: "Part 2, 4.1 extensions",
    121: "Part 2, 4.2 language maps",
    123: "Part 2, 4.5 timestamps",
    124: "Part 2, 4.6 durations",
    126: "Part 3, 1.1 HEAD",
    138: "Part 3, 1.5 content types, multipart",
    141: "Part 3, 2.0 resources",
    181: "Part 3, 2.1 statement resource",
    186: "Part 3, 2.2 document resources",
    235: "Part 3, 2.3 state resource",
    249: "Part 3, 2.4 agents resource",
    254: "Part 3, 2.5 activities resource",
    284: "Part 3, 2.6 agent profile resource",
    314: "Part 3, 2.7 activity profile resource",
    321: "Part 3, 2.8 about resource",
    322: "Part 3, 3.1 concurrency",
    329: "Part 3, 3.2 error codes",
    333: "Part 3, 3.3 versioning",
    335: "Part 3, 4.0 authentication",
    336: "Part 3, 1.3 alternate request syntax",
}
NOT_THERE = {136}


def filled(page: str) -> str:
    """Return the page with tables of what the tests name now."""
    return _PART.sub(lambda part: f"{part[1]}{_numbers()}\n{_sections()}\n{part[2]}", page)


def _numbers() -> str:
    found = _found(lambda text: {int(one or other) for one, other in _NUMBER.findall(text)})
    rows = [
        _row(title, set(range(before + 1, last + 1)) - NOT_THERE, found)
        for (before, last), title in zip(pairwise([0, *SECTIONS]), SECTIONS.values(), strict=True)
    ]
    head = "| section of 1.0.3 | numbers | tested in | not yet |\n|---|---|---|---|\n"
    return head + "".join(rows)


def _row(title: str, numbers: set[int], found: Mapping[str, set[int]]) -> str:
    files = [file for file, named in found.items() if named & numbers]
    open_ = numbers.difference(*found.values())
    links = ", ".join(map(_link, files))
    return f"| {title} | {_ranges(numbers)} | {links} | {_ranges(open_)} |\n"


def _link(file: str) -> str:
    return f"[{Path(file).stem.removeprefix('test_')}]({file})"


def _sections() -> str:
    found = _found(lambda text: set(_SECTION.findall(text)))
    rows = [
        f"| {_link(file)} | {', '.join(sorted(each))} |\n" for file, each in found.items() if each
    ]
    return "| of 2.0.0 alone, tested in | sections of IEEE 9274.1.1 |\n|---|---|\n" + "".join(rows)


def _found(named: Callable[[str], set[Named]]) -> dict[str, set[Named]]:
    """What each file of tests names, by its path from the page on."""
    files = sorted(TESTS.rglob("test_*.py"))
    return {str(file.relative_to(TESTS)): named(file.read_text()) for file in files}


def _ranges(numbers: Iterable[int]) -> str:
    """Such as 1-3, 5."""
    runs: list[list[int]] = []
    for number in sorted(numbers):
        if runs and runs[-1][-1] == number - 1:
            runs[-1].append(number)
        else:
            runs.append([number])
    return ", ".join(f"{run[0]}-{run[-1]}" if len(run) > 1 else str(run[0]) for run in runs)


if __name__ == "__main__":
    PAGE.write_text(filled(PAGE.read_text()))
