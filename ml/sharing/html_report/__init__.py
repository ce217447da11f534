"""The report to hand on: one HTML file that needs nothing else, no network and no Lensmith."""
