"""Why the demo can't begin, or breaks off."""


class DemoError(Exception):
    """The platform did not do in time what it should, or the demo may not play there."""
