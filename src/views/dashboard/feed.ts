import type { GroupEvent } from '../../core/status/events.ts'

/** Messages for all watchers, besides the events of the group. */
export interface Feed {
  /** The messages for a page that comes now: all that was told to the pages before, and is still kept. */
  first(): Buffer
  /** The first page has come: `tell` sends messages to all. */
  open(tell: (chunk: Buffer) => void): void
  /** The last page has gone. No timer is left. */
  close(): void
  /** An event of the group. */
  hear?(event: GroupEvent): void
  /** The group is over: nothing more comes. */
  end?(): void
}
