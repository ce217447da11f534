"""Parts of the page Runs: a row a run, the comparison, the trash.

The list itself is read by ``dashboard.queries.run_list``.
"""
