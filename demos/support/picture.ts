/**
 * Draws the picture in the README: runs `npm run demo` on a real terminal, orders five times, presses Ctrl-C, and
 * writes what stood there as demos/02-http-and-queue.svg.
 *
 *   node --import tsx demos/support/picture.ts               (needs util-linux's `script`)
 */
import { spawn } from 'node:child_process'
import { once } from 'node:events'
import { writeFileSync } from 'node:fs'
import { stripVTControlCharacters } from 'node:util'

const PORT = '8080'
const COLUMNS = 100
const child = spawn('script', ['-qec', `stty cols ${COLUMNS}; exec npm run demo`, '/dev/null'], {
  env: {
    ...process.env,
    PORT,
    TERM: 'xterm-256color',
    AMQP_URL: '',
    NO_UPDATE_NOTIFIER: '1',
    npm_config_progress: 'false',
  },
})
let screen = ''
let ordered = false
child.stdout.setEncoding('utf8').on('data', async text => {
  screen += text
  if (ordered || !screen.includes('Then press Ctrl-C.')) return
  ordered = true
  for (let i = 0; i < 5; i++) await fetch(`http://localhost:${PORT}/orders`, { method: 'POST' })
  child.stdin.write('\u0003')
})
await once(child, 'close')

/** The beginning of each colour. */
const ESC = '\u001b\\['
const LINE = 18
const CHARACTER = 7.8
const COLORS: Readonly<Record<string, string>> = {
  2: '#8b949e',
  31: '#ff7b72',
  32: '#7ee787',
  33: '#e3b341',
  1: '#ffffff',
}

const escapeXml = (text: string): string => text.replace(/&/g, '&amp;').replace(/</g, '&lt;').replace(/>/g, '&gt;')

/** Text between colour codes; each knows the column it begins at, since SVG fonts differ in width. */
const spans = (line: string): string => {
  let column = 0
  let color = '#c9d1d9'
  return line
    .split(RegExp(`(${ESC}\\d+m)`))
    .map(part => {
      const code = RegExp(`${ESC}(\\d+)m`).exec(part)?.[1]
      if (code !== undefined) {
        color = COLORS[code] ?? '#c9d1d9'
        return ''
      }
      const start = column
      column += part.length
      // Not every browser keeps more than one space.
      return Array.from(part.matchAll(/\S+( \S+)*/g), ({ 0: text, index }) => {
        const x = (16 + (start + index) * CHARACTER).toFixed(1)
        const width = (text.length * CHARACTER).toFixed(1)
        return `<tspan x="${x}" textLength="${width}" fill="${color}">${escapeXml(text)}</tspan>`
      }).join('')
    })
    .join('')
}

// npm clears its own line at the end.
const printed = screen.replace(RegExp(`${ESC}[\\d;?]*[A-Za-ln-z]`, 'g'), '')
const lines = printed
  .slice(printed.search(RegExp(`(${ESC}2m)?\\d\\d:\\d\\d:\\d\\d`)))
  .replace(/\^C/, '^C\n')
  .trimEnd()
  .split(/\r?\n/)
const width = 32 + CHARACTER * Math.max(...lines.map(line => stripVTControlCharacters(line).length))
const height = 32 + LINE * lines.length
writeFileSync(
  new URL('../02-http-and-queue.svg', import.meta.url),
  `<svg xmlns="http://www.w3.org/2000/svg" width="${Math.ceil(width)}" height="${height}" font-family="ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace" font-size="13">
<title>The second demo on a terminal: started in order, drained and stopped in reverse, with a report</title>
<rect width="100%" height="100%" rx="8" fill="#0d1117"/>
${lines.map((line, i) => `<text y="${30 + i * LINE}">${spans(line)}</text>`).join('\n')}
</svg>
`,
)
