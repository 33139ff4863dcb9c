import { render } from 'preact'
import { App } from './parts/app.tsx'
import { serveTabs } from './shared.ts'
import { openStore } from './store.ts'

/** Beside this script, however the address of the page ends, and whatever a proxy puts before it. */
const EVENTS = new URL('./events', import.meta.url).href

// The same script is the worker that all tabs share.
if (typeof document === 'undefined') serveTabs(EVENTS)
else render(<App store={openStore(EVENTS, import.meta.url)} />, document.getElementById('page')!)
