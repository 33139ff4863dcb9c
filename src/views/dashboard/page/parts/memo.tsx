import { Component as Base, type ComponentChildren, type FunctionComponent } from 'preact'

/** A component that is drawn anew only when one of its properties is another object than before. */
export const memo = <P extends object>(draw: (props: P) => ComponentChildren): FunctionComponent<P> =>
  class extends Base<P> {
    override shouldComponentUpdate(next: P): boolean {
      const before = this.props
      return (Object.keys(next) as (keyof P)[]).some(key => next[key] !== before[key])
    }

    override render(): ComponentChildren {
      return draw(this.props)
    }
  } as unknown as FunctionComponent<P>
