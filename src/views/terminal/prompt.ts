import type { Mark } from '../../core/text/paint.ts'
import type { Key, KeyName } from './keys.ts'

/** An action that a person wants of a service, which its path names. */
export interface Wish {
  readonly action: 'start' | 'stop' | 'restart'
  readonly service: string
}

/** Which console lines are shown. */
export interface Search {
  readonly text: string
  /** Keys go into the text. */
  readonly isOpen: boolean
}

/** How far a person has come with the keys. It is a value, made by `press`. */
export interface Prompt {
  /** The path of the service that is chosen. */
  readonly chosen?: string | undefined
  /** It is done when another key confirms it. */
  readonly question?: Wish | undefined
  readonly search?: Search | undefined
  /** The outcome of the last wish. */
  readonly said?: readonly [Mark, string] | undefined
}

/** The surroundings of a key that is pressed. */
export interface Scene {
  /** The services that can be chosen, as they stand on the screen. */
  readonly paths: readonly string[]
  /** So many services are a page. */
  readonly page: number
  /** The key came by itself, and the person has seen the question. Text that is pasted does not confirm itself. */
  readonly isAlone: boolean
  /** Console lines are kept. */
  readonly canSearch: boolean
  /** It would be refused, so no question is asked. */
  isNeedless(wish: Wish): boolean
}

/** The prompt after a key, and what is to be done now. */
export interface Pressed {
  readonly prompt: Prompt
  readonly wish?: Wish
}

const ACTIONS: Readonly<Record<string, Wish['action']>> = { s: 'start', x: 'stop', r: 'restart' }

/** The longest text that is searched for, in characters. */
const LONGEST_SEARCH = 200

const NO_LINES: Prompt['said'] = ['busy', 'no console lines are kept to search; give terminal() logs: true']

/** A key that does nothing returns the same prompt. */
export const press = (prompt: Prompt, key: Key, scene: Scene): Pressed => {
  if (prompt.question) return confirm(prompt, prompt.question, key, scene)
  if (prompt.search?.isOpen) return { prompt: edit(prompt, prompt.search.text, key) }
  if (key.kind === 'pasted') return { prompt }
  if (key.kind === 'named') return { prompt: move(prompt, key.name, scene) }
  if (key.text === 'j') return { prompt: move(prompt, 'down', scene) }
  if (key.text === 'k') return { prompt: move(prompt, 'up', scene) }
  if (key.text === '/') return { prompt: search(prompt, scene) }
  const action = ACTIONS[key.text]
  return action && prompt.chosen !== undefined
    ? wishFor({ ...prompt, said: undefined }, { action, service: prompt.chosen }, scene)
    : { prompt }
}

/** The prompt once some services have gone. */
export const withoutGone = (prompt: Prompt, isThere: (path: string) => boolean): Prompt => {
  const { chosen, question } = prompt
  if (chosen === undefined || isThere(chosen)) return prompt
  return { ...prompt, chosen: undefined, question: question?.service === chosen ? undefined : question }
}

/** Nothing is lost by a start, nor by a refusal, so no question is asked where a person has pressed one key. */
const wishFor = (prompt: Prompt, wish: Wish, { isAlone, isNeedless }: Scene): Pressed =>
  isAlone && (wish.action === 'start' || isNeedless(wish))
    ? { prompt, wish }
    : { prompt: { ...prompt, question: wish } }

const confirm = (prompt: Prompt, wish: Wish, key: Key, { isAlone }: Scene): Pressed => {
  const isYes = key.kind === 'named' ? key.name === 'enter' : key.kind === 'text' && key.text.toLowerCase() === 'y'
  if (isYes && !isAlone) return { prompt }
  const closed = { ...prompt, question: undefined }
  return isYes ? { prompt: closed, wish } : { prompt: closed }
}

const move = (prompt: Prompt, name: KeyName, { paths, page }: Scene): Prompt => {
  const { chosen, search } = prompt
  if (name === 'escape') {
    if (search) return { ...prompt, search: undefined, said: undefined }
    return chosen === undefined && !prompt.said ? prompt : {}
  }
  const at = chosen === undefined ? -1 : paths.indexOf(chosen)
  const last = paths.length - 1
  const steps: Partial<Record<KeyName, number>> = {
    up: at < 0 ? last : at - 1,
    down: at + 1,
    home: 0,
    end: last,
    'page up': at - page,
    'page down': at + page,
  }
  const to = steps[name]
  if (to === undefined || last < 0) return prompt
  return { ...prompt, chosen: paths[Math.max(0, Math.min(to, last))], said: undefined }
}

const search = (prompt: Prompt, { canSearch }: Scene): Prompt =>
  canSearch
    ? { ...prompt, search: { text: prompt.search?.text ?? '', isOpen: true }, said: undefined }
    : { ...prompt, said: NO_LINES }

const edit = (prompt: Prompt, text: string, key: Key): Prompt => {
  const typed = (now: string): Prompt => ({ ...prompt, search: { text: now.slice(0, LONGEST_SEARCH), isOpen: true } })
  if (key.kind !== 'named') return typed(text + key.text)
  switch (key.name) {
    case 'backspace':
      return typed(withoutLast(text))
    case 'clear':
      return typed('')
    case 'escape':
      return { ...prompt, search: undefined }
    case 'enter':
      return { ...prompt, search: text.trim() === '' ? undefined : { text, isOpen: false } }
    default:
      return prompt
  }
}

/** Without what a person takes for the last character. */
const withoutLast = (text: string): string => {
  const last = [...new Intl.Segmenter().segment(text)].at(-1)
  return text.slice(0, last?.index ?? 0)
}
