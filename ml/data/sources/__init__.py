"""Sources: what pictures come from (folders, archives, tables, IDX, torchvision).

What becomes of their pictures is ``ml.data.ingest``.
"""
