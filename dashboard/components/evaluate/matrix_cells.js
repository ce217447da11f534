// The cells of the confusion matrix and their colours; matrix.js has what they do.
function head(scope, label, name) {
  const cell = create("th", scope)
  cell.scope = scope
  cell.title = name
  cell.setAttribute("role", scope === "col" ? "columnheader" : "rowheader")
  cell.append(create("span", "", label))
  return cell
}

// The colour of a value: those of the theme, mixed as the scale says.
function tones(given, { scale, most }) {
  const parts = (hex) => hex.match(/[0-9a-f]{2}/gi)?.map((two) => parseInt(two, 16))
  const colours = given.split(",").map((hex) => parts(hex.trim()))
  const known = new Map()
  const mixed = (share) => {
    const found = scale.findIndex(([end]) => share < end)
    const above = found < 0 ? scale.length - 1 : Math.max(1, found)
    const [[start, first], [end, second]] = [scale[above - 1], scale[above]]
    const part = (share - start) / (end - start)
    const [one, other] = [colours[first], colours[second]]
    if (!one || !other) return "transparent"
    return `rgb(${one.map((value, n) => Math.round(value + part * (other[n] - value))).join(" ")})`
  }
  return (value) => {
    if (!known.has(value)) known.set(value, mixed(Math.min(1, value / most)))
    return known.get(value)
  }
}

function build(state, colours) {
  const { table, content } = state
  const { names, labels, values, said, flip, most } = content
  const tone = tones(colours, content)
  const [first, second] = [create("tr"), create("tr")]
  const corner = create("td", "corner")
  const guess = create("th", "axis", "Guess (what the model said) →")
  guess.colSpan = names.length
  first.append(corner, guess)
  second.append(create("th", "axis truth", "Truth ↓"))
  second.append(...names.map((name, n) => head("col", labels[n], name)))
  state.rows = values.map((line, row) => {
    const whole = create("tr")
    whole.append(head("row", labels[row], names[row]))
    line.forEach((value, column) => {
      const cell = create("td", value < flip * most ? "" : "dark", value ? value.toFixed(0) : "")
      cell.setAttribute("role", "gridcell")
      cell.setAttribute("aria-label", said[row][column].replaceAll("\n", ", "))
      cell.tabIndex = -1
      cell.style.backgroundColor = tone(value)
      whole.append(cell)
    })
    return whole
  })
  const columns = create("colgroup")
  columns.append(create("col"))
  const [top, body] = [create("thead"), create("tbody")]
  top.append(first, second)
  body.append(...state.rows)
  table.replaceChildren(columns, top, body)
}
