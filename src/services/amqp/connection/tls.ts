import type { ConnectionOptions } from 'node:tls'
import { isRecord, known, namesOf, refuse, type Whose } from '../../../core/options.ts'

/** The certificates of a connection. Each option means the same as in `tls.connect` of Node. */
export type AmqpTlsOptions = Pick<
  ConnectionOptions,
  | 'ca'
  | 'cert'
  | 'key'
  | 'passphrase'
  | 'pfx'
  | 'servername'
  | 'rejectUnauthorized'
  | 'checkServerIdentity'
  | 'minVersion'
  | 'maxVersion'
  | 'ciphers'
>

const TLS_OPTIONS = namesOf<AmqpTlsOptions>({
  ca: true,
  cert: true,
  key: true,
  passphrase: true,
  pfx: true,
  servername: true,
  rejectUnauthorized: true,
  checkServerIdentity: true,
  minVersion: true,
  maxVersion: true,
  ciphers: true,
})

/** @throws ServiceError `ERR_INVALID_OPTION`, without the value, which may be a key */
export const checkTls = (whose: Whose, tls: unknown, isSecure: boolean): void => {
  if (tls === undefined) return
  if (!isRecord(tls) || Array.isArray(tls)) refuse(whose, 'tls must be an object, such as { ca }')
  known(whose, tls, TLS_OPTIONS, 'tls.')
  if (!isSecure)
    refuse(whose, 'tls is given, but not every url begins with amqps://; make it amqps://, or leave tls out')
}

/** The codes of Node for a certificate that is not accepted. */
const CERTIFICATE = /CERT|SELF_SIGNED|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|INVALID_CA|HOSTNAME_MISMATCH/

/** Whether the code of an error says that the certificate of the broker was not accepted. */
export const isCertificateCode = (code: unknown): boolean =>
  typeof code === 'string' && CERTIFICATE.test(code) && !code.startsWith('ERR_SSL_')
