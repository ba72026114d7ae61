"""The catalog: people, courses, runs, learning paths, enrolments and extensions."""
