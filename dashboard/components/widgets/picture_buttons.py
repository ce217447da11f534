"""Picture buttons: a row of thumbnails, each a real button for mouse and keyboard."""

from collections.abc import Sequence
from dataclasses import dataclass

import streamlit as st

_CSS = """
.row { display: flex; flex-wrap: wrap; gap: 8px; }
button {
  border: 2px solid transparent; border-radius: 10px; padding: 0; background: none; cursor: pointer;
  width: 76px; height: 76px; overflow: hidden; line-height: 0;
}
button:hover { border-color: var(--st-primary-color); }
button:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
img { width: 100%; height: 100%; object-fit: cover; border-radius: 8px; }
"""

_JS = """
export default function ({ data, parentElement, setTriggerValue }) {
  const row = parentElement.querySelector(".row");
  row.setAttribute("aria-label", data.label);
  const names = JSON.stringify(data.pictures.map((picture) => picture.id));
  if (row.dataset.names !== names) {
    row.dataset.names = names;
    row.replaceChildren(...data.pictures.map((picture) => {
      const button = document.createElement("button");
      button.type = "button";
      button.dataset.id = picture.id;
      button.title = picture.label;
      const image = document.createElement("img");
      image.src = picture.source;
      image.alt = picture.label;
      button.append(image);
      return button;
    }));
  }
  row.onclick = (event) => {
    const button = event.target.closest("button");
    if (button) setTriggerValue("picked", button.dataset.id);
  };
}
"""

_component = st.components.v2.component(
    "lensmith_picture_buttons", html='<div class="row" role="group"></div>', css=_CSS, js=_JS
)


@dataclass(frozen=True)
class PictureButton:
    """``id`` comes back when it is pressed; ``source`` is a data URI; ``label`` its name."""

    id: str
    source: str
    label: str


def picture_buttons(pictures: Sequence[PictureButton], label: str, key: str) -> str | None:
    """Draw the row; the id of the picture that was pressed just now, else None."""
    buttons = tuple(  # not a list: see tile_grid
        {"id": picture.id, "source": picture.source, "label": picture.label} for picture in pictures
    )
    result = _component(
        key=key, data={"pictures": buttons, "label": label}, on_picked_change=lambda: None
    )
    picked = result.picked
    return str(picked) if picked in {picture.id for picture in pictures} else None
