/** Scenes in which the group is known to break a rule. */
export const KNOWN: ReadonlySet<string> = new Set([])
