import type { JSX } from 'preact'
import type { Look, Glyph as Name } from '../words.ts'

interface Shape {
  readonly d: string
  readonly filled?: true
}

const CIRCLE = 'M6 1.5a4.5 4.5 0 1 0 0 9a4.5 4.5 0 0 0 0-9z'

/** Drawn on a field of 12 by 12. Each is told apart from the others without its colour. */
export const SHAPES: Readonly<Record<Name, Shape>> = {
  idle: { d: CIRCLE },
  waiting: { d: 'M2.5 1.2h7M2.5 10.8h7M3.5 1.2c0 4 5 5.600 5 9.600M8.5 1.2c0 4-5 5.600-5 9.600' },
  starting: { d: 'M3.2 1.600l6.800 4.400l-6.800 4.400z' },
  running: { d: 'M1.800 6.600l2.800 2.800l5.600-6.600' },
  leaving: { d: 'M1.5 6h8.600M6.600 2.500l3.500 3.500l-3.500 3.500' },
  warn: { d: 'M6 1.300l5 9.200H1zM6 4.800v2.600M6 8.900v.3' },
  unwell: { d: `${CIRCLE}M4.200 4.200l3.600 3.600M7.800 4.200l-3.600 3.600` },
  draining: { d: 'M1.300 2h9.400l-3.700 4.300v4.200l-2-1.200v-3z' },
  drained: { d: 'M6 1v6.200M2.800 4.400l3.200 3.200l3.200-3.200M2 10.600h8' },
  stopping: { d: 'M2 2h8v8h-8z' },
  stopped: { d: 'M2 2h8v8h-8z', filled: true },
  backoff: { d: 'M10.300 6.500a4.300 4.300 0 1 1-1.300-3.400M10.400 .800v2.700H7.700' },
  failed: { d: 'M2.200 2.200l7.600 7.600M9.800 2.200l-7.600 7.600' },
  ended: { d: 'M3 11.200V1.400h6.500l-1.700 2.400l1.700 2.400H3' },
  forced: { d: 'M7.200 .600L2 7h3.600l-.8 4.400L10 5H6.400z', filled: true },
  abandoned: { d: 'M3.800 3.800a2.200 2.200 0 1 1 3.100 2c-.8.400-.9 1-.9 1.900M6 10v.300' },
}

export const Glyph = ({ name }: { readonly name: Name }): JSX.Element => {
  const { d, filled } = SHAPES[name]
  return (
    <svg class="glyph" viewBox="0 0 12 12" aria-hidden="true" data-glyph={name}>
      <path d={d} class={filled ? 'filled' : 'drawn'} />
    </svg>
  )
}

/** A state: glyph, colour and word. */
export const Chip = ({ look, label }: { readonly look: Look; readonly label?: string }): JSX.Element => (
  <span class={`chip ${look.tone}`}>
    <Glyph name={look.glyph} />
    {label && <span class="sr">{label} </span>}
    {look.text}
  </span>
)
