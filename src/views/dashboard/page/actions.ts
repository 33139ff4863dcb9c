import { isFinal, reasonOf, type ServiceState } from '../../../core/state.ts'
import type { Hello } from './connection.ts'
import { forTheTab } from './storage.ts'

/** An action on one service. */
export type Verb = 'start' | 'stop' | 'restart'

/** An action that the page may ask of a group: something of one service, by its path, or the end of the whole. */
export type Action = { readonly action: Verb; readonly service: string } | { readonly action: 'stop' }

/** The actions that a server allows. An older one only says that it lets something. */
export const allowedBy = (hello: Hello | undefined): ReadonlySet<string> => {
  const actions = hello?.actions
  if (Array.isArray(actions)) return new Set(actions)
  return new Set(actions === true ? ['restart', 'stop-group'] : [])
}

/** The actions that make sense for a service in its present state. */
export const verbsFor = (state: ServiceState, allowed: ReadonlySet<string>): readonly Verb[] => {
  const isDown = isFinal(state)
  const verbs: readonly Verb[] =
    isDown && allowed.has('start') ? ['start'] : isDown || reasonOf(state) ? ['restart'] : ['restart', 'stop']
  return verbs.filter(verb => allowed.has(verb))
}

/**
 * Of which group a token is: two groups behind one host may have the same name, or the same path one after the other.
 */
const keyOf = (group: string): string => `rx-service-group token ${new URL('.', import.meta.url).href} ${group}`

export const knownToken = (group: string): string => forTheTab.get(keyOf(group)) ?? ''

/** Asks; what it returns is what went wrong, in words. A token that works is kept until the tab is closed. */
export const ask = async (action: Action, group: string, token: string): Promise<string | undefined> => {
  let response: Response
  try {
    response = await fetch(new URL('./actions', import.meta.url), {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(action),
    })
  } catch (error) {
    // A token that no header can hold is not sent at all.
    return error instanceof TypeError && /[^\t\u0020-\u007e\u0080-\u00ff]/.test(token)
      ? 'That is not the token.'
      : 'The process does not answer.'
  }
  if (response.ok) {
    forTheTab.set(keyOf(group), token)
    return undefined
  }
  if (response.status === 401 || response.status === 403) forTheTab.delete(keyOf(group))
  const told = errorIn(await response.text().catch(() => ''))
  if (response.status === 401) return 'That is not the token.'
  return told || `The answer was ${response.status}.`
}

const errorIn = (text: string): string => {
  try {
    const { error } = JSON.parse(text) as { error?: unknown }
    return typeof error === 'string' ? error : text
  } catch {
    return text
  }
}
