"""How the demo is told: a line for what people do, a line for what the platform made of it."""

from collections import Counter
from collections.abc import Callable
from datetime import datetime
from zoneinfo import ZoneInfo

from rich.console import Console
from rich.markup import escape

CAMPUS_ZONE = ZoneInfo("Europe/Dublin")


class Narrator:
    """Tells the story on a console, each line under the hour of the story's clock."""

    def __init__(self, console: Console, now: Callable[[], datetime]) -> None:
        self._console = console
        self._now = now

    def scene(self, title: str) -> None:
        """A new scene begins."""
        self._console.print()
        self._console.rule(f"[bold]{title}", align="left", style="cyan")

    def say(self, text: str) -> None:
        """Someone did something."""
        hour = self._now().astimezone(CAMPUS_ZONE).strftime("%a %H:%M")
        self._console.print(f"[cyan]{hour}[/]  {text}")

    def detail(self, text: str) -> None:
        """More about what was just said."""
        self._console.print(f"           {text}")

    def refused(self, text: str) -> None:
        """The platform said no; `text` is its own words."""
        self._console.print(f"           [yellow]refused:[/] {escape(text)}")

    def events(self, happened: Counter[str]) -> None:
        """What the platform told the world since the last time."""
        for name, count in sorted(happened.items()):
            short = name.removeprefix("tandem.").removesuffix(".v1")
            self._console.print(f"           [green]{count:5d} x[/] [dim]{short}[/]")
