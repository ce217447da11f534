"""Parts of the page Train: the form, the live metrics, the coach's card, the outcome.

Training itself runs in a child: ``dashboard.workers``.
"""
