"""What the pages share and what needs Streamlit: light modules of ``ml``, never torch."""
