"""Home: what this is, where to start, and the last runs."""

import streamlit as st

from dashboard import session

session.begin("pages/home.py")
st.title("Teach a computer to tell your pictures apart")
