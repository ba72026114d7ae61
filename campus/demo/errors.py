"""The error of the demo."""


class DemoError(Exception):
    """The platform did not do something in time, or the given servers already hold data."""
