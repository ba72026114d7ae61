"""What queries name."""

from tests.promql import Selector, grouping_labels, selectors, unfolded


def test_metrics_and_matchers_are_found() -> None:
    """Functions, words, ranges, numbers and strings are not taken for metrics."""
    query = (
        'histogram_quantile(0.99, sum by (a, le)(rate(m_bucket{a=~"x{2}|y z", b!="}"}[5m]))) > 1e3'
        ' or b:recorded:rate5m unless on (c) sum(label_replace(up, "d", "$1", "c", "(.+)"))'
    )
    assert selectors(query) == [
        Selector("m_bucket", (("a", "=~", '"x{2}|y z"'), ("b", "!=", '"}"'))),
        Selector("b:recorded:rate5m"),
        Selector("up"),
    ]


def test_labels_of_groupings_are_found() -> None:
    """Of by, on and group_left alike."""
    assert grouping_labels("sum by (a)(x * on (b, c) group_left (d) y)") == {"a", "b", "c", "d"}


def test_recorded_series_are_unfolded() -> None:
    """Only whole names are: one may be the beginning of another."""
    recorded = {"a:b:c": "sum(x)", "a:b:c5": "sum(y)"}
    assert unfolded("a:b:c5 > a:b:c", recorded) == "(sum(y)) > (sum(x))"
