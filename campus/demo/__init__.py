"""The demo: plays a Monday at a university on the real platform, and checks the result.

Each scene has a file, in the order of time: `sunday` (the term is set up), `timetable`, `lecture`
(a hybrid class), `cancellation`, `recording` (absences become catch-ups), `renditions` (a playlist,
a search), `offline` (a pack for a week without a network), `week`, `study`, `tutorials` (two
groups, a late joiner), `friday` (deadlines pass). Each scene stores its decisions in the `World`;
`checks` compares them with the answers of the services.
"""
