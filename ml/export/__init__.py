"""Export formats, one module each: each proves that it answers as the network does."""
