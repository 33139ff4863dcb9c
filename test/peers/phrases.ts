import type { End } from './lives.ts'
import { closesDb, closesInTurn, isAnsweredWell, namesDb, type Seen } from './scenes.ts'

const ending = ({ hung, code, signal }: End): string =>
  hung ? 'never ends' : signal ? `killed by ${signal}` : `exit code ${code}`

/** The rows of a table on the page of migration, as one program was seen. */
export const phrases: readonly (readonly [row: string, phrase: (seen: Seen) => string])[] = [
  ['the request in flight', ({ deploy }) => (isAnsweredWell(deploy) ? 'is answered' : 'is cut')],
  ['an idle connection', ({ deploy }) => (deploy.closesIdle ? 'is closed at once' : 'stays open')],
  [
    'the end after that answer',
    ({ deploy }) => `${deploy.waitsForClient ? 'when that client has gone' : 'at once'}; ${ending(deploy)}`,
  ],
  [
    'the drain delay',
    ({ deploy }) =>
      deploy.readyBefore !== 200
        ? 'none here'
        : deploy.newcomer === undefined
          ? 'new connections are refused'
          : `new connections are answered, readiness is ${deploy.readyAfter}`,
  ],
  ['`orders` and `db`', seen => (closesInTurn(seen) ? 'are closed in turn' : 'are closed together')],
  [
    '`orders` fails to close',
    ({ failingStop }) => `\`db\` is ${closesDb(failingStop) ? 'closed' : 'not closed'}; ${ending(failingStop)}`,
  ],
  [
    '`db` hangs while it closes',
    ({ hangingStop }) =>
      hangingStop.hung
        ? 'never ends'
        : `cut after its timeout, ${namesDb(hangingStop) ? 'and named' : 'not named'}; ${ending(hangingStop)}`,
  ],
  ['a second signal meanwhile', ({ twoSignals }) => (twoSignals.hung ? 'is ignored' : ending(twoSignals))],
  [
    '`orders` fails to open',
    ({ failingStart }) => `\`db\` is ${closesDb(failingStart) ? 'closed' : 'not closed'}; ${ending(failingStart)}`,
  ],
]
