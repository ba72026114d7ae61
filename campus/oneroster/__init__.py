"""Imports rosters of student information systems."""
