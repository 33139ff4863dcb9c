import type { GroupStatus } from '../../core/status/status.ts'

/** Why a group is not ready, in a few words: `; shop/db is starting; shop/api is waiting`. */
export const reasonsText = ({ reasons }: GroupStatus): string =>
  reasons
    .map(({ path, phase, detail }) => `; ${path} is ${phase}${detail === undefined ? '' : ` (${detail})`}`)
    .join('')
