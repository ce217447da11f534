"""Parts of the page Classify: upload, camera, results, explanation, labelling.

The networks answer in a child: ``dashboard.workers.inference``.
"""
