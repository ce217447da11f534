"""Workers and servers that are killed, and what is left of their runs."""
