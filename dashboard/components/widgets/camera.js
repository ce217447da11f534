// Hold the button, or the space bar on it, and pictures are taken; a click on one takes it out.
// What was not sent stays here when the component goes away, and is there when it comes back.
const EVERY = 125 // milliseconds: eight a second
const LONGEST = 640 // pixels
const ANSWER = 20000 // milliseconds until one may send again what nobody took
const kept = new Map()
const mounted = new WeakMap()

class Camera {
  constructor(root, { key, most, once }) {
    Object.assign(this, { most, once }) // once: each picture is sent as soon as it is taken
    this.part = (name) => root.querySelector(`.${name}`)
    this.video = root.querySelector("video")
    this.shots = kept.get(key) ?? []
    kept.set(key, this.shots)
    this.number = this.shots.length
    this.bind()
    this.list()
    this.open()
  }

  bind() {
    const shutter = this.part("shutter")
    const held = (event) => event.key === " " || event.key === "Enter"
    shutter.onpointerdown = (event) => {
      if (event.button) return
      shutter.setPointerCapture(event.pointerId)
      this.shoot()
    }
    shutter.onpointerup = shutter.onpointercancel = shutter.onlostpointercapture = () => this.rest()
    shutter.onkeydown = (event) => {
      if (!held(event)) return
      event.preventDefault()
      if (!event.repeat) this.shoot()
    }
    shutter.onkeyup = shutter.onblur = () => this.rest()
    shutter.oncontextmenu = (event) => event.preventDefault()
    this.hidden = () => document.hidden && this.rest()
    document.addEventListener("visibilitychange", this.hidden)
    this.part("retry").onclick = () => this.open()
    this.part("switch").onclick = () => this.next()
    this.part("send").onclick = () => this.send()
    this.part("shots").onclick = (event) => this.remove(event.target.closest("button"))
  }

  async open(device) {
    this.stop()
    this.say("Asking for the camera")
    const { stream, reason, again } = await cameraStream(device)
    if (this.closed) return release(stream)
    if (reason) return this.fail(reason, again)
    this.stream = stream
    this.video.srcObject = stream
    try {
      await this.video.play()
    } catch {
      return this.closed || this.fail("The camera could not be opened. Try again.", true)
    }
    if (this.closed) return
    stream.getVideoTracks()[0].onended = () => this.fail(UNPLUGGED, true)
    this.part("stage").style.aspectRatio = `${this.video.videoWidth} / ${this.video.videoHeight}`
    this.video.classList.toggle("mirrored", mirrored(stream))
    this.devices = await cameraDevices()
    this.part("switch").hidden = this.devices.length < 2
    this.part("shutter").hidden = false
    this.say("")
  }

  fail(reason, again) {
    this.stop()
    this.part("retry").hidden = !again
    this.say(reason)
  }

  next() {
    this.open(deviceAfter(this.stream, this.devices))
  }

  say(text) {
    const message = this.part("message")
    message.hidden = !text
    message.textContent = text
    this.video.hidden = Boolean(text)
  }

  shoot() {
    if (this.timer || !this.stream) return
    if (this.once) {
      this.take()
      return this.send()
    }
    this.part("stage").classList.add("shooting")
    this.timer = setInterval(() => this.take(), EVERY)
    this.take()
  }

  rest() {
    clearInterval(this.timer)
    this.timer = undefined
    this.part("stage").classList.remove("shooting")
  }

  take() {
    const { videoWidth, videoHeight } = this.video
    if (!videoWidth) return
    if (this.shots.length >= this.most) return this.rest()
    const scale = Math.min(1, LONGEST / Math.max(videoWidth, videoHeight))
    const canvas = document.createElement("canvas")
    canvas.width = Math.round(videoWidth * scale)
    canvas.height = Math.round(videoHeight * scale)
    canvas.getContext("2d").drawImage(this.video, 0, 0, canvas.width, canvas.height)
    const shot = { data: canvas.toDataURL("image/jpeg", 0.9), number: ++this.number }
    this.shots.push(shot)
    this.part("shots").prepend(this.thumbnail(shot))
    this.count()
  }

  thumbnail(shot) {
    const button = document.createElement("button")
    button.type = "button"
    button.dataset.number = shot.number
    button.title = `Remove shot ${shot.number}`
    button.setAttribute("aria-label", button.title)
    const image = document.createElement("img")
    image.src = shot.data
    image.alt = ""
    button.append(image)
    return button
  }

  list() {
    this.part("shots").replaceChildren(...this.shots.map((shot) => this.thumbnail(shot)).reverse())
    this.count()
  }

  remove(button) {
    if (!button || this.sending) return
    const place = this.shots.findIndex((shot) => String(shot.number) === button.dataset.number)
    if (place < 0) return
    this.shots.splice(place, 1)
    const next = button.nextElementSibling ?? button.previousElementSibling ?? this.part("shutter")
    button.remove()
    next.focus({ preventScroll: true })
    this.count()
  }

  count() {
    const many = this.shots.length
    const full = many >= this.most
    this.part("counter").textContent = many || ""
    const send = this.part("send")
    send.hidden = !many || (this.once && this.sending)
    send.disabled = Boolean(this.sending)
    const words = `${many} picture${many === 1 ? "" : "s"}`
    send.textContent = this.sending ? `Adding ${words}` : `Add ${words}`
    this.part("shutter").disabled = Boolean(this.sending) || full
    this.part("shutter").textContent = this.once ? "Take a photo" : "Hold to shoot"
    this.part("hint").hidden = this.once && !many
    this.part("hint").textContent = full && !this.once
      ? `${words} are the most at a time. Add them, then shoot more.`
      : many
        ? "Click a picture to take it out."
        : "Hold the button, or the space bar on it."
  }

  send() {
    if (!this.shots.length || this.sending) return
    this.sending = crypto.getRandomValues(new Uint32Array(2)).join("-")
    const shots = this.shots.map((shot) => shot.data.slice(shot.data.indexOf(",") + 1))
    this.trigger("shots", { token: this.sending, shots })
    this.patience = setTimeout(() => this.answered(), ANSWER)
    this.count()
  }

  answered(token) {
    clearTimeout(this.patience)
    if (token) this.shots.length = 0
    this.sending = undefined
    this.list()
    if (token && !this.part("shutter").hidden) this.part("shutter").focus({ preventScroll: true })
  }

  stop() {
    this.rest()
    release(this.stream)
    this.stream = undefined
    for (const name of ["shutter", "switch", "retry"]) this.part(name).hidden = true
  }

  close() {
    this.closed = true
    this.stop()
    document.removeEventListener("visibilitychange", this.hidden)
  }
}

export default function ({ data, key, parentElement, setTriggerValue }) {
  const root = parentElement.querySelector(".camera")
  const camera = mounted.get(root) ?? new Camera(root, data)
  mounted.set(root, camera)
  camera.trigger = setTriggerValue
  root.setAttribute("aria-label", data.label)
  if (camera.sending && camera.sending === data.taken) camera.answered(data.taken)
  return () => {
    camera.close()
    mounted.delete(root)
  }
}
