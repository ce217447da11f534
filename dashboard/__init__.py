"""The dashboard: what the pages are made of. It imports Streamlit and never torch.

Everything it shows is computed in ``ml``.
"""
