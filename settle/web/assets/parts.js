// Small parts that several views are made of.
import { html, Component } from './html.js';
import { money, power, short } from './format.js';
import { unlock } from './store.js';
import { token } from './server.js';

/** An id or DID that can be copied; its whole text is its title and its name for screen readers. */
export class Id extends Component {
  copy = async () => {
    await navigator.clipboard?.writeText(this.props.value).catch(() => {});
    this.setState({ copied: true });
    setTimeout(() => this.setState({ copied: false }), 1200);
  };

  render({ value, label = 'Copy' }, { copied }) {
    if (!value) return '–';
    return html`<button type="button" class="id" title=${value} aria-label=${`${label} ${value}`} onClick=${this.copy}>${copied ? 'copied' : short(value)}</button>`;
  }
}

/** A label above a figure. */
export const Figure = ({ label, value, note, tone = '', big }) => html`
  <div class=${`figure ${tone} ${big ? 'big' : ''}`}>
    <dt>${label}</dt>
    <dd>${value}${note && html`<small>${note}</small>`}</dd>
  </div>`;

/** A word for a state, with a sign that does not rest on colour alone. */
export const State = ({ of, text }) => html`<span class=${`state ${of}`}><i aria-hidden="true"></i>${text ?? of}</span>`;

export const Empty = ({ title, children }) => html`
  <div class="empty"><svg viewBox="0 0 24 24" aria-hidden="true"><path d="M13 3 5 14h5l-1 7 8-11h-5z"/></svg><h2>${title}</h2><p>${children}</p></div>`;

/** A problem with what to do about it. */
export const Trouble = ({ problem }) => problem && html`
  <div class="trouble" role="alert"><strong>${problem.title || 'Something went wrong'}</strong>
    ${problem.detail && html`<p>${problem.detail}</p>`}${problem.hint && html`<p class="hint">${problem.hint}</p>`}</div>`;

/** Asks for the operator's token. */
export class Lock extends Component {
  submit = (e) => {
    e.preventDefault();
    unlock(new FormData(e.target).get('token').trim());
  };

  render({ problem, what }) {
    if (problem.kind === 'forbidden') return html`<${Trouble} problem=${problem}/>`;
    const refused = token.get() && problem.detail; // without a token there is nothing to say of it
    return html`
      <form class="card lock" onSubmit=${this.submit}>
        <h2>${what} need the operator's token</h2>
        <p>Where this server is not addressed on loopback, they are for its operator. The token stays in this tab, and is forgotten with it.</p>
        <label for="token">Operator's token</label>
        <div class="row"><input id="token" name="token" type="password" autocomplete="off" required spellcheck=${false}
          aria-invalid=${refused ? 'true' : 'false'} aria-describedby=${refused ? 'token-refused' : undefined}/><button class="primary">Unlock</button></div>
        ${refused && html`<p class="denied" id="token-refused" role="alert">${problem.detail}</p>`}
      </form>`;
  }
}

/** What a list shows while it has nothing: a problem, a lock, that it loads, or that there is nothing. */
export function instead(answer, what, empty) {
  if (answer.problem?.locked) return html`<${Lock} problem=${answer.problem} what=${what}/>`;
  if (answer.data && answer.data.items?.length !== 0) return null;
  if (answer.problem) return html`<${Trouble} problem=${answer.problem}/>`;
  if (!answer.data) return html`<p class="loading" role="status">Reading…</p>`;
  return empty;
}

/** A bar from 0 to 1 that says its value. */
export const Bar = ({ label, value, text, tone = '', live }) => html`
  <div class=${`bar ${tone} ${live ? 'live' : ''}`} role="meter" aria-label=${label} aria-valuemin="0" aria-valuemax="100"
    aria-valuenow=${Math.round(value * 100)} aria-valuetext=${text}><span style=${{ width: `${Math.max(0, Math.min(1, value)) * 100}%` }}></span></div>`;

/** A table that scrolls inside itself, and can be reached by keyboard where it does. */
export const Table = ({ caption, head, children }) => html`
  <div class="scroll" tabindex="0" role="region" aria-label=${caption}><table>
    <caption class="unseen">${caption}</caption>
    <thead><tr>${head.map(([name, kind = '']) => html`<th scope="col" class=${kind}>${name}</th>`)}</tr></thead>
    <tbody>${children}</tbody>
  </table></div>`;

export const Money = ({ of, places }) => html`<span class="money">${money(of, places)}</span>`;

export const sessionWord = {
  preparing: 'Preparing', running: 'Charging', paused: 'Paused', stopping: 'Settling', settled: 'Settled', final: 'Final', failed: 'Failed',
};
/** What goes on, in the words of the service. */
export const stateWord = (session) => (session.state === 'running' && session.service !== 'charging' ? 'Running'
  : session.state === 'running' && Number(session.power_w) < 0 ? 'Giving back' : sessionWord[session.state] ?? session.state);

/** What was paid, or paid back: figures for a person have no sign that needs thought. */
export const paid = (session) => (session.amount.value.startsWith('-') ? { word: 'Paid back', of: { ...session.amount, value: session.amount.value.slice(1) } }
  : { word: 'Paid', of: session.amount });

/** Power with its direction in a word. */
export const flow = (watts) => (Number(watts) < 0 ? html`<strong>${power(-watts)}</strong> <span class="soft">back</span>` : html`<strong>${power(watts)}</strong>`);

export const under = (session) => ['preparing', 'running', 'paused', 'stopping'].includes(session.state);
