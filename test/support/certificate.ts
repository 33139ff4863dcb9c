import { execFileSync } from 'node:child_process'
import { mkdtempSync, readFileSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'

let made: { readonly key: string; readonly cert: string } | undefined

/** A key and a certificate for 127.0.0.1 that it has signed itself, made anew in each run. */
export const certificate = (): { readonly key: string; readonly cert: string } => {
  if (made) return made
  const directory = mkdtempSync(join(tmpdir(), 'certificate-'))
  const [key, cert] = [join(directory, 'key'), join(directory, 'cert')]
  try {
    const what = 'req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 1 -subj /CN=localhost'
    const names = ['-addext', 'subjectAltName=DNS:localhost,IP:127.0.0.1']
    execFileSync('openssl', [...what.split(' '), ...names, '-keyout', key, '-out', cert], { stdio: 'pipe' })
    made = { key: readFileSync(key, 'utf8'), cert: readFileSync(cert, 'utf8') }
  } finally {
    rmSync(directory, { recursive: true })
  }
  return made
}
