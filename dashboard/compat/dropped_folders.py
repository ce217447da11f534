"""Keeps the folders of what is dropped on Streamlit's own drop zones.

When a folder is dragged there, the browser gives each file without its folder, and Streamlit reads
no other property than ``webkitRelativePath``. Its file chooser, react-dropzone, notes the path as
``relativePath``: this hands it on. Without it pets/cat/1.png would arrive as 1.png.
"""

import streamlit as st

_JS = """
export default function () {
  const original = Object.getOwnPropertyDescriptor(File.prototype, "webkitRelativePath")
  if (!original?.configurable || original.get.lensmith) return
  const get = function () {
    const own = original.get.call(this)
    const dropped = own ? "" : String(this.relativePath ?? "").replace(/^[.]?[/]/, "")
    return own || (dropped.includes("/") ? dropped : "")
  }
  get.lensmith = true
  Object.defineProperty(File.prototype, "webkitRelativePath", { ...original, get })
}
"""

_component = st.components.v2.component(
    "lensmith_dropped_folders", html="<span hidden></span>\n", js=_JS
)


def keep_folders() -> None:
    """Call it once on a page that has drop zones."""
    _component(key="dropped-folders")
