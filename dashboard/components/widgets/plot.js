// One chart. Plotly.react with a constant uirevision: over ticks the element stays, and so do the
// reader's zoom and the traces that were hidden.
const charts = new WeakMap()
const libraries = {}

function load(name) {
  libraries[name] ??= new Promise((resolve, reject) => {
    const source = new URL(`app/static/${name}`, document.baseURI).href
    const early = document.querySelector(`script[src="${source}"]`) // the page has started it
    if (early && "there" in early.dataset) return resolve(window.Plotly)
    const script = early ?? document.createElement("script")
    script.addEventListener("load", () => {
      script.dataset.there = ""
      resolve(window.Plotly)
    })
    script.addEventListener("error", () => {
      delete libraries[name]
      script.remove()
      reject(new Error("The chart library could not be loaded. Reload the page."))
    })
    if (early) return
    script.src = source
    document.head.append(script)
  })
  return libraries[name]
}

// Colours are names of the theme: "$text", "$cat0", "$seq" (a whole scale), "$cat0/0.3" (opacity).
function palette(element) {
  const style = getComputedStyle(element)
  const value = (name) => style.getPropertyValue(`--st-${name}`).trim()
  const list = (name) => value(`chart-${name}-colors`).split(",").map((item) => item.trim())
  const sequential = list("sequential")
  const categorical = list("categorical")
  const last = Math.max(1, sequential.length - 1)
  const named = {
    text: value("text-color"),
    muted: value("gray-text-color"),
    line: value("border-color"),
    accent: value("primary-color"),
    back: value("background-color"),
    soft: value("secondary-background-color"),
    good: value("green-text-color"),
    bad: value("red-text-color"),
    train: categorical[0],
    validation: categorical[1],
    seq: sequential.map((colour, place) => [place / last, colour]),
    font: value("font"),
  }
  sequential.forEach((colour, place) => (named[`seq${place}`] = colour))
  return (token) => {
    const [name, opacity] = token.slice(1).split("/")
    const index = /^cat(\d+)$/.exec(name)
    const colour = index ? categorical[index[1] % categorical.length] : named[name]
    if (colour === undefined) return token
    return opacity === undefined ? colour : faded(colour, Number(opacity))
  }
}

function faded(colour, opacity) {
  const hex = /^#([0-9a-f]{2})([0-9a-f]{2})([0-9a-f]{2})$/i.exec(colour)
  if (!hex) return colour
  return `rgba(${hex.slice(1).map((part) => parseInt(part, 16)).join(",")},${opacity})`
}

const COLOURED = /color|colour|family|fill/i

// Only where a colour is meant: the name of a class may well begin with "$".
function coloured(value, colourOf, key = "") {
  if (typeof value === "string") {
    return value.startsWith("$") && COLOURED.test(key) ? colourOf(value) : value
  }
  if (Array.isArray(value)) {
    // Traces, shapes and the like are lists of objects; lists of figures are left alone.
    const objects = value.some((item) => item && typeof item === "object" && !Array.isArray(item))
    const deeper = objects || COLOURED.test(key)
    return deeper ? value.map((item) => coloured(item, colourOf, key)) : value
  }
  if (value && typeof value === "object") {
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => [name, coloured(item, colourOf, name)]),
    )
  }
  return value
}

function parts(figure, height, colourOf) {
  const axis = {
    gridcolor: "$line", zerolinecolor: "$line", linecolor: "$line", tickcolor: "$line",
    automargin: true, fixedrange: false, ticks: "",
    title: { font: { size: 12, color: "$muted" }, standoff: 8 },
  }
  const given = figure.layout ?? {}
  const merged = {
    ...given,
    height,
    autosize: true,
    uirevision: "kept",
    paper_bgcolor: "rgba(0,0,0,0)",
    plot_bgcolor: "rgba(0,0,0,0)",
    margin: { l: 8, r: 12, t: 8, b: 8, ...given.margin },
    font: { family: "$font", size: 12, color: "$muted", ...given.font },
    hoverlabel: {
      bgcolor: "$back", bordercolor: "$line", font: { family: "$font", color: "$text" },
      ...given.hoverlabel,
    },
    legend: {
      orientation: "h", x: 0, y: 1, yanchor: "bottom", font: { color: "$text" },
      ...given.legend,
    },
    dragmode: matchMedia("(pointer: coarse)").matches ? false : (given.dragmode ?? "zoom"),
  }
  for (const name of new Set(["xaxis", "yaxis", ...Object.keys(given)])) {
    if (!/^[xy]axis\d*$/.test(name)) continue
    const own = given[name] ?? {}
    const title = typeof own.title === "string" ? { text: own.title } : own.title
    merged[name] = { ...axis, ...own, title: { ...axis.title, ...title } }
  }
  return [coloured(figure.data ?? [], colourOf), coloured(merged, colourOf)]
}

