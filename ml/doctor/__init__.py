"""The doctor: what is wrong with a set of pictures, why it matters, and how to mend it."""
