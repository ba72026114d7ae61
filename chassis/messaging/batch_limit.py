"""How many rows one transaction applies, by how fast the last one was.

MongoDB ends a transaction after 60 s (transactionLifetimeLimitSeconds). What is too much for that
fails, and is too much again when it is repeated. How much that is depends on the handler and on how
busy the machines are, so a worker looks at its own pace.
"""

# The weight of a unit at most, in rows that its events mean; and the seconds that it should take.
ROWS, SECONDS = 1_000, 5.0


class BatchLimit:
    """The pace of one subscription in one worker."""

    def __init__(self) -> None:
        self.rows = ROWS
        """What the next unit may weigh."""

    def took(self, rows: int, seconds: float) -> None:
        """Learn how long a transaction took, which was committed or not."""
        self.rows = min(ROWS, max(1, int(rows * SECONDS / max(seconds, 1e-9))))
