/*
 * A thread of the pool: counts primes, one job at a time, and dies of a job that makes no sense. It has nothing to
 * drain: it gets no job while it is at one, and who hands them out waits for the last. JavaScript, because a loader
 * for TypeScript does not reach into the threads of every Node.
 */
import { parentPort } from 'node:worker_threads'
import { service } from 'rx-service-group'
import { inThread } from 'rx-service-group/worker'

const isPrime = n => {
  for (let divisor = 2; divisor * divisor <= n; divisor++) if (n % divisor === 0) return false
  return n > 1
}

const onMessage = ({ limit }) => {
  if (limit === undefined) return
  if (limit < 0) throw new RangeError(`there are no primes up to ${limit}`)
  let primes = 0
  for (let n = 2; n <= limit; n++) if (isPrime(n)) primes++
  parentPort.postMessage({ free: true, primes })
}

await inThread(
  service('primes', {
    start: () => {
      parentPort.on('message', onMessage)
      parentPort.postMessage({ free: true })
    },
    stop: () => void parentPort.off('message', onMessage),
  }),
)
