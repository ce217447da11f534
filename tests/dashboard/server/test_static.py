"""What the browser is handed."""

import re

from dashboard.server import static


def test_the_small_chart_library_is_of_the_version_in_its_name():
    head = (static.ASSETS / static.CARTESIAN_BUNDLE).read_bytes()[:200].decode()
    version = re.search(r"plotly.js \(cartesian - minified\) v([\d.]+)", head)
    assert version is not None
    assert f"plotly-cartesian-{version[1]}.min.js" == static.CARTESIAN_BUNDLE


def test_a_chart_that_the_small_library_does_not_draw_gets_the_whole_one():
    full_bundle = static.plotly_name(["scatter", "scatter3d"])
    assert (
        static.plotly_name()
        == static.plotly_name(["scatter", "heatmap"])
        == static.CARTESIAN_BUNDLE
    )
    assert full_bundle != static.CARTESIAN_BUNDLE
    static.publish()
    sizes = [
        (static.STATIC / name).stat().st_size for name in (static.CARTESIAN_BUNDLE, full_bundle)
    ]
    assert 0 < 2 * sizes[0] < sizes[1]


def test_the_small_library_has_every_type_that_it_is_asked_for():
    script = (static.ASSETS / static.CARTESIAN_BUNDLE).read_text(encoding="utf-8")
    for kind in static.CARTESIAN_TRACES:
        assert f'name:"{kind}",basePlotModule' in script, kind
