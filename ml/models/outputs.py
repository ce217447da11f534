"""The names of a network's outputs, in the order in which it gives them. Light: no torch."""

OUTPUTS = ("logits", "features", "feature_map")
"""Of every network: (n, classes), (n, features), (n, channels, h, w)."""
ATTENTION = "attention"
"""One output more, of networks that weigh the places of a picture: (n, 1, h, w)."""
