/** Whether the broker is RabbitMQ or alike. A broker inside the process has neither a clock nor direct replies. */
export const isRabbit = (connection: { readonly serverProperties?: object } | undefined): boolean => {
  const properties: { readonly capabilities?: unknown } | undefined = connection?.serverProperties
  return properties?.capabilities !== undefined
}
