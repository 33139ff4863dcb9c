/** Puts a text where it can be pasted from. Returns whether that worked. */
export const copy = async (text: string): Promise<boolean> => {
  try {
    // Not there without https, and refused where the reader or a policy says so.
    await navigator.clipboard.writeText(text)
    return true
  } catch {
    return copyBySelecting(text)
  }
}

/** The old way: from a field that is selected, as if by hand. */
const copyBySelecting = (text: string): boolean => {
  const before = document.activeElement
  const field = document.createElement('textarea')
  field.value = text
  field.readOnly = true
  field.className = 'copying'
  // Beside what has the focus: a dialog lets nothing outside of it be selected.
  const home = before?.closest('dialog') ?? document.body
  home.append(field)
  field.select()
  let done = false
  try {
    done = document.execCommand('copy')
  } catch {
    // Refused as well.
  }
  field.remove()
  if (before instanceof HTMLElement) before.focus({ preventScroll: true })
  return done
}
