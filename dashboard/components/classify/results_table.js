// Many answers as a table: a row a picture. Ticks and labels are known here first, so that quick
// clicks are never lost; a new token means that the server has decided.
const known = new WeakMap()

function cell(className, ...inside) {
  const element = create("td", className)
  element.setAttribute("role", "cell")
  element.append(...inside)
  return element
}

function option(name) {
  const element = create("option", "", name)
  element.value = name
  return element
}

// A hundred rows with a hundred classes each would be ten thousand options: they come when asked.
function fill(select, classes) {
  if (select.dataset.filled) return
  select.dataset.filled = "yes"
  const current = select.value
  const names = classes.includes(current) || !current ? classes : [current, ...classes]
  select.replaceChildren(...(current ? [] : [option("")]), ...names.map(option))
  select.value = current
}

function picture(one) {
  const button = create("button", "look")
  button.type = "button"
  button.title = `Look closer at ${one.name}`
  button.setAttribute("aria-label", button.title)
  if (one.source) {
    const image = create("img")
    image.src = one.source
    image.alt = ""
    image.loading = "lazy"
    button.append(image)
  }
  return button
}

function tick(one, state) {
  if (one.there || !one.fit) return create("span", "there", one.there ? "In the set" : "")
  const box = create("input")
  box.type = "checkbox"
  box.checked = state.ticked.has(one.id)
  box.setAttribute("aria-label", `Add ${one.name} to the data set`)
  return box
}

function chooser(one, data, state) {
  if (!one.fit) return ""
  const select = create("select")
  select.setAttribute("aria-label", `Label of ${one.name}`)
  select.disabled = one.there
  const label = state.labels.get(one.id) ?? one.label
  select.append(option(label))
  select.value = label
  select.classList.toggle("changed", label !== one.guess)
  const ready = () => fill(select, data.classes)
  select.onpointerdown = select.onfocus = ready
  return select
}

function row(one, data, state) {
  const line = create("tr", one.there ? "row known" : "row")
  line.dataset.id = one.id
  line.setAttribute("role", "row")
  const name = create("span", "name", one.name)
  name.title = one.name
  const guess = create("span", "guess", one.guess || one.said)
  const bar = create("span", "track")
  const inside = create("span")
  inside.style.width = `${100 * one.width}%`
  bar.append(inside)
  const sure = one.share ? [bar, create("span", "share", one.share)] : []
  const cells = [
    cell("picture", picture(one)),
    cell("file", name),
    cell("answer", guess),
    cell("sure", ...sure),
    cell("verdict", create("span", `badge ${one.kind}`, one.verdict)),
  ]
  if (data.teach) {
    cells.unshift(cell("tick", tick(one, state)))
    cells.push(cell("label", chooser(one, data, state)))
  }
  line.append(...cells)
  return line
}

function heading(text, columns) {
  const line = create("tr", "group")
  line.setAttribute("role", "row")
  const inside = create("th", "", text)
  inside.setAttribute("role", "rowheader")
  inside.colSpan = columns
  line.append(inside)
  return line
}

function build(root, data, state) {
  const heads = ["Picture", "Name", "Guess", "Probability", "Verdict"]
  const columns = data.teach ? ["Add", ...heads, "Label"] : heads
  root.querySelector("thead tr").replaceChildren(
    ...columns.map((text) => {
      const head = create("th", "", text)
      head.setAttribute("role", "columnheader")
      return head
    }),
  )
  const lines = data.rows.flatMap((one) => {
    const line = row(one, data, state)
    return one.group ? [heading(one.group, columns.length), line] : [line]
  })
  root.querySelector("tbody").replaceChildren(...lines)
}

export default function ({ data, parentElement, setStateValue, setTriggerValue }) {
  const root = parentElement.querySelector("table")
  root.setAttribute("aria-label", data.title)
  let state = known.get(root)
  if (!state || state.token !== data.token) {
    const ticked = data.rows.filter((one) => one.ticked).map((one) => one.id)
    state = { token: data.token, ticked: new Set(ticked), labels: new Map() }
    known.set(root, state)
    build(root, data, state)
  }
  const tell = () =>
    setStateValue("marks", {
      shown: data.rows.map((one) => one.id),
      ticked: [...state.ticked],
      labels: Object.fromEntries(state.labels),
    })
  root.onchange = (event) => {
    const line = event.target.closest(".row")
    const { id } = line.dataset
    const one = data.rows.find((other) => other.id === id)
    const select = line.querySelector("select")
    const box = line.querySelector("input")
    if (event.target === select) {
      select.classList.toggle("changed", select.value !== one.guess)
      box.checked = Boolean(select.value)
    }
    // What is ticked is meant as it stands there, whatever another model would guess.
    if (box.checked) state.ticked.add(id)
    else state.ticked.delete(id)
    if (box.checked || select.value !== one.guess) state.labels.set(id, select.value)
    else state.labels.delete(id)
    tell()
  }
  root.onclick = (event) => {
    const button = event.target.closest(".look")
    if (button) setTriggerValue("opened", button.closest(".row").dataset.id)
  }
}
