"""Calendars as iCalendar texts (RFC 5545): feeds, and invitations by mail."""
