import { render } from 'preact'
import { App } from './parts/app.tsx'
import { StoreContext } from './parts/time.tsx'
import { openStore } from './store.ts'

const store = openStore('./events')

render(
  <StoreContext.Provider value={store}>
    <App />
  </StoreContext.Provider>,
  document.getElementById('page')!,
)
