"""Pictures: sources, the store, versions and splits, and the pixels that networks see."""
