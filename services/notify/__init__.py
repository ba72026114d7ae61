"""Notify: notifies people by e-mail and in an inbox, at most once for each event and channel."""
