/**
 * A job of every second in a group: it fails once, which the group's health tells until the next run ends well. When
 * the group is told to stop in the middle of the fourth run, that one is finished first.
 *
 *   node --import tsx demos/14-schedule.ts
 */
import { setTimeout as delay } from 'node:timers/promises'
import { run, serviceGroup } from 'rx-service-group'
import { log } from 'rx-service-group/log'
import { schedule } from 'rx-service-group/schedule'

let runs = 0

const group = serviceGroup('shop').add(
  schedule('prices', '* * * * * *', async ({ scheduledAt }) => {
    const count = ++runs
    console.log(`  run ${count} of ${scheduledAt.toISOString()}`)
    if (count === 2) throw new Error('the supplier did not answer')
    if (count === 4) group.stop('the story is told')
    await delay(400)
    console.log(`  run ${count} is done`)
  }),
)

log(group)
await run(group)
