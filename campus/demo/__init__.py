"""The demo: plays a Monday at a university on the real platform, and checks the result.

Each scene has a file, in the order of time: `statistics` (a run begins a week earlier), `sunday`
(the term is set up), `timetable`, `questions` (before the lecture), `falling_behind` (a learner is
invited to a help session), `morning` (the meeting provider fails), `lecture` (a hybrid class),
`afterwards` (a question stays open, feedback), `cancellation`, `recording` (absences become
catch-ups), `renditions` (a playlist, a search), `offline` (a pack for a week without a network),
`week`, `help_session`, `study`, `watching` (a question at a minute of the recording), `tutorials`
(two groups, a late joiner), `friday` (deadlines pass), `late_sync` (the device with the pack has a
network again). Each scene stores its decisions in the `World`; `checks` compares them with the
answers of the services.
"""
