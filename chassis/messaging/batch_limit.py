"""The number of rows that one transaction applies, adapted to how long the last one took.

MongoDB ends a transaction after 60 s (transactionLifetimeLimitSeconds). Events that take longer
fail, and fail again when they are repeated. How many fit depends on the handler and on the load of
the machines, so a worker measures it.
"""

# The greatest weight of a unit, in rows that its events change; and the seconds that it should
# take.
ROWS, SECONDS = 1_000, 5.0


class BatchLimit:
    """The batch limit of one subscription in one worker."""

    def __init__(self) -> None:
        self.rows = ROWS
        """The greatest weight of the next unit."""

    def took(self, rows: int, seconds: float) -> None:
        """Adapt to a transaction of `rows` rows that took `seconds`, committed or not."""
        self.rows = min(ROWS, max(1, int(rows * SECONDS / max(seconds, 1e-9))))
