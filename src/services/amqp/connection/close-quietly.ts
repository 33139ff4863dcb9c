/** Closes a connection or a channel. One that is closed already throws, or rejects, which says the same. */
export const closeQuietly = async (one: { close(): PromiseLike<unknown> } | undefined): Promise<void> => {
  try {
    await one?.close()
  } catch {}
}
