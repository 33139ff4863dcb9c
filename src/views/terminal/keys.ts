import { StringDecoder } from 'node:string_decoder'

/** The keys that have a name. All others that type no text are unknown, and left out. */
export type KeyName =
  | 'up'
  | 'down'
  | 'home'
  | 'end'
  | 'page up'
  | 'page down'
  | 'enter'
  | 'escape'
  | 'backspace'
  | 'clear'
  | SignalKey

/** The keys that a terminal turns into signals itself, unless it is in raw mode. */
export type SignalKey = 'interrupt' | 'suspend' | 'quit'

/** A key that was pressed, or a text that was pasted. */
export type Key =
  | { readonly kind: 'named'; readonly name: KeyName }
  | { readonly kind: 'text' | 'pasted'; readonly text: string }

const CONTROLS: Readonly<Record<string, KeyName>> = {
  '\u0003': 'interrupt',
  '\u001a': 'suspend',
  '\u001c': 'quit',
  '\r': 'enter',
  '\n': 'enter',
  '\u007f': 'backspace',
  '\b': 'backspace',
  // Ctrl-U, as in every line that is edited on a terminal.
  '\u0015': 'clear',
}

const SIGNAL_KEYS: Readonly<Record<string, SignalKey>> = {
  '\u0003': 'interrupt',
  '\u001a': 'suspend',
  '\u001c': 'quit',
}

/** By the end of their sequences. Modifiers, which stand in the middle, make no difference. */
const SEQUENCES: Readonly<Record<string, KeyName>> = {
  A: 'up',
  B: 'down',
  H: 'home',
  F: 'end',
  '1~': 'home',
  '4~': 'end',
  '5~': 'page up',
  '6~': 'page down',
  '7~': 'home',
  '8~': 'end',
}

const [ESCAPE, PASTE_BEGINS, PASTE_ENDS] = ['\u001b', '200~', '\u001b[201~']

/** The longest text that is pasted, in characters. The rest is left out. */
const LONGEST_PASTE = 1_000

/** The longest sequence that a key sends, in characters. */
const LONGEST_SEQUENCE = 32

/** The place in the input where the next character comes. */
type Place = 'ground' | 'escape' | 'csi' | 'ss3' | 'linux' | 'string' | 'pasting'

/**
 * Makes keys of the bytes that a terminal sends, however they are cut into chunks. The keys that stand for signals are
 * heard everywhere, also inside sequences and pasted texts, as a terminal does it.
 */
export class KeyDecoder {
  readonly #utf8 = new StringDecoder()
  #place: Place = 'ground'
  #held = ''

  /** A sequence has begun: it may go on with the next chunk, or it was the Escape key. */
  get isWaiting(): boolean {
    return this.#place !== 'ground' && !(this.#place === 'pasting' && !this.#held.endsWith(ESCAPE))
  }

  /** The keys of a chunk. */
  keys(chunk: string | Uint8Array): readonly Key[] {
    const keys: Key[] = []
    const text = typeof chunk === 'string' ? chunk : this.#utf8.write(Buffer.from(chunk))
    for (const character of text) this.#take(character, keys)
    return keys
  }

  /** Nothing has come for a while: a sequence that has begun does not go on. */
  settle(): readonly Key[] {
    const keys: Key[] = []
    if (!this.isWaiting) return keys
    if (this.#place === 'escape') keys.push({ kind: 'named', name: 'escape' })
    else if (this.#place === 'pasting') this.#paste(this.#held.slice(0, -ESCAPE.length), keys)
    this.#go('ground')
    return keys
  }

  #go(place: Place, held = ''): void {
    this.#place = place
    this.#held = held
  }

  #take(character: string, keys: Key[]): void {
    const signal = SIGNAL_KEYS[character]
    if (signal) {
      this.#go('ground')
      keys.push({ kind: 'named', name: signal })
    } else if (this.#place === 'pasting') this.#takePasted(character, keys)
    else if (this.#place === 'string') this.#takeAnswer(character)
    else if (character === ESCAPE) {
      // The Escape key was pressed twice.
      if (this.#place === 'escape') keys.push({ kind: 'named', name: 'escape' })
      this.#go('escape')
    } else if (this.#place === 'ground') this.#takeGround(character, keys)
    else this.#takeSequence(character, keys)
  }

  #takeGround(character: string, keys: Key[]): void {
    const name = CONTROLS[character]
    if (name) keys.push({ kind: 'named', name })
    else if (isText(character)) keys.push({ kind: 'text', text: character })
  }

  #takeSequence(character: string, keys: Key[]): void {
    if (this.#place === 'escape') {
      if (character === '[') this.#go('csi')
      else if (character === 'O') this.#go('ss3')
      else if (']P_^X'.includes(character)) this.#go('string')
      // The Alt key and another one.
      else this.#go('ground')
    } else if (this.#place === 'csi') this.#takeCsi(character, keys)
    else {
      const name = this.#place === 'ss3' ? SEQUENCES[character] : undefined
      this.#go('ground')
      if (name) keys.push({ kind: 'named', name })
    }
  }

  #takeCsi(character: string, keys: Key[]): void {
    // The function keys of the console of Linux: one more character comes.
    if (character === '[' && this.#held === '') return this.#go('linux')
    if (character >= ' ' && character <= '?') {
      if (this.#held.length < LONGEST_SEQUENCE) this.#held += character
      return
    }
    const sequence = character === '~' ? `${this.#held.split(';')[0]}~` : character
    if (sequence === PASTE_BEGINS) return this.#go('pasting')
    this.#go('ground')
    const name = SEQUENCES[sequence]
    if (name) keys.push({ kind: 'named', name })
  }

  /** The answer of a terminal to a question of some program, up to its end. */
  #takeAnswer(character: string): void {
    if (character === '\u0007' || (character === '\\' && this.#held === ESCAPE)) this.#go('ground')
    else this.#held = character
  }

  #takePasted(character: string, keys: Key[]): void {
    this.#held += character
    if (this.#held.endsWith(PASTE_ENDS)) {
      this.#paste(this.#held.slice(0, -PASTE_ENDS.length), keys)
      this.#go('ground')
    } else if (this.#held.length > 2 * LONGEST_PASTE)
      this.#held = this.#held.slice(0, LONGEST_PASTE) + this.#held.slice(-PASTE_ENDS.length)
  }

  #paste(held: string, keys: Key[]): void {
    const text = Array.from(held.slice(0, LONGEST_PASTE).replace(/[\r\n\t]+/g, ' '), c => (isText(c) ? c : '')).join('')
    keys.push({ kind: 'pasted', text })
  }
}

/** Neither a control character nor half of a character. */
const isText = (character: string): boolean => !/[\p{Cc}\p{Cs}]/u.test(character)
