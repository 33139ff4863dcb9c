/** What the page may ask of a group, when its server says so. */
export type Action = { readonly action: 'restart'; readonly service: string } | { readonly action: 'stop' }

const KEY = 'rx-service-group token'

export const knownToken = (): string => sessionStorage.getItem(KEY) ?? ''

/** Asks; what it returns is what went wrong, in words. A token that works is kept until the tab is closed. */
export const ask = async (action: Action, token: string): Promise<string | undefined> => {
  let response: Response
  try {
    response = await fetch('./actions', {
      method: 'POST',
      headers: { authorization: `Bearer ${token}`, 'content-type': 'application/json' },
      body: JSON.stringify(action),
    })
  } catch {
    return 'The process does not answer.'
  }
  if (response.ok) {
    sessionStorage.setItem(KEY, token)
    return undefined
  }
  if (response.status === 401 || response.status === 403) sessionStorage.removeItem(KEY)
  if (response.status === 401) return 'That is not the token.'
  return errorIn(await response.text()) || `The answer was ${response.status}.`
}

const errorIn = (text: string): string => {
  try {
    const { error } = JSON.parse(text) as { error?: string }
    return error ?? text
  } catch {
    return text
  }
}
