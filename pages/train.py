"""Train: choose pictures, start, and watch it learn."""

import streamlit as st

from dashboard import session

session.begin("pages/train.py")
st.title("Train")
