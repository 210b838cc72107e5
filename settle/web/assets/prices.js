// Prices: what a unit costs in each quarter of an hour of today, what a visit comes to, and the tariff in words.
import { html, Component } from './html.js';
import { items, known, serves } from './store.js';
import { Empty, Figure, Table, instead } from './parts.js';
import { date, hour, money, quantity, roundEnergy, unitPrice } from './format.js';
import { Panel } from './chart.js';

export const title = 'Prices';

const TARIFFS = '/v1/tariffs?limit=20', ESTIMATES = '/v1/estimates?limit=60', PRICES = '/v1/prices?limit=500', STATIONS = '/v1/stations?limit=100';

export const needs = () => [serves('tariffs') && TARIFFS, serves('estimates') && ESTIMATES, serves('prices') && PRICES, serves('stations') && STATIONS];

export function View() {
  return html`
    ${serves('prices') && html`<${Curves}/>`}
    ${serves('estimates') && html`<${Estimates}/>`}
    ${instead(known(TARIFFS), 'Tariffs', html`<${Empty} title="No tariff">Nothing is on offer here at the moment.<//>`)
    ?? items(TARIFFS).map((t) => html`<${Tariff} key=${t.id} tariff=${t}/>`)}`;
}

/** One curve for each station and tariff, from the first slot that is known to the last. */
function Curves() {
  const groups = new Map();
  for (const slot of items(PRICES)) {
    const key = `${slot.station} ${slot.per}`;
    if (!groups.has(key)) groups.set(key, []);
    groups.get(key).push(slot);
  }
  if (groups.size === 0) return instead(known(PRICES), 'Prices', html`<section class="card"><h2>Today</h2><p class="soft">No price is known for today yet.</p></section>`);
  return [...groups].map(([key, slots]) => html`<${Curve} key=${key} slots=${slots}/>`);
}

const series = [{ label: 'Price', colour: 'price', scale: 'price', step: true, fill: true }];

class Curve extends Component {
  render({ slots }, { cursor }) {
    const moment = Date.now();
    const at = slots.findIndex((s) => Date.parse(s.start) <= moment && moment < Date.parse(s.end));
    const shown = slots[cursor ?? -1] ?? slots[at] ?? slots[0];
    const cheapest = slots.reduce((a, b) => (Number(b.price.value) < Number(a.price.value) ? b : a));
    const dearest = slots.reduce((a, b) => (Number(b.price.value) > Number(a.price.value) ? b : a));
    const flat = Number(cheapest.price.value) === Number(dearest.price.value);
    const end = slots.at(-1).end;
    if (this.of !== slots) {
      this.of = slots;
      const t = [...slots.map((s) => Date.parse(s.start) / 1000), Date.parse(end) / 1000];
      const prices = slots.map((s) => Number(s.price.value));
      this.data = [t, [...prices, prices.at(-1)]];
    }
    const station = items(STATIONS).find((s) => s.did === slots[0].station);
    return html`
      <section class="card" aria-label=${`Prices at ${station?.evse ?? 'a station'}`}>
        <header><h2>${station?.evse ?? 'Today'}</h2><span class="soft">${date(slots[0].start)}</span></header>
        <dl class="figures">
          <${Figure} label=${cursor === undefined || cursor === null ? 'Now' : `${hour(shown.start)} to ${hour(shown.end)}`} value=${unitPrice(shown.price, shown.per)} note=${shown.market_per_mwh && `market ${shown.market_per_mwh} EUR/MWh`}/>
          ${!flat && html`<${Figure} label="Lowest" value=${unitPrice(cheapest.price, cheapest.per)} note=${`at ${hour(cheapest.start)}`}/>
            <${Figure} label="Highest" value=${unitPrice(dearest.price, dearest.per)} note=${`at ${hour(dearest.start)}`}/>`}
        </dl>
        ${flat ? html`<p class="soft">The same at every hour of the day.</p>` : html`
          <${Panel} label=${`Price of one ${shown.per} over the day, lowest at ${hour(cheapest.start)}, highest at ${hour(dearest.start)}; the table below has the values`} height=${220}
            data=${this.data} series=${series} scales=${{ price: null }} axes=${[{ scale: 'price', side: 3, digits: 3 }]} now=${moment / 1000}
            onCursor=${(i) => i !== this.state.cursor && this.setState({ cursor: i })}/>`}
        <details><summary>Prices as a table</summary><${Table} caption="Prices of the day" head=${[['From'], ['To'], ['Price', 'n']]}>
          ${merged(slots).map((s) => html`<tr key=${s.start}><td>${hour(s.start)}</td><td>${hour(s.end)}</td><td class="n">${unitPrice(s.price, s.per)}</td></tr>`)}<//></details>
      </section>`;
  }
}

/** Neighbours of one price as one. */
function merged(slots) {
  const all = [];
  for (const s of slots) {
    const last = all.at(-1);
    if (last && last.price.value === s.price.value && last.end === s.start) last.end = s.end; else all.push({ ...s });
  }
  return all;
}

const partWord = { ENERGY: 'energy', TIME: 'time', PARKING_TIME: 'parking', FLAT: 'start fee' };

function Estimates() {
  const rows = items(ESTIMATES);
  if (rows.length === 0) return null;
  return html`
    <section class="card" aria-labelledby="visit"><h2 id="visit">What a visit costs now</h2>
      <${Table} caption="What a visit costs now" head=${[['Energy'], ['Station', 'wide'], ['Of which', 'wide'], ['Without VAT', 'n wide'], ['In all', 'n']]}>
        ${rows.map((e, i) => html`<tr key=${i}><td>${e.unit && e.unit !== 'mWh' ? quantity(e.quantity, e.unit) : roundEnergy(e.energy_wh)}</td><td class="wide">${e.evse}</td>
          <td class="wide soft">${e.components.map((c) => `${partWord[c.type] ?? c.type} ${money({ value: c.incl_vat ?? c.excl_vat, currency: e.currency })}`).join(' + ')}</td>
          <td class="n wide">${e.total.excl_vat ? money({ value: e.total.excl_vat, currency: e.currency }) : '–'}</td>
          <td class="n"><strong>${money({ value: e.total.incl_vat ?? e.total.excl_vat, currency: e.currency })}</strong></td></tr>`)}<//>
      <p class="soft">Started now, at full power, leaving at once.</p>
    </section>`;
}

/** The sentences that describe a tariff: its numbered lines as a list. */
function Tariff({ tariff }) {
  const lines = tariff.words.trim().split('\n'), steps = lines.filter((l) => /^\d+\. /.test(l)), rest = lines.filter((l) => !/^\d+\. /.test(l));
  return html`
    <section class="card tariff" aria-label=${`Tariff ${tariff.id}`}><h2>Tariff ${tariff.id}</h2>
      ${rest.slice(0, 2).map((line) => html`<p>${line}</p>`)}
      <ol>${steps.map((line) => html`<li>${line.replace(/^\d+\. /, '')}</li>`)}</ol>
      ${rest.slice(2).map((line) => html`<p class="soft">${line}</p>`)}
      <p class="soft">Times of day are those of ${tariff.time_zone}.</p>
      <details><summary>As the operator wrote it (OCPI)</summary><pre tabindex="0" role="region" aria-label="OCPI tariff">${JSON.stringify(tariff.ocpi, null, 2)}</pre></details>
    </section>`;
}