// The same figures as a table, for whoever cannot see or would rather read. Made when opened.
function twin(figure) {
  if (figure.table) return figure.table
  const heat = figure.data.find((trace) => trace.type === "heatmap")
  if (heat) {
    return [["", ...heat.x], ...heat.z.map((row, place) => [heat.y[place], ...row])]
  }
  const traces = figure.data.filter((trace) => trace.x && trace.y && trace.hoverinfo !== "skip")
  const rows = new Map()
  traces.forEach((trace, column) => {
    const across = trace.orientation === "h"
    const [keys, values] = across ? [trace.y, trace.x] : [trace.x, trace.y]
    keys.forEach((key, place) => {
      if (!rows.has(key)) rows.set(key, Array(traces.length).fill(""))
      rows.get(key)[column] = values[place]
    })
  })
  const title = figure.layout?.xaxis?.title
  const label = typeof title === "string" ? title : (title?.text ?? "")
  const body = [...rows].map(([key, values]) => [key, ...values])
  if (body.every(([key]) => typeof key === "number")) body.sort((a, b) => a[0] - b[0])
  return [[label, ...traces.map((trace) => trace.name ?? "")], ...body.slice(-500)]
}

function show(value) {
  return typeof value === "number" && !Number.isInteger(value) ? value.toPrecision(4) : (value ?? "")
}

function fillTwin(details, figure) {
  const table = document.createElement("table")
  twin(figure).forEach((cells, row) => {
    const line = table.insertRow()
    cells.forEach((cell, column) => {
      const box = document.createElement(row === 0 || column === 0 ? "th" : "td")
      box.textContent = show(cell)
      line.append(box)
    })
  })
  details.querySelector("div").replaceChildren(table)
}

async function draw(chart) {
  if (chart.busy) return
  chart.busy = true
  while (chart.wanted) {
    const { figure, height, library: name } = chart.wanted
    chart.wanted = undefined
    try {
      const Plotly = await load(name)
      if (!chart.box.isConnected) break
      const [data, layout] = parts(figure, height, palette(chart.box))
      await Plotly.react(chart.box, data, layout, { displayModeBar: false, doubleClick: "reset" })
      if (!chart.watched) {
        chart.watched = true
        chart.box.on("plotly_click", ({ points }) => points.length && chart.click(points[0]))
        chart.box.on("plotly_selected", (event) => event && chart.select(event.points ?? []))
        chart.observer = new ResizeObserver(() => {
          if (chart.box.offsetWidth) Plotly.Plots.resize(chart.box)
        })
        chart.observer.observe(chart.root)
        chart.root.classList.add("lens-drawn")
      }
    } catch (error) {
      chart.box.textContent = error.message
      break
    }
  }
  chart.busy = false
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".lens-plot")
  let chart = charts.get(root)
  if (!chart) {
    chart = { root, box: root.querySelector(".lens-plot-box") }
    charts.set(root, chart)
    const details = root.querySelector("details")
    details.ontoggle = () => details.open && fillTwin(details, chart.figure)
  }
  const { height, alt, clickable, selectable, table, announce } = data
  const figure = JSON.parse(data.figure)
  chart.figure = figure
  chart.wanted = { figure, height, library: data.library }
  chart.click = (point) => {
    if (!clickable) return
    const { x, y, z, curveNumber, pointNumber, text, customdata } = point
    setTriggerValue("click", { x, y, z, curve: curveNumber, point: pointNumber, text, customdata })
  }
  chart.select = (points) => {
    if (!selectable) return
    setTriggerValue("select", { selected: points.map((point) => point.customdata) })
  }
  root.style.setProperty("--lens-height", `${height}px`)
  root.classList.toggle("lens-clickable", Boolean(clickable))
  chart.box.setAttribute("aria-label", alt)
  const spoken = root.querySelector(".lens-spoken")
  if (spoken.textContent !== announce) spoken.textContent = announce
  const details = root.querySelector("details")
  details.hidden = table === false
  if (details.open) fillTwin(details, figure)
  draw(chart)
  return () => {
    chart.observer?.disconnect()
    window.Plotly?.purge(chart.box)
    charts.delete(root)
  }
}
