"""What the browser is handed."""

import re

from dashboard.server import static


def test_the_small_chart_library_says_that_it_is_the_version_that_its_name_promises():
    head = (static.ASSETS / static.CHARTS).read_bytes()[:200].decode()
    version = re.search(r"plotly.js \(cartesian - minified\) v([\d.]+)", head)
    assert version is not None
    assert f"plotly-cartesian-{version[1]}.min.js" == static.CHARTS


def test_a_chart_that_the_small_library_does_not_draw_gets_the_whole_one():
    whole = static.plotly_name(["scatter", "scatter3d"])
    assert static.plotly_name() == static.plotly_name(["scatter", "heatmap"]) == static.CHARTS
    assert whole != static.CHARTS
    static.fill()
    sizes = [(static.STATIC / name).stat().st_size for name in (static.CHARTS, whole)]
    assert 0 < 2 * sizes[0] < sizes[1]


def test_the_small_library_has_every_type_that_it_is_asked_for():
    script = (static.ASSETS / static.CHARTS).read_text(encoding="utf-8")
    for kind in static.CARTESIAN:
        assert f'name:"{kind}",basePlotModule' in script, kind
