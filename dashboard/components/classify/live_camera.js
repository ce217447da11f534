// Frames go to the server one at a time, past the page: nothing there is run again for them. An
// answer moves the bars; CSS makes the movement smooth.
const LONGEST = 640 // pixels
const QUALITY = 0.85
const WINDOW = 3000 // milliseconds over which answers are counted
const SLOWEST = 200 // milliseconds from frame to frame, where answers do not take longer
const AGAIN = 1000 // milliseconds until it is tried again after something went wrong
const PATIENCE = 5 // times in a row
const LOST = "Lensmith does not answer. Check that it still runs, then start the camera again."
const mounted = new WeakMap()
const pause = (time) => new Promise((resolve) => setTimeout(resolve, time))

class LiveCamera {
  constructor(root) {
    this.root = root
    this.part = (name) => root.querySelector(`.${name}`)
    this.video = root.querySelector("video")
    this.canvas = document.createElement("canvas")
    this.part("start").onclick = () => this.start()
    this.part("stop").onclick = () => this.leave()
    this.part("switch").onclick = () => this.start(deviceAfter(this.stream, this.devices))
    this.part("keep").onclick = () => this.keep()
  }

  async start(device) {
    this.end()
    const turn = (this.turn = {})
    this.say("")
    this.part("start").disabled = true
    const { stream, reason } = await cameraStream(device)
    this.part("start").disabled = false
    if (this.turn !== turn) return release(stream)
    if (reason) return this.fail(reason)
    this.stream = stream
    this.video.srcObject = stream
    stream.getVideoTracks()[0].onended = () => this.fail(UNPLUGGED)
    this.video.classList.toggle("mirrored", mirrored(stream))
    this.show(true)
    try {
      await this.video.play()
    } catch {
      return this.turn === turn && this.fail("The camera could not be opened. Try again.")
    }
    const { videoWidth, videoHeight } = this.video
    this.part("stage").style.aspectRatio = `${videoWidth} / ${videoHeight}`
    this.devices = await cameraDevices()
    if (this.turn !== turn) return
    this.part("switch").hidden = this.devices.length < 2
    this.run(turn)
  }

  async run(turn) {
    this.misses = 0
    while (this.turn === turn) {
      const began = performance.now()
      const fine = document.hidden || (await this.look(turn))
      if (this.turn !== turn) return
      if (!fine && ++this.misses >= PATIENCE) return this.fail(this.wrong)
      if (fine) this.misses = 0
      // Where a computer is busy, at most half of the time is spent on frames.
      const gentle = Math.min(SLOWEST, 2 * (performance.now() - began))
      const wanted = fine && !document.hidden ? Math.max(this.data.every, gentle) : AGAIN
      await pause(Math.max(5, began + wanted - performance.now()))
    }
  }

  // Whether a frame was answered, or was only too early.
  async look(turn) {
    const frame = await this.frame()
    if (!frame || this.turn !== turn) return true
    const headers = { "Content-Type": "image/jpeg", [this.data.header]: this.data.pass }
    let answer, told
    try {
      const address = new URL(this.data.path, document.baseURI)
      answer = await fetch(address, { method: "POST", body: frame, headers, signal: this.signal() })
      told = await answer.json()
    } catch {
      this.wrong = LOST
      return false
    }
    if (this.turn !== turn || answer.status === 429) return true
    if (answer.status === 403) return this.fail(told.error)
    if (!told.bars) {
      this.wrong = told.error ?? LOST
      return false
    }
    this.last = frame
    this.part("keep").disabled = false
    this.tell(told)
    return true
  }

  signal() {
    this.aborting = new AbortController()
    return this.aborting.signal
  }

