"""Component messages: what a browser component has sent, each taken once."""

from dataclasses import dataclass
from typing import Any

from dashboard.state.stored import stored


@dataclass
class ComponentState:
    """What is remembered of a component, by its key."""

    last_token: str = ""
    """The token of the last message that was taken. The browser sends it again in every run."""


def is_new_message(component: str, message: Any) -> bool:
    """Whether ``message`` of the component with that key was not taken yet; it counts as taken from
    now on. A message has a ``token`` of its own; anything else is not new."""
    token = str(message.get("token") or "") if isinstance(message, dict) else ""
    state = stored(ComponentState, component)
    if token in ("", state.last_token):
        return False
    state.last_token = token
    return True
