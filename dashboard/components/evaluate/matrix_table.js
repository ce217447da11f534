// The confusion matrix as a table: read aloud cell by cell, walked through with the arrow keys, and
// there before the chart library has been started.
const states = new WeakMap()
const WIDE = 0.6 // of its size is a digit wide, 0.56 a letter on average
const LETTER = 0.56
const LEAST = 9 // pixels of a column, so that the names above stand side by side
const ROOMY = 84 // pixels of a column in which a name may break into lines
const LEGIBLE = 8 // pixels of the smallest type of a number
const COLOURS = "--st-chart-sequential-colors"
const CHOSEN = "--st-chart-categorical-colors" // the second of them

// A cell's place among the cells; null for what is none.
function placeOf(state, element) {
  const cell = element.closest?.('td[role="gridcell"]')
  return cell ? [cell.parentElement.sectionRowIndex, cell.cellIndex - 1] : null
}

function cellAt(state, [row, column]) {
  return state.rows[row].cells[column + 1]
}

// Widths, turned names and the size of the numbers follow from the room that there is.
function fit(state) {
  const { root, table, content } = state
  const room = state.scroll.clientWidth
  if (!room) return
  const { names, labels, values, height } = content
  const size = names.length <= 12 ? 12 : names.length <= 25 ? 11 : 9
  const longest = Math.ceil(Math.max(...labels.map((label) => label.length)) * size * LETTER) + 10
  const side = Math.max(54, Math.min(longest, room * 0.38))
  const digits = String(Math.round(Math.max(1, ...values.flat()))).length
  const needed = Math.ceil(digits * WIDE * 11) + 6
  const least = state.wide ? Math.max(LEAST, needed) : LEAST
  const column = Math.max(least, (room - side) / names.length)
  const tall = state.wide ? Math.max(18, height) : height
  const type = Math.floor(Math.min(12, tall * 0.72, (column - 4) / (digits * WIDE)))
  const legible = type >= LEGIBLE
  table.querySelector("col").style.width = `${side}px`
  table.style.width = `${Math.max(room, side + column * names.length)}px`
  for (const [name, value] of Object.entries({
    "--row": `${tall}px`, "--size": `${size}px`, "--type": `${type}px`, "--head": `${longest}px`,
    "--gap": names.length <= 40 ? "1px" : "0px",
  })) root.style.setProperty(name, value)
  root.classList.toggle("turned", longest > column && column < ROOMY)
  root.classList.toggle("mute", !legible)
  state.numbers.hidden = legible && !state.wide
  frame(state)
}

function frame(state) {
  const { box, scroll, chosen } = state
  box.hidden = !chosen
  if (!chosen) return
  const [top, bottom, left, right] = chosen
  const around = scroll.getBoundingClientRect()
  const from = cellAt(state, [top, left]).getBoundingClientRect()
  const to = cellAt(state, [bottom, right]).getBoundingClientRect()
  Object.assign(box.style, {
    left: `${from.left - around.left + scroll.scrollLeft - 2}px`,
    top: `${from.top - around.top - 2}px`,
    width: `${to.right - from.left + 4}px`,
    height: `${to.bottom - from.top + 4}px`,
  })
}

function tell(state, place) {
  const { root, tip, content, table } = state
  for (const one of table.querySelectorAll(".here")) one.classList.remove("here")
  tip.hidden = !place
  if (!place) return
  const cell = cellAt(state, place)
  tip.textContent = content.said[place[0]][place[1]]
  state.rows[place[0]].cells[0].classList.add("here")
  table.tHead.rows[1].cells[place[1] + 1].classList.add("here")
  const [around, at] = [root.getBoundingClientRect(), cell.getBoundingClientRect()]
  const middle = at.left + at.width / 2 - around.left - tip.offsetWidth / 2
  tip.style.left = `${Math.max(0, Math.min(around.width - tip.offsetWidth, middle))}px`
  // Below, where it hides neither the name of the row nor that of the column.
  const below = at.bottom + tip.offsetHeight + 6 < innerHeight
  tip.style.top = `${(below ? at.bottom + 6 : at.top - tip.offsetHeight - 6) - around.top}px`
}

// One cell is in the order of the tab key: the one that is chosen, or was walked to last.
function reachable(state, place) {
  const last = state.rows.length - 1
  if (state.entry) cellAt(state, state.entry.map((n) => Math.min(n, last))).tabIndex = -1
  state.entry = place.map((n) => Math.max(0, Math.min(n, last)))
  cellAt(state, state.entry).tabIndex = 0
}

const STEPS = { ArrowUp: [-1, 0], ArrowDown: [1, 0], ArrowLeft: [0, -1], ArrowRight: [0, 1] }

function walk(state, event) {
  const place = placeOf(state, event.target)
  if (!place || event.ctrlKey || event.metaKey || event.altKey) return
  const last = state.rows.length - 1
  if (event.key === "Enter" || event.key === " ") state.press(place)
  else if (event.key === "Escape") tell(state, null)
  else if (STEPS[event.key]) reachable(state, place.map((n, axis) => n + STEPS[event.key][axis]))
  else if (event.key === "Home") reachable(state, [place[0], 0])
  else if (event.key === "End") reachable(state, [place[0], last])
  else return
  event.preventDefault()
  if (event.key.startsWith("Arrow") || event.key === "Home" || event.key === "End") {
    cellAt(state, state.entry).focus()
  }
}

function begin(root) {
  const find = (name) => root.querySelector(name)
  const state = { root, table: find("table"), scroll: find(".scroll"), box: find(".frame") }
  Object.assign(state, { tip: find(".tip"), numbers: find(".numbers"), wide: false })
  const { table, numbers } = state
  table.onclick = (event) => {
    const place = placeOf(state, event.target)
    if (place) state.press(place)
  }
  table.onpointerover = (event) => tell(state, placeOf(state, event.target))
  table.onpointerleave = () => tell(state, null)
  table.addEventListener("focusin", (event) => {
    const place = placeOf(state, event.target)
    if (place && event.target.matches(":focus-visible")) tell(state, place)
  })
  table.addEventListener("focusout", () => tell(state, null))
  table.onkeydown = (event) => walk(state, event)
  numbers.onclick = () => {
    state.wide = !state.wide
    numbers.setAttribute("aria-pressed", String(state.wide))
    fit(state)
  }
  state.observer = new ResizeObserver(() => fit(state))
  state.observer.observe(root)
  return state
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".lens-matrix")
  const state = states.get(root) ?? begin(root)
  states.set(root, state)
  const theme = getComputedStyle(root)
  const colours = theme.getPropertyValue(COLOURS)
  root.style.setProperty("--chosen", theme.getPropertyValue(CHOSEN).split(",")[1] ?? "currentColor")
  const same = data.matrix + colours
  if (state.same !== same) {
    state.content = JSON.parse(data.matrix)
    state.same = same
    state.entry = null
    tell(state, null)
    build(state, colours)
  }
  state.press = ([row, column]) => setTriggerValue("cell", { row, column })
  state.chosen = JSON.parse(data.frame)
  state.table.setAttribute("aria-label", data.alt)
  reachable(state, state.chosen ? [state.chosen[0], state.chosen[2]] : (state.entry ?? [0, 0]))
  fit(state)
  root.classList.add("lens-drawn")
  return () => {
    state.observer.disconnect()
    states.delete(root)
  }
}
