"""A timetable as a picture: a grid for each day, rooms down, periods across."""

from collections.abc import Iterator
from xml.sax.saxutils import escape

from timetabler.problem import Problem, Slot, Timetable
from timetabler.score import by_id, held_by

WIDTH, HEIGHT, MARGIN, HEAD = 90, 22, 110, 30
"""Of a class, of the room's names, and of a day's title, in pixels."""


def svg(problem: Problem, timetable: Timetable) -> str:
    """Return a timetable as SVG; courses of the same teacher have the same colour."""
    day_height = HEAD + HEIGHT * (len(problem.rooms) + 1)
    width, height = MARGIN + WIDTH * problem.periods, day_height * problem.days
    parts = [
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}" height="{height}" '
        'font-family="sans-serif" font-size="11">',
        f"<title>{escape(problem.name)}</title>",
    ]
    for day in range(problem.days):
        parts += _day(problem, timetable, day, day * day_height)
    return "\n".join([*parts, "</svg>\n"])


def _day(problem: Problem, timetable: Timetable, day: int, top: int) -> Iterator[str]:
    teachers = {course.id: course.teacher for course in problem.courses}
    courses, _ = by_id(problem)
    held = {(each.room, slot): each.course for each in timetable for slot in held_by(each, courses)}
    yield _text(4, top + HEAD - 10, f"Day {day + 1}", bold=True)
    for period in range(problem.periods):
        yield _text(MARGIN + WIDTH * period + 4, top + HEAD - 10, f"{period + 1}")
    for row, room in enumerate(problem.rooms):
        y = top + HEAD + HEIGHT * row
        yield _text(4, y + 15, f"{room.id} ({room.capacity})")
        for period in range(problem.periods):
            course = held.get((room.id, Slot(day, period)), "")
            yield _box(MARGIN + WIDTH * period, y, course, teachers.get(course, ""))


def _box(x: int, y: int, course: str, teacher: str) -> str:
    fill = f"hsl({sum(map(ord, teacher)) * 47 % 360} 60% 85%)" if course else "#fff"
    box = f'<rect x="{x}" y="{y}" width="{WIDTH}" height="{HEIGHT}" fill="{fill}" stroke="#bbb"/>'
    title = f"<g><title>{escape(f'{course}, {teacher}')}</title>" if course else "<g>"
    return title + box + (_text(x + 4, y + 15, course) if course else "") + "</g>"


def _text(x: int, y: int, text: str, bold: bool = False) -> str:
    weight = ' font-weight="bold"' if bold else ""
    return f'<text x="{x}" y="{y}"{weight}>{escape(text)}</text>'
