"""Runs."""

import streamlit as st

from dashboard import session

session.begin("pages/runs.py")
st.title("Runs")
