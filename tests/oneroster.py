"""Exports of universities as OneRoster 1.2 CSV, for tests and measurements."""

from campus.oneroster.export import Export


def small() -> Export:
    """Return an export of three students and a teacher in two classes."""
    export = Export()
    export.org()
    export.term()
    for number in range(1, 4):
        export.user(f"s{number}")
    export.user("t1", "teacher")
    for name in ("c1", "c2"):
        export.course(name)
        export.class_(f"k-{name}", name)
        export.enrol(f"k-{name}", "t1", "teacher")
    for number in range(1, 4):
        export.enrol("k-c1", f"s{number}")
    export.enrol("k-c2", "s1")
    return export


def university(learners: int, classes: int, each: int) -> Export:
    """Return an export in which each learner takes some of many classes, each with a teacher."""
    export = Export()
    export.org()
    export.term(last="2099-06-30")  # later than any measurement
    for number in range(classes):
        export.user(f"t{number}", "teacher")
        export.course(f"c{number}")
        export.class_(f"k{number}", f"c{number}")
        export.enrol(f"k{number}", f"t{number}", "teacher")
    for number in range(learners):
        export.user(f"s{number}")
        for step in range(each):
            export.enrol(f"k{(number + step * 7) % classes}", f"s{number}")
    return export
