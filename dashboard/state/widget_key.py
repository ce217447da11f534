"""Widget key: reads and sets the value of a widget from other code."""

from typing import Generic, TypeVar

import streamlit as st

Value = TypeVar("Value")


class WidgetKey(str, Generic[Value]):
    """The ``key`` of a Streamlit widget whose value is of that type. It is a plain string for
    Streamlit, which drops the value when a script run does not draw the widget."""

    __slots__ = ()

    def value(self, default: Value) -> Value:
        """The widget's value; ``default`` where there is no such widget."""
        stored: Value = st.session_state.get(str(self), default)
        return stored

    def set(self, value: Value) -> None:
        """Set the value, before the widget is drawn or in a callback."""
        st.session_state[str(self)] = value

    def set_default(self, value: Value) -> None:
        """Set the value where the widget has none, before it is drawn."""
        st.session_state.setdefault(str(self), value)

    def forget(self) -> None:
        """Drop the value: the widget begins with its default again."""
        st.session_state.pop(str(self), None)
