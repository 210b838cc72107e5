// Money: who has what, what channels hold, what was settled, and what is at risk.
import { html } from './html.js';
import { items, known, serves, state } from './store.js';
import { Figure, Id, Lock, State, Table, instead, under } from './parts.js';
import { date, hour, money, moment, nano, decimal, sum, words, plural } from './format.js';

export const title = 'Money';

const SESSIONS = '/v1/sessions?limit=25';
const CHANNELS = '/v1/channels?limit=50';
const ACCOUNTS_MAX = 12; // accounts that are read: those of the newest channels, of stations and of issuers
const movements = [
  ['issues', 'Issued', (m) => [m.issuer, m.to]], ['transfers', 'Transfer', (m) => [m.from, m.to]], ['redemptions', 'Redeemed', (m) => [m.from, m.issuer]],
];

const listOf = (resource) => `/v1/${resource}?limit=20`;

/** Whose accounts to show: stations first, then who has channels with them, then issuers. */
function parties() {
  const all = [...items('/v1/stations?limit=100').map((s) => s.did), ...items(CHANNELS).flatMap((c) => [c.partner, c.opener, c.payout]), ...(state.network?.issuers ?? [])];
  return [...new Set(all)].slice(0, ACCOUNTS_MAX);
}

export const needs = () => [
  serves('channels') && CHANNELS, serves('stations') && '/v1/stations?limit=100', serves('sessions') && SESSIONS, serves('settlements') && listOf('settlements'),
  ...movements.map(([resource]) => serves(resource) && listOf(resource)),
  ...(serves('accounts') ? parties().map((did) => `/v1/accounts/${did}`) : []),
];

export function View() {
  return html`<${Sums}/>${serves('accounts') && html`<${Accounts}/>`}${serves('channels') && html`<${Channels}/>`}
    ${serves('settlements') && html`<${Settlements}/>`}<${Movements}/>`;
}

function Sums() {
  const channels = items(CHANNELS).filter((c) => c.state !== 'closed'), running = items(SESSIONS).filter(under);
  const currency = state.network.currency, of = (value) => ({ value, currency });
  const locked = sum(channels.map((c) => c.locked.value));
  const delivered = sum(running.map((s) => s.at_risk?.value));
  const claimed = decimal(running.reduce((all, s) => {
    const channel = channels.find((c) => c.id === s.channel);
    const known = channel ? nano(channel.claimed.opener.value) - nano(channel.claimed.partner.value) : 0n;
    const more = nano(s.amount.value) - known;
    return all + (more > 0n ? more : 0n);
  }, 0n));
  return html`<section class="card" aria-label="Sums"><dl class="figures wide-figures">
    <${Figure} big label="In channels" value=${money(of(locked))} note=${plural(channels.length, 'open channel')}/>
    ${serves('sessions') && html`<${Figure} big label="Signed, not on the ledger yet" value=${money(of(claimed))} note="held by the deposits of the channels"/>
      <${Figure} big label="At risk" value=${money(of(delivered), 4)} tone=${nano(delivered) > 0n ? 'risk' : ''} note="delivered, not claimed yet: one claim interval at most"/>`}
  </dl></section>`;
}

