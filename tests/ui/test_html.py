import re

import numpy as np

from fbn.ui import charts, html
from fbn.ui.palette import EXPRESSION_COLOURS
from fbn.vocabulary import ACTION_UNITS, AU_NUMBERS, EXPRESSIONS


def test_every_action_unit_stands_in_one_region():
    assert sorted(number for numbers in html.REGIONS.values() for number in numbers) == sorted(AU_NUMBERS)


def test_bars_show_each_value_under_its_own_name():
    values = np.linspace(0, 1, 17)
    text = html.action_unit_bars(values)
    for unit, value in zip(ACTION_UNITS, values, strict=True):
        row = re.search(rf"<div class=\"fbn-row[^>]*title=\"{unit.short} .*?(\d+) %</span></div>", text)
        assert row is not None
        assert int(row.group(1)) == round(100 * value)
        assert unit.muscle.replace("'", "&#x27;") in row.group(0)


def test_the_likeliest_expression_alone_is_bold():
    text = html.expression_bars(np.array([0.1, 0.1, 0.1, 0.1, 0.4, 0.1, 0.1]))
    bold = re.findall(r'fbn-row fbn-top"[^>]*><span class="fbn-name">(\w+)<', text)
    assert bold == ["Happiness"]


def test_expression_colours_differ():
    assert set(EXPRESSION_COLOURS) == set(EXPRESSIONS)
    assert len(set(EXPRESSION_COLOURS.values())) == 7


def test_circumplex_places_now_and_stays_inside():
    text = html.circumplex([(0.0, 0.0), (3.0, -0.5)])
    assert 'class="fbn-now" style="left:100.0%;top:75.0%"' in text
    assert text.count("fbn-dot") == 1
    assert "fbn-now" not in html.circumplex([])


def test_time_line_is_thinned_and_leaves_gaps():
    nan = float("nan")
    figure = charts.time_line([0, 1, 2], [0.5, nan, -0.5], [0.1, 0.2, 0.3], now=1.0)
    assert figure["data"][0]["y"] == [0.5, None, -0.5]
    assert figure["layout"]["shapes"][0]["x0"] == 1.0
    long = list(np.linspace(0, 100, 10_000))
    assert len(charts.time_line(long, long, long)["data"][0]["x"]) < 2000
