import stringWidth from 'string-width'
import * as fit from '../../core/text/fit.ts'

/** As the package log-update measures, which breaks the lines that it takes for too long. */
export const widthOf = (text: string): number => stringWidth(text)

/** As much of a text as there are columns for; what is left out shows. */
export const cut = (text: string, columns: number, ellipsis: string): string =>
  fit.cut(text, columns, ellipsis, widthOf)

export const padEnd = (text: string, columns: number): string => fit.padEnd(text, columns, widthOf)
