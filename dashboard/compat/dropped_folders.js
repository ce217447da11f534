export default function () {
  const original = Object.getOwnPropertyDescriptor(File.prototype, "webkitRelativePath")
  if (!original?.configurable || !original.get || original.get.lensmith) return
  const get = function () {
    const own = original.get.call(this)
    const dropped = own ? "" : String(this.relativePath ?? "").replace(/^[.]?[/]/, "")
    return own || (dropped.includes("/") ? dropped : "")
  }
  get.lensmith = true
  Object.defineProperty(File.prototype, "webkitRelativePath", { ...original, get })
}
