import type { Look, Tone } from '../words.ts'
import { SHAPES } from './glyph.tsx'

/** Seen on light and on dark tabs. */
const COLORS: Readonly<Record<Tone, string>> = {
  good: '#1a8f50',
  warn: '#b8720a',
  bad: '#d1313f',
  busy: '#2f6fd6',
  calm: '#6b7688',
}

/** The state in the title and the icon of the tab, where a page in the background is seen. */
export const showInTab = (group: string, { text, tone, glyph }: Look): void => {
  document.title = `${group}: ${text}`
  const { d, filled } = SHAPES[glyph]
  const mark = filled ? `fill="white"` : `fill="none" stroke="white" stroke-width="1.5" stroke-linecap="round"`
  const svg = `<svg xmlns="http://www.w3.org/2000/svg" viewBox="-3 -3 18 18"><rect x="-3" y="-3" width="18" height="18" rx="5" fill="${COLORS[tone]}"/><path d="${d}" ${mark}/></svg>`
  document.querySelector<HTMLLinkElement>('link[rel=icon]')!.href = `data:image/svg+xml,${encodeURIComponent(svg)}`
}
