"""Events on their way: from the outbox to the broker, and from the broker to a handler."""
