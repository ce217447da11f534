const CROSS =
  '<svg viewBox="0 0 24 24" fill="none" stroke="currentColor" stroke-width="2.4" ' +
  'stroke-linecap="round"><path d="M6 6l12 12M18 6L6 18"/></svg>'

function button(picture) {
  const made = document.createElement("button")
  made.type = "button"
  made.dataset.id = picture.id
  made.title = `Remove ${picture.name}`
  made.setAttribute("aria-label", made.title)
  if (picture.source) {
    const image = document.createElement("img")
    image.src = picture.source
    image.alt = ""
    made.append(image)
  } else {
    const gone = document.createElement("span")
    gone.className = "gone"
    gone.textContent = "Gone"
    made.append(gone)
  }
  const cross = document.createElement("span")
  cross.className = "cross"
  cross.innerHTML = CROSS
  made.append(cross)
  return made
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".pictures")
  root.setAttribute("aria-label", data.label)
  const shown = JSON.stringify([data.token, data.pictures.map((picture) => picture.id)])
  if (root.dataset.shown !== shown) {
    root.dataset.shown = shown
    root.replaceChildren(...data.pictures.map(button))
  }
  root.onclick = (event) => {
    const pressed = event.target.closest("button")
    if (!pressed || pressed.disabled) return
    // At once, before the server has answered: a second press is meant for another picture.
    pressed.disabled = true
    setTriggerValue("removed", { id: Number(pressed.dataset.id), token: data.token })
  }
}
