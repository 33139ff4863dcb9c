import type { ConfirmChannel } from 'amqplib'

/** Told when the broker has confirmed a message, has not taken it, or is gone. */
export type Confirmed = (error: unknown) => void

/**
 * Sends a message over a channel with confirms. When amqplib 0.10 or 1 can't encode a message it throws, but counts the
 * message as sent. Every later confirm would be taken for that of the message before. So the message is taken back.
 *
 * @param send calls `publish` or `sendToQueue` of the channel
 */
export const sendConfirmed = (
  channel: ConfirmChannel,
  confirmed: Confirmed,
  send: (confirmed: Confirmed) => boolean,
): boolean => {
  try {
    return send(confirmed)
  } catch (error) {
    const { unconfirmed } = channel as unknown as { readonly unconfirmed?: unknown[] }
    if (unconfirmed?.at(-1) === confirmed) unconfirmed.pop()
    throw error
  }
}
