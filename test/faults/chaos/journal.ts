import { openSync, writeSync } from 'node:fs'
import { type ChannelModel, type ConfirmChannel, connect as connectWithAmqplib } from 'amqplib'
import type { AmqpConnect } from 'rx-service-group/amqp'

/**
 * What a process writes down, a line each, before it goes on: what was written is there though the process is killed in
 * the next moment, and each line is whole.
 */
export const openJournal = (file: string, onLost = () => {}) => {
  const fd = openSync(file, 'a')
  const write = (...words: readonly (string | number)[]): void => void writeSync(fd, `${words.join(' ')}\n`)
  const now = (): number => Math.round(performance.timeOrigin + performance.now())

  /** Writes down what a consumer publishes: a message that it sets aside, puts off, or gives back as another. */
  const journaled = (channel: ConfirmChannel): ConfirmChannel => {
    const { publish } = channel
    channel.publish = (...all) => {
      const { n, copy } = JSON.parse(all[2].toString())
      write('copy', n, copy, now())
      return publish.apply(channel, all)
    }
    return channel
  }

  /** Connects, and writes down when such a connection is lost or blocked; one that opens confirm channels publishes. */
  const connect: AmqpConnect = async (url, options) => {
    const model: ChannelModel = await connectWithAmqplib(url, options)
    let kind = 'consuming'
    const { createConfirmChannel } = model
    model.createConfirmChannel = (...args: []) => {
      kind = 'publishing'
      return createConfirmChannel.apply(model, args).then(journaled)
    }
    model.on('blocked', () => write('blocked', now()))
    model.on('unblocked', () => write('unblocked', now()))
    model.on('error', () => undefined)
    model.on('close', (error?: Error) => {
      if (!error) return
      write('lost', kind, now())
      onLost()
    })
    return model
  }
  return { write, now, connect }
}

/** A process that was started by another one does not outlive it. */
export const endWithParent = (): void => {
  process.stdin.on('end', () => process.exit(1)).resume()
  ;(process.stdin as unknown as { unref(): void }).unref()
}
