import { type ServiceContext, service, serviceGroup } from 'rx-service-group'

/** A group called `bench`, and the contexts by which its services can be changed once they have started. */
export const changingGroup = (services: number) => {
  const contexts: ServiceContext[] = []
  const group = serviceGroup('bench')
  for (let n = 0; n < services; n++)
    group.add(
      service(`s${n}`, {
        start: context => {
          contexts.push(context)
        },
      }),
    )
  return { group, contexts }
}
