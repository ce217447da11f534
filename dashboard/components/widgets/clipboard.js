// A picture in the clipboard is taken wherever on the page Ctrl+V is pressed.
const MAC = /mac|iphone|ipad/i.test(navigator.userAgentData?.platform ?? navigator.platform ?? "")

const typing = (element) =>
  element?.isContentEditable || /^(INPUT|TEXTAREA|SELECT)$/.test(element?.tagName ?? "")

const encoded = (file) =>
  new Promise((resolve, reject) => {
    const reader = new FileReader()
    reader.onload = () => resolve(reader.result.slice(reader.result.indexOf(",") + 1))
    reader.onerror = () => reject(reader.error)
    reader.readAsDataURL(file)
  })

export default function ({ data, parentElement, setTriggerValue }) {
  const hint = parentElement.querySelector(".hint")
  const said = parentElement.querySelector(".said")
  hint.querySelector("kbd").textContent = MAC ? "⌘V" : "Ctrl+V"

  const paste = async (event) => {
    const clipboard = event.clipboardData
    const files = [...(clipboard?.files ?? [])].filter((file) => file.type.startsWith("image/"))
    // Whoever pastes text into a field means the field, though an office program adds a picture.
    if (!files.length || (typing(event.target) && clipboard.types.includes("text/plain"))) return
    event.preventDefault()
    const fit = files.slice(0, data.most).filter((file) => file.size <= data.bytes)
    said.textContent = fit.length < files.length ? data.refusal : ""
    if (!fit.length) return
    const token = crypto.getRandomValues(new Uint32Array(2)).join("-")
    const pictures = await Promise.all(
      fit.map(async (file) => ({ name: file.name, data: await encoded(file) }))
    )
    setTriggerValue("pasted", { token, pictures })
  }
  document.addEventListener("paste", paste)
  return () => document.removeEventListener("paste", paste)
}
