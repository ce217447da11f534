"""Evaluate."""

import streamlit as st

from dashboard import session

session.begin("pages/evaluate.py")
st.title("Evaluate")
