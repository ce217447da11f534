"""Classify."""

import streamlit as st

from dashboard import session

session.begin("pages/classify.py")
st.title("Classify")
