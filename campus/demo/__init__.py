"""The demo: a Monday at a university, played on the real platform, and checked.

One file a scene, in the order of the day: `sunday` (the term is set up), `timetable`, `lecture` (a
hybrid class), `cancellation`, `recording` (absences become catch-ups), `week`, `study`, `friday`
(deadlines pass). Each scene stores its decisions in the `World`; `checks` compares them with the
answers of the services.
"""
