"""The names in queries."""

from tests.promql import Selector, grouping_labels, made_labels, selectors, unfolded


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
    """Labels after by, on and group_left are found."""
    assert grouping_labels("sum by (a)(x * on (b, c) group_left (d) y)") == {"a", "b", "c", "d"}


def test_labels_that_are_made_are_found() -> None:
    """The label that label_replace creates is no label of a series."""
    query = 'sum by (d)(label_replace(rate(up{c="x"}[5m]), "d", "$1", "c", "(.+)"))'
    assert made_labels(query) == {"d"}
    assert selectors(query) == [Selector("up", (("c", "=", '"x"'),))]


def test_words_of_aggregation_are_no_metrics() -> None:
    """The words have their labels behind them or before."""
    assert selectors("group by (a)(x) unless on (a) max by (a)(y)") == [
        Selector("x"),
        Selector("y"),
    ]


def test_recorded_series_are_unfolded() -> None:
    """Only whole names are: one may be the beginning of another."""
    recorded = {"a:b:c": "sum(x)", "a:b:c5": "sum(y)"}
    assert unfolded("a:b:c5 > a:b:c", recorded) == "(sum(y)) > (sum(x))"
