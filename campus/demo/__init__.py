"""A Monday at a university, played on the real platform, and checked.

One file a scene, in the order of the day: `sunday` (the term is set up), `timetable`, `lecture` (a
hybrid class), `cancellation`, `recording` (absences become catch-ups), `week`, `study`, `friday`
(deadlines pass). What each scene decides goes into the `World`; `checks` compares it with what the
services say.
"""
