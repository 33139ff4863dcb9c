import { messageOf } from '../../core/errors.ts'
import type { GroupStatus } from '../../core/status/status.ts'
import { act, type GroupActions, needless } from '../common/act.ts'
import { openKeyboard } from './keyboard.ts'
import type { Key } from './keys.ts'
import { type Prompt, press, type Wish, withoutGone } from './prompt.ts'
import { inTree } from './stage.ts'

/** The name of this view in the events of the group. */
const BY = 'terminal'

/** The picture that the keys are pressed at. */
export interface Pictured {
  readonly canSearch: boolean
  rows(): number
  status(): GroupStatus | undefined
  /** Writes to the terminal what is not seen. */
  write(codes: string): void
  /** The prompt is another one. */
  changed(): void
}

/** Lets a person act on the services of a group by keys. */
export interface Controls {
  readonly prompt: Prompt
  /** The picture of this prompt is on the screen. */
  seen(prompt: Prompt): void
  close(): void
}

export const openControls = (group: GroupActions, picture: Pictured): Controls => {
  let prompt: Prompt = {}
  let asked: Wish | undefined
  let isOver = false
  const become = (next: Prompt): void => {
    if (next === prompt || isOver) return
    prompt = next
    picture.changed()
  }
  const present = (): Prompt => {
    const status = picture.status()
    if (status) prompt = withoutGone(prompt, path => status.byPath(path) !== undefined)
    return prompt
  }
  const onKeys = (keys: readonly Key[]): void => {
    for (const key of keys) {
      const status = picture.status()
      if (!status) return
      const { prompt: next, wish } = press(present(), key, {
        paths: inTree(status.list, status.name).map(({ path }) => path),
        page: Math.max(1, picture.rows() - 4),
        isAlone: keys.length === 1 && (prompt.question === undefined || prompt.question === asked),
        canSearch: picture.canSearch,
        isNeedless: wish => needless(wish, status) !== undefined,
      })
      become(next)
      if (wish) void fulfil(wish, status)
    }
  }
  const fulfil = async (wish: Wish, status: GroupStatus): Promise<void> => {
    const { action, service } = wish
    const tell = (outcome: 'accepted' | 'refused', reason?: string): void =>
      group.recordRequest?.({ action, service, by: BY, outcome, reason })
    try {
      await act(wish, group, status, BY, () => tell('accepted'))
      become({ ...prompt, said: ['good', `asked to ${action} ${service.slice(status.name.length + 1)}`] })
    } catch (error) {
      const reason = messageOf(error)
      tell('refused', reason)
      become({ ...prompt, said: ['bad', reason] })
    }
  }
  const close = openKeyboard(picture.write, onKeys)
  return {
    get prompt() {
      return present()
    },
    seen: ({ question }) => {
      asked = question
    },
    close: () => {
      isOver = true
      close()
    },
  }
}
