/** Sends one datagram. Throws or rejects when it was not taken. */
export type Send = (text: string) => void | Promise<void>

/** A way to send a datagram to systemd, which Node has no function for. */
export interface Way {
  readonly name: string
  /**
   * Gets ready to send.
   *
   * @param socket the address, as `NOTIFY_SOCKET` has it: a path, or `@` and an abstract name
   * @throws when this process can't send in this way. The message tells why, in a few words.
   */
  open(socket: string): Send
}
