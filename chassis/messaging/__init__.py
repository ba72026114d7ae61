"""The transport of events: from the outbox to the broker, and from the broker to a handler."""