function Accounts() {
  const all = parties().map((did) => [did, known(`/v1/accounts/${did}`)]);
  const locked = all.find(([, answer]) => answer.problem?.locked);
  if (locked) return html`<${Lock} problem=${locked[1].problem} what="Accounts"/>`;
  const stations = new Set(items('/v1/stations?limit=100').map((s) => s.did)), issuers = new Set(state.network.issuers);
  const openers = new Set(items(CHANNELS).map((c) => c.opener));
  return html`
    <section class="card" aria-labelledby="accounts"><h2 id="accounts">Balances</h2>
      ${all.length === 0 ? html`<p class="soft">No account has taken part in anything yet. <code>ledger issue --to DID --amount 50EUR</code></p>`
    : html`<${Table} caption="Balances" head=${[['Account'], ['Role', 'wide'], ['Free', 'n'], ['In channels', 'n'], ['State', 'wide']]}>
        ${all.map(([did, { data, problem }]) => html`<tr key=${did}><td><${Id} value=${did} label="Copy the account's DID"/></td>
          <td class="wide">${stations.has(did) ? 'station' : issuers.has(did) ? 'issuer' : openers.has(did) ? 'vehicle' : ''}</td>
          <td class="n">${data ? money(data.balance) : problem ? '–' : '…'}</td><td class="n">${data ? money(data.locked) : '–'}</td>
          <td class="wide">${data ? words(data.status) : problem?.title ?? ''}</td></tr>`)}<//>`}
    </section>`;
}

function Channels() {
  return html`
    <section class="card" aria-labelledby="channels"><h2 id="channels">Channels</h2>
      ${instead(known(CHANNELS), 'Channels', html`<p class="soft">None has been opened. A vehicle opens one at its first visit to a station.</p>`)
      ?? html`<${Table} caption="Channels" head=${[['Channel'], ['Opened by', 'wide'], ['With', 'wide'], ['Holds', 'n'], ['Settled', 'n'], ['Expires', 'wide'], ['State']]}>
        ${items(CHANNELS).map((c) => html`<tr key=${c.id}><td><${Id} value=${c.id} label="Copy the channel's id"/></td><td class="wide"><${Id} value=${c.opener} label="Copy the opener's DID"/></td>
          <td class="wide"><${Id} value=${c.partner} label="Copy the partner's DID"/></td><td class="n">${money(c.locked)}</td>
          <td class="n">${money({ value: decimal(nano(c.claimed.opener.value) - nano(c.claimed.partner.value)), currency: c.locked.currency })}</td>
          <td class="wide">${date(c.expiry)}</td><td><${State} of=${c.state}/></td></tr>`)}<//>`}
    </section>`;
}

const kindNote = { settle: 'raised what the ledger knows', withdraw: 'paid out, stays open', 'cooperative-close': 'both signed, paid out', 'close-request': 'one party alone, the window runs', finalise: 'the window ended, paid out' };

function Settlements() {
  const path = listOf('settlements');
  return html`
    <section class="card" aria-labelledby="settlements"><h2 id="settlements">Settlements</h2>
      ${instead(known(path), 'Settlements', html`<p class="soft">None yet. Claims settle at the end of a visit, and in between where the station asks for it.</p>`)
      ?? html`<${Table} caption="Settlements" head=${[['What'], ['', 'wide'], ['When', 'wide'], ['Claimed in all', 'n'], ['Paid out', 'n wide'], ['State']]}>
        ${items(path).map((s) => html`<tr key=${s.vertex + s.channel}><td><a href=${`#/ledger/${s.vertex}`}>${words(s.kind)}</a></td><td class="wide soft">${kindNote[s.kind]}</td>
          <td class="wide">${hour(s.time)} <small>${date(s.time)}</small></td><td class="n">${money({ value: decimal(nano(s.claimed.opener.value) - nano(s.claimed.partner.value)), currency: s.claimed.opener.currency })}</td>
          <td class="n wide">${money({ value: sum([s.paid_out.opener.value, s.paid_out.partner.value]), currency: s.paid_out.opener.currency })}</td><td><${State} of=${s.final ? 'final' : 'accepted'}/></td></tr>`)}<//>`}
    </section>`;
}

/** Everything else that moved money, newest first. */
function Movements() {
  const served = movements.filter(([resource]) => serves(resource));
  if (served.length === 0) return null;
  const rows = served.flatMap(([resource, what, ends]) => items(listOf(resource)).map((m) => ({ what, ends: ends(m), ...m })))
    .sort((a, b) => b.height - a.height).slice(0, 20);
  return html`
    <section class="card" aria-labelledby="movements"><h2 id="movements">Issued, transferred, redeemed</h2>
      ${rows.length === 0 ? html`<p class="soft">Nothing yet.</p>` : html`<${Table} caption="Issued, transferred, redeemed" head=${[['What'], ['When'], ['From', 'wide'], ['To'], ['Amount', 'n'], ['State', 'wide']]}>
        ${rows.map((m) => html`<tr key=${m.vertex + m.what}><td><a href=${`#/ledger/${m.vertex}`}>${m.what}</a></td><td title=${moment(m.time)}>${hour(m.time)}</td>
          <td class="wide"><${Id} value=${m.ends[0]} label="Copy the DID"/></td><td><${Id} value=${m.ends[1]} label="Copy the DID"/></td><td class="n">${money(m.amount)}</td>
          <td class="wide"><${State} of=${m.final ? 'final' : 'accepted'}/></td></tr>`)}<//>`}
    </section>`;
}
