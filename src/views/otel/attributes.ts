/** By OpenTelemetry's conventions: a namespace of its own, and values that are few. */
export const NAME = 'service_group.name'
/** The path inside the group: `workers/mailer`. */
export const SERVICE = 'service_group.service'
/** The name of a number that a service tells: `inFlight`. */
export const FIGURE = 'service_group.figure'
export const STATE = 'service_group.state'
export const HEALTH = 'service_group.health'
export const OUTCOME = 'service_group.outcome'
export const FROM = 'service_group.from'
export const TO = 'service_group.to'
export const ATTEMPT = 'service_group.attempt'
export const WAITING_FOR = 'service_group.waiting_for'
/** Of the conventions for errors: a code, or the kind of an error. */
export const ERROR_TYPE = 'error.type'
export const REASON = 'service_group.reason'
