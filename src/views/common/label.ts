import { visible } from '../../core/text/visible.ts'

/** Longest name in a label of a metric or an attribute of a span, in characters: that of a path in a line of a log. */
const LONGEST = 200

/** The name of a group, a service or a figure, as a label: characters that are not seen are escaped, the end is cut. */
export const label = (name: string): string => visible(name, LONGEST)
