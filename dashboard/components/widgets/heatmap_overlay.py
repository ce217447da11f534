"""Heat map overlay: a picture under a heat map, with a slider for its opacity in the browser."""

import streamlit as st

_HTML = """
<figure>
  <div class="both"><img class="below" alt=""><img class="above" alt=""></div>
  <label><span>Map</span><input type="range" min="0" max="100" value="60"></label>
</figure>
"""

_CSS = """
figure { margin: 0; max-width: 340px; }
.both { position: relative; aspect-ratio: 1; border-radius: 10px; overflow: hidden; }
.both img { position: absolute; inset: 0; width: 100%; height: 100%; display: block; }
.below { filter: grayscale(var(--mixed)); }
.above { opacity: var(--mixed); }
label {
  display: flex; gap: 0.6rem; align-items: center; margin-top: 0.5rem; font-size: 0.8rem;
  color: var(--st-text-color);
}
input { flex: 1; min-width: 0; height: 1.6rem; accent-color: var(--st-primary-color); }
input:focus-visible { outline: 2px solid var(--st-primary-color); outline-offset: 2px; }
"""

_JS = """
export default function ({ data, parentElement }) {
  const figure = parentElement.querySelector("figure");
  const slider = figure.querySelector("input");
  figure.querySelector(".below").src = data.picture;
  const above = figure.querySelector(".above");
  above.src = data.heat;
  above.alt = data.alt;
  slider.setAttribute("aria-label", "How strongly the map covers the picture");
  const mix = () => figure.style.setProperty("--mixed", slider.value / 100);
  slider.oninput = mix;
  mix();
}
"""

_component = st.components.v2.component("lensmith_heat_view", html=_HTML, css=_CSS, js=_JS)


def heatmap_overlay(picture: str, heat: str, alt: str, key: str) -> None:
    """Draw it.

    Args:
        picture, heat: squares of the same view, as data URIs.
        alt: what the map shows, in a sentence.
        key: the same in every run; the slider stays where it was put.
    """
    _component(key=key, data={"picture": picture, "heat": heat, "alt": alt})
