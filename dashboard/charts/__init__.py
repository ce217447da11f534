"""Charts: pure functions from figures to a Plotly figure, one module a subject.

The component that draws a figure is ``dashboard.components.widgets.plot``.
"""
