/** Scenes in which the group is known to break a rule. */
export const KNOWN: ReadonlySet<string> = new Set([
  'an addition that depends on a service that goes down',
  'a restart by hand before all dependents have begun',
  'stop by a listener during restarts',
  'a restart by a listener',
  'an addition by a listener',
  'stop by a listener of a nested group',
  'a restart by a listener of the nested group',
  'stop from inside, at drain',
])
