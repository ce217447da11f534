"""Claims about speed, each measured side by side in one run."""
