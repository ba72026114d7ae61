"""Requests to this service, and calls to other services."""
