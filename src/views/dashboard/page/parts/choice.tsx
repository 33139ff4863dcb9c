import type { JSX } from 'preact'

interface Props<T extends string> {
  readonly label: string
  readonly value: T | undefined
  /** The label when nothing is chosen. */
  readonly none: string
  readonly choices: readonly (readonly [value: T, title: string])[]
  readonly onChange: (value: T | undefined) => void
}

/** One of a few words, or none of them. */
export const Choice = <T extends string>({ label, value, none, choices, onChange }: Props<T>): JSX.Element => (
  <label class="choice">
    <span class="sr">{label}</span>
    <select
      value={value ?? ''}
      onChange={event => onChange(choices.find(([one]) => one === event.currentTarget.value)?.[0])}
    >
      <option value="">{none}</option>
      {choices.map(([one, title]) => (
        <option key={one} value={one}>
          {title}
        </option>
      ))}
    </select>
  </label>
)
