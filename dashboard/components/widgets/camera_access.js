// Asking for a camera, the same wherever one is used; put before the script of a component.
const REASONS = {
  NotAllowedError:
    "The camera was refused. Allow it in the address bar of the browser, then try again.",
  NotFoundError: "There is no camera here. Connect one and try again, or drop pictures instead.",
  NotReadableError: "The camera is in use by another program. Close that, then try again.",
}
const INSECURE =
  "A browser gives the camera only to pages at localhost or over https. Drop pictures instead."
const UNPLUGGED = "The camera was unplugged or taken away. Connect it and try again."

// { stream }, or { reason }, a sentence; again says whether another try may help.
async function cameraStream(device) {
  if (!navigator.mediaDevices?.getUserMedia) return { reason: INSECURE, again: false }
  const wanted = device ? { deviceId: { exact: device } } : { facingMode: { ideal: "environment" } }
  try {
    const stream = await navigator.mediaDevices.getUserMedia({
      audio: false,
      video: { ...wanted, width: { ideal: 1280 }, height: { ideal: 720 } },
    })
    return { stream }
  } catch (error) {
    return { reason: REASONS[error.name] ?? "The camera could not be opened. Try again.", again: true }
  }
}

function release(stream) {
  stream?.getTracks().forEach((track) => {
    track.onended = null
    track.stop()
  })
}

// As in a mirror, where the lens looks at whoever holds it; what is taken is not turned.
function mirrored(stream) {
  return stream.getVideoTracks()[0].getSettings().facingMode !== "environment"
}

async function cameraDevices() {
  const all = await navigator.mediaDevices.enumerateDevices()
  return all.filter((one) => one.kind === "videoinput").map((one) => one.deviceId)
}

function deviceAfter(stream, devices) {
  const now = stream?.getVideoTracks()[0]?.getSettings().deviceId
  return devices[(devices.indexOf(now) + 1) % devices.length]
}
