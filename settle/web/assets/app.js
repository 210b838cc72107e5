// The page: its frame, and which view it shows. A view is a module with title, needs(route) and View; those that a first
// look does not need are loaded when somebody goes there.
import { html, Component, render } from './html.js';
import { Trouble } from './parts.js';
import { known, need, on, refresh, serves, start, state, changed } from './store.js';
import { short } from './format.js';
import * as now from './now.js';

/** In the order of the menu; each with the resource without which there is nothing to show. */
const views = [
  { name: 'now', label: 'Now', of: ['sessions', 'stations'], icon: 'M13 3 5 14h5l-1 7 8-11h-5z', module: now },
  { name: 'session', label: 'Session', of: ['sessions'], icon: 'M3 17l5-6 4 4 8-9M3 21h18', load: () => import('./session.js') },
  { name: 'ledger', label: 'Ledger', of: ['vertices'], icon: 'M3 6a2 2 0 1 0 4 0a2 2 0 1 0-4 0M3 18a2 2 0 1 0 4 0a2 2 0 1 0-4 0M10 12a2 2 0 1 0 4 0a2 2 0 1 0-4 0M17 8a2 2 0 1 0 4 0a2 2 0 1 0-4 0M6.6 7.3l3.8 3.3M6.6 16.7l3.8-3.3M13.8 11l3.4-2', load: () => import('./ledger.js') },
  { name: 'money', label: 'Money', of: ['accounts', 'channels'], icon: 'M4 7h16v11H4zM4 11h16M15 15h2', load: () => import('./money.js') },
  { name: 'prices', label: 'Prices', of: ['tariffs'], icon: 'M4 20V10h4v10M10 20V4h4v16M16 20v-7h4v7', load: () => import('./prices.js') },
];

const shown = () => views.filter((view) => view.of.some(serves));

function parse() {
  const [name = '', id = ''] = location.hash.replace(/^#\//, '').split('/').map(decodeURIComponent);
  return { name, id };
}

let route = parse();

const view = () => shown().find((v) => v.name === route.name) ?? (route.name ? undefined : shown()[0]);

class App extends Component {
  componentDidMount() {
    on('draw', () => this.update());
    addEventListener('hashchange', () => this.go());
    start();
  }

  /** Shows what the address names, and moves focus there, as a new document would. */
  go() {
    const before = route.name;
    route = parse();
    this.update();
    if (before !== route.name) { scrollTo(0, 0); document.getElementById('title')?.focus({ preventScroll: true }); }
  }

  update() {
    const current = view();
    if (current && !current.module && !current.loading) {
      current.loading = current.load().then((module) => { current.module = module; }, (error) => { current.error = error; }).then(changed);
    }
    const wanted = current?.module?.needs(route) ?? [];
    if (wanted.join() !== state.needed.join()) need(wanted);
    document.title = `${current?.label ?? 'Joulepay'} · Joulepay`;
    this.forceUpdate();
  }

  render() {
    const current = view();
    return html`
      <a class="skip" href="#content" onClick=${(e) => { e.preventDefault(); document.getElementById('content').focus(); }}>Skip to the content</a>
      <${Top}/>
      <nav aria-label="Views"><ul>${shown().map((v) => html`<li key=${v.name}><a href=${`#/${v.name}`} aria-current=${v === current ? 'page' : undefined}>
        <svg viewBox="0 0 24 24" aria-hidden="true"><path d=${v.icon}/></svg>${v.label}</a></li>`)}</ul></nav>
      <main id="content" tabindex="-1">
        <h1 id="title" tabindex="-1">${current?.label ?? 'Joulepay'}</h1>
        <${Banner}/>
        <${Guard} key=${current?.name}><${Shown} view=${current}/><//>
      </main>
      <p class="unseen" role="status" aria-live="polite">${state.said}</p>`;
  }
}

function Shown({ view }) {
  const network = known('/v1/network');
  if (!state.network) return network.problem ? html`<${Trouble} problem=${network.problem}/>` : html`<p class="loading" role="status">Reading…</p>`;
  if (!view) {
    const missing = views.find((v) => v.name === route.name);
    return html`<${Trouble} problem=${missing ? { title: `${missing.label} is not served here`, hint: `This process answers for: ${state.network.serves.join(', ')}.` }
      : { title: 'There is no such view', hint: 'The menu has those that there are.' }}/>`;
  }
  if (view.error) return html`<${Trouble} problem=${{ title: 'This view could not be loaded', hint: 'Reload the page: the server may have been replaced by a newer one.' }}/>`;
  return view.module ? html`<${view.module.View} route=${route}/>` : html`<p class="loading" role="status">Reading…</p>`;
}

/** A mistake of ours in one view leaves the rest of the page. */
class Guard extends Component {
  componentDidCatch(error) {
    console.error(error);
    this.setState({ error });
  }

  render({ children }, { error }) {
    return error ? html`<${Trouble} problem=${{ title: 'This view failed', detail: error.message, hint: 'Reload the page.' }}/>` : children;
  }
}

const linkWord = { connecting: 'Connecting', live: 'Live', waiting: 'Reconnecting', absent: 'Polling' };

function Top() {
  const { network, link } = state;
  return html`
    <header class="top">
      <a class="brand" href="#/" aria-label="Joulepay, first view"><svg viewBox="0 0 32 32" aria-hidden="true"><rect width="32" height="32" rx="9"/><path d="M17.6 5 8.5 17.6h6L13.6 27l9.9-13.4h-6.3z"/></svg>Joulepay</a>
      ${network && html`<span class="network" title=${network.network}>${network.name} <small>${short(network.network)}</small></span>`}
      <span class=${`link ${link.state}`}><i aria-hidden="true"></i>${linkWord[link.state]}</span>
      <${Theme}/>
    </header>`;
}

/** Says that the server is away, and what is still shown. */
function Banner() {
  const { link } = state;
  if (link.state !== 'waiting') return null;
  return html`<div class="banner"><p><strong>The server does not answer.</strong> What is shown may be old; the page tries again by itself.</p>
    <button type="button" onClick=${refresh}>Try now</button></div>`;
}

const themes = { '': 'light', light: 'dark', dark: '' };

/** Light, dark, or as the system has it. */
class Theme extends Component {
  state = { theme: document.documentElement.dataset.theme ?? '' };

  turn = () => {
    const theme = themes[this.state.theme];
    if (theme) document.documentElement.dataset.theme = theme; else delete document.documentElement.dataset.theme;
    try { theme ? localStorage.setItem('theme', theme) : localStorage.removeItem('theme'); } catch { /* not kept, then */ }
    dispatchEvent(new Event('theme'));
    this.setState({ theme });
  };

  render(_, { theme }) {
    const word = { '': 'as the system', light: 'light', dark: 'dark' }[theme];
    return html`<button type="button" class="theme" onClick=${this.turn} aria-label=${`Theme: ${word}. Change`} title=${`Theme: ${word}`}>
      <svg viewBox="0 0 24 24" aria-hidden="true">${theme === 'light' ? html`<circle cx="12" cy="12" r="4"/><path d="M12 3v2M12 19v2M3 12h2M19 12h2M6 6l1 1M17 17l1 1M6 18l1-1M17 7l1-1"/>`
    : theme === 'dark' ? html`<path d="M20 14A8 8 0 0 1 10 4a8 8 0 1 0 10 10z"/>` : html`<circle cx="12" cy="12" r="8"/><path d="M12 4a8 8 0 0 1 0 16z" fill="currentColor"/>`}</svg></button>`;
  }
}

render(html`<${App}/>`, document.getElementById('app'));
