"""Prints the demo's story: the actions of people, and the events of the platform."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape

from campus.output import printable

CAMPUS_ZONE = ZoneInfo("Europe/Dublin")


class Narrator:
    """Prints the story on a console, each line with the time of the story's clock."""

    def __init__(self, console: Console, now: Callable[[], datetime]) -> None:
        self._console = console
        self._now = now

    def scene(self, title: str) -> None:
        """Print the title of a new scene."""
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left", style="cyan")

    def say(self, text: str) -> None:
        """Print an action with its time."""
        hour = self._now().astimezone(CAMPUS_ZONE).strftime("%a %H:%M")
        self._line(f"[cyan]{hour}[/]  {text}")

    def detail(self, text: str) -> None:
        """Print a detail of the last line."""
        self._line(f"           {text}")

    def refused(self, text: str) -> None:
        """Print the message of a request that the platform refused."""
        self._line(f"           [yellow]refused:[/] {escape(text)}")

    def events(self, happened: Counter[str]) -> None:
        """Print the events that were published since the last call."""
        for name, count in sorted(happened.items()):
            short = name.removeprefix("tandem.").removesuffix(".v1")
            self._console.print(f"           [green]{count:5d} x[/] [dim]{short}[/]")

    def _line(self, text: str) -> None:
        """Print a line; characters in names that a terminal would act on are escaped."""
        self._console.print(printable(text))