  frame() {
    const { videoWidth, videoHeight } = this.video
    if (!videoWidth) return null
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight))
    this.canvas.width = Math.round(videoWidth * scale)
    this.canvas.height = Math.round(videoHeight * scale)
    const drawing = this.canvas.getContext("2d")
    drawing.drawImage(this.video, 0, 0, this.canvas.width, this.canvas.height)
    return new Promise((resolve) => this.canvas.toBlob(resolve, "image/jpeg", QUALITY))
  }

  tell({ bars, kind, said }) {
    this.part("label").textContent = bars[0].label
    this.part("share").textContent = bars[0].share
    const status = this.part("status")
    status.className = `status ${kind}`
    status.textContent = said
    this.move(bars)
    this.count()
    this.speak(`${bars[0].label}. ${said}.`)
  }

  // A class keeps its row as long as it is among the bars, so that rows do not jump about.
  move(bars) {
    const wanted = new Set(bars.map((one) => one.label))
    for (const [label, row] of this.rows)
      if (!wanted.has(label)) {
        const next = bars.find((one) => !this.rows.has(one.label))
        this.rows.delete(label)
        if (next) this.rows.set(next.label, named(row, next.label))
        else row.remove()
      }
    for (const { label, share, width } of bars) {
      if (!this.rows.has(label)) this.add(label)
      const row = this.rows.get(label)
      row.querySelector(".fill").style.width = `${(100 * width).toFixed(1)}%`
      row.querySelector(".much").textContent = share
      row.classList.toggle("first", label === bars[0].label)
    }
  }

  add(label) {
    const row = document.createElement("li")
    row.innerHTML =
      '<span class="name"></span><span class="track"><span class="fill"></span></span>' +
      '<span class="much"></span>'
    this.rows.set(label, named(row, label))
    this.part("bars").append(row)
  }

  count() {
    const now = performance.now()
    this.root.dataset.answers = Number(this.root.dataset.answers ?? 0) + 1
    this.times = [...(this.times ?? []), now].filter((time) => now - time < WINDOW)
    if (this.times.length < 3 || now - (this.counted ?? 0) < 500) return
    this.counted = now
    const pace = Math.round((1000 * (this.times.length - 1)) / (now - this.times[0]))
    this.part("pace").textContent = `${pace} answer${pace === 1 ? "" : "s"} a second`
  }

  // To a screen reader only what stays for a second, and not too often.
  speak(words) {
    const now = performance.now()
    if (words !== this.heard) [this.heard, this.since] = [words, now]
    const steady = now - this.since > 1000 && now - (this.spoke ?? -3000) > 3000
    if (!steady || this.part("spoken").textContent === words) return
    this.spoke = now
    this.part("spoken").textContent = words
  }

  async keep() {
    const frame = this.last
    if (!frame) return
    const bytes = new Uint8Array(await frame.arrayBuffer())
    const shot = btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""))
    const token = crypto.getRandomValues(new Uint32Array(2)).join("-")
    this.trigger("kept", { token, shots: [shot] })
    const keep = this.part("keep")
    keep.textContent = "Kept below"
    await pause(1500)
    keep.textContent = "Keep this frame"
  }

  fail(reason) {
    this.leave()
    this.say(reason)
    return false
  }

  leave() {
    const inside = this.part("body").contains(this.root.getRootNode().activeElement)
    this.end()
    this.show(false)
    if (inside) this.part("start").focus({ preventScroll: true })
  }

  end() {
    this.turn = undefined
    this.aborting?.abort()
    release(this.stream)
    this.stream = this.video.srcObject = null
    this.forget()
  }

  forget() {
    this.last = undefined
    this.times = []
    this.rows = new Map()
    this.part("bars").replaceChildren()
    for (const label of this.data.classes) this.add(label)
    for (const name of ["label", "share", "status", "pace", "spoken"])
      this.part(name).textContent = ""
    this.part("status").className = "status"
    this.part("label").textContent = "Looking"
    this.part("keep").disabled = true
  }

  show(on) {
    this.part("body").hidden = !on
    this.part("start").hidden = on
  }

  say(text) {
    this.part("message").textContent = text
    this.part("message").hidden = !text
  }

  use(data) {
    const other = data.pass !== this.data?.pass
    this.data = data
    if (other) this.forget()
  }
}

function named(row, label) {
  const name = row.querySelector(".name")
  name.textContent = name.title = label
  return row
}

export default function ({ data, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".live")
  const camera = mounted.get(root) ?? new LiveCamera(root)
  mounted.set(root, camera)
  camera.trigger = setTriggerValue
  camera.use(data)
  return () => {
    camera.end()
    mounted.delete(root)
  }
}
