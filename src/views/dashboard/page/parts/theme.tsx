import type { JSX } from 'preact'
import { useEffect, useState } from 'preact/hooks'
import { forGood } from '../storage.ts'

const KEY = 'rx-service-group theme'
const THEMES = ['system', 'light', 'dark'] as const

export const ThemeChoice = (): JSX.Element => {
  const [theme, setTheme] = useState(() => forGood.get(KEY) ?? 'system')
  useEffect(() => {
    document.documentElement.dataset['theme'] = theme
    forGood.set(KEY, theme)
  }, [theme])
  return (
    <label class="choice theme">
      <span class="sr">Colours</span>
      <select value={theme} onChange={event => setTheme(event.currentTarget.value)}>
        {THEMES.map(one => (
          <option key={one} value={one}>
            {`${one} colours`}
          </option>
        ))}
      </select>
    </label>
  )
}
