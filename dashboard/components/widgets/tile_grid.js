// Pictures as tiles: to look at, to select, or each with its own buttons. What is selected is known
// here first, so that quick clicks are never lost; a new token means that the server has decided.
const selections = new WeakMap()

function tile(one, data, chosen) {
  const made = create(data.selectable ? "label" : "div", one.dim ? "tile dim" : "tile")
  made.dataset.id = one.id
  const label = one.then ? `${one.name} → ${one.then}` : one.name
  const note = one.file.endsWith(one.note) ? "" : one.note
  const said = [one.file, label, note, one.badge].filter(Boolean).join(", ")
  made.title = said
  if (data.selectable) {
    const box = create("input")
    box.type = "checkbox"
    box.checked = chosen.has(one.id)
    box.setAttribute("aria-label", said)
    made.append(box)
  }
  const picture = create("span", "picture")
  if (one.source) {
    const image = create("img")
    image.src = one.source
    image.alt = data.selectable ? "" : said
    image.loading = "lazy"
    picture.append(image)
  } else {
    picture.append(create("span", "gone", "Picture gone"))
  }
  if (one.badge) picture.append(create("span", "badge", one.badge))
  made.append(picture, create("span", "name", one.name))
  if (one.then) made.append(create("span", "name then", `→ ${one.then}`))
  if (one.note) made.append(create("span", "note", one.note))
  if (data.actions.length) {
    const row = create("div", "actions")
    for (const action of data.actions) {
      const button = create("button", "", action.label)
      button.type = "button"
      button.dataset.action = action.id
      button.setAttribute("aria-label", `${action.label}: ${said}`)
      row.append(button)
    }
    made.append(row)
  }
  return made
}

function build(root, data, chosen) {
  const grouped = data.groups.length > 0
  root.classList.toggle("grouped", grouped)
  const by = new Map(data.tiles.map((one) => [one.id, one]))
  const made = (ids) => ids.filter((id) => by.has(id)).map((id) => tile(by.get(id), data, chosen))
  if (!grouped) return root.replaceChildren(...made(data.tiles.map((one) => one.id)))
  root.replaceChildren(
    ...data.groups.map((ids) => {
      const group = create("div", "group")
      group.setAttribute("role", "group")
      group.append(...made(ids))
      return group
    }),
  )
}

function coloured(root, data) {
  const list = getComputedStyle(root).getPropertyValue("--st-chart-categorical-colors")
  const colours = list.split(",").map((item) => item.trim())
  const by = new Map(data.tiles.map((one) => [String(one.id), one.category]))
  for (const one of root.querySelectorAll(".tile")) {
    one.style.setProperty("--line", colours[by.get(one.dataset.id) % colours.length])
  }
}

// The arrow keys go from tile to tile, as Tab does.
function moved(root, event) {
  const step = { ArrowRight: 1, ArrowLeft: -1, ArrowDown: 0, ArrowUp: 0, Home: 0, End: 0 }[event.key]
  const boxes = [...root.querySelectorAll("input")]
  const at = boxes.indexOf(event.target)
  if (step === undefined || at < 0) return
  const top = (box) => box.getBoundingClientRect().top
  const columns = boxes.filter((box) => Math.abs(top(box) - top(boxes[0])) < 4).length || 1
  const places = { ArrowDown: at + columns, ArrowUp: at - columns, Home: 0, End: boxes.length - 1 }
  boxes[places[event.key] ?? at + step]?.focus()
  event.preventDefault()
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector(".tiles")
  root.setAttribute("aria-label", data.label)
  root.style.setProperty("--tile", `${data.size}px`)
  let kept = selections.get(root)
  if (!kept || kept.token !== data.token) {
    kept = { token: data.token, ids: new Set(data.selected) }
    selections.set(root, kept)
    root.dataset.shown = ""
  }
  const shown = JSON.stringify([data.tiles.map((one) => [one.id, one.name, one.then, one.note]), data.groups])
  if (root.dataset.shown !== shown) {
    root.dataset.shown = shown
    build(root, data, kept.ids)
  }
  coloured(root, data)
  if (data.reveal && root.dataset.revealed !== data.reveal) {
    const calm = matchMedia("(prefers-reduced-motion: reduce)").matches
    root.scrollIntoView({ block: "start", behavior: calm ? "auto" : "smooth" })
  }
  root.dataset.revealed = data.reveal
  root.onchange = (event) => {
    const id = Number(event.target.closest(".tile").dataset.id)
    if (event.target.checked) kept.ids.add(id)
    else kept.ids.delete(id)
    setStateValue("selected", { token: data.token, ids: [...kept.ids] })
  }
  root.onkeydown = (event) => moved(root, event)
  root.onclick = (event) => {
    const button = event.target.closest("button")
    if (!button || button.disabled) return
    const one = button.closest(".tile")
    for (const other of one.querySelectorAll("button")) other.disabled = true
    const id = Number(one.dataset.id)
    setTriggerValue("acted", { token: data.token, id, action: button.dataset.action })
  }
}
