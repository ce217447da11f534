// What several components make their parts with.
function create(kind, className, text) {
  const element = document.createElement(kind)
  if (className) element.className = className
  if (text !== undefined) element.textContent = text
  return element
}
