"""The sub-commands of ``python -m ml``, one module each."""
