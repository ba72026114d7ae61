"""Importing OneRoster archives: uploading, planning what changes, applying it."""
