import type { JSX } from 'preact'

interface Props {
  readonly label: string
  readonly hint: string
  readonly value: string
  readonly onChange: (value: string) => void
}

/** Narrows down what a list shows. */
export const Search = ({ label, hint, value, onChange }: Props): JSX.Element => (
  <label class="search">
    <span class="sr">{label}</span>
    <input type="search" placeholder={hint} value={value} onInput={event => onChange(event.currentTarget.value)} />
  </label>
)
