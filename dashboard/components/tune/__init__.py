"""Parts of the page Tune: the form, trials, the verdict, the learning rate finder.

The search itself runs in a child: ``ml.tuning``.
"""
