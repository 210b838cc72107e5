// Now: the stations, and the sessions that run, as they run.
import { html } from './html.js';
import { known, items, serves } from './store.js';
import { Bar, Empty, Figure, Id, Money, State, Table, flow, instead, paid, stateWord, under } from './parts.js';
import { duration, energy, hour, moment, nano, number, perOf, plural, power, quantity, roundEnergy, sum, unitPrice, money, short, words } from './format.js';

export const title = 'Now';

const SESSIONS = '/v1/sessions?limit=25';
const STATIONS = '/v1/stations?limit=100';

export const needs = () => [serves('sessions') && SESSIONS, serves('stations') && STATIONS];

export function View() {
  const sessions = items(SESSIONS), stations = items(STATIONS);
  const running = sessions.filter(under), past = sessions.filter((s) => !under(s));
  return html`
    ${known(SESSIONS).problem?.locked || !serves('sessions') ? html`<p class="headline flow"><strong>${stations.filter((s) => !s.free).length}</strong> of ${plural(stations.length, 'station')} busy</p>`
    : html`<${Flow} running=${running} stations=${stations}/>`}
    ${serves('stations') && (instead(known(STATIONS), 'Stations', html`<${Empty} title="No station has said anything yet">
        A charger makes itself known as soon as it runs: <code>chargepoint run</code>.<//>`)
      ?? html`<h2 class="unseen">Stations</h2><ul class="cards" aria-label="Stations">${stations.map((station) => html`<li key=${station.did + station.evse}>
        <${Station} station=${station} session=${running.find((s) => s.station === station.did && (!s.evse || s.evse === station.evse))}/></li>`)}</ul>`)}
    ${running.filter((s) => !stations.some((t) => t.did === s.station)).map((s) => html`<${Station} key=${s.id} session=${s}/>`)}
    ${serves('sessions') && html`<section class="card" aria-labelledby="past"><h2 id="past">Latest sessions</h2>
      ${instead({ ...known(SESSIONS), data: known(SESSIONS).data && { items: past } }, 'Sessions', html`<p class="soft">
        None has ended yet. ${running.length ? 'The one that runs will be here when it ends.' : html`Plug in: <code>vehicle charge</code>.`}</p>`)
        ?? html`<${Past} sessions=${past}/>`}</section>`}`;
}

/** All that flows now, and what it is worth. */
function Flow({ running, stations }) {
  const watts = running.reduce((all, s) => all + Number(s.power_w ?? 0), 0);
  const most = stations.reduce((all, s) => all + Number(s.max_power_w ?? 0), 0);
  const currency = running[0]?.currency;
  const risk = currency && { value: sum(running.map((s) => s.at_risk?.value)), currency };
  const amount = currency && { value: sum(running.map((s) => s.amount.value)), currency };
  return html`
    <section class="flow" aria-label="All stations together">
      <p class="headline">${running.length ? html`<strong>${power(Math.abs(watts))}</strong> ${watts < 0 ? 'flow back' : 'flow'}, paid as they flow`
    : html`<strong>Quiet.</strong> Nothing flows now`}</p>
      ${most > 0 && html`<${Bar} label="Power of all stations" value=${Math.abs(watts) / most} text=${`${power(watts)} of ${power(most)}`} live=${running.length > 0}/>`}
      <dl class="figures">
        <${Figure} label="Sessions" value=${running.length} note=${`${plural(stations.length, 'station')}`}/>
        <${Figure} label="Paid so far" value=${amount ? money(amount) : '–'}/>
        <${Figure} label="At risk" value=${risk ? money(risk) : '–'} note="delivered, not claimed yet" tone=${risk && nano(risk.value) > 0n ? 'risk' : ''}/>
      </dl>
    </section>`;
}

const unitOf = { charging: 'mWh', parking: 's' };

function Station({ station, session }) {
  const name = session?.evse || station?.evse || short(session?.station ?? station?.did);
  const per = perOf(session?.unit ?? unitOf[station.service] ?? 'count');
  const price = session?.unit_price ?? station?.unit_price;
  return html`
    <article class=${`card station ${session ? 'busy' : ''}`} aria-label=${`Station ${name}`}>
      <header><h3>${name}</h3>${session ? html`<${State} of=${session.state} text=${stateWord(session)}/>`
    : html`<${State} of=${station.free ? 'free' : 'busy'} text=${station.free ? 'Free' : 'Busy'}/>`}</header>
      ${session ? html`<${Running} session=${session} most=${station?.max_power_w}/>`
    : html`<p class="quiet">${station.free && station.max_power_w && html`<strong>${power(station.max_power_w)}</strong> ready`}</p>`}
      <dl class="figures">
        <${Figure} label="Price now" value=${unitPrice(price, per)}/>
        ${session ? html`
          ${session.unit === 'mWh' && html`<${Figure} label="Energy" value=${quantity(session.quantity, session.unit)}
            note=${session.returned_wh && `${energy(session.returned_wh)} returned`}/>`}
          <${Figure} label=${paid(session).word} value=${html`<b class="amount">${money(paid(session).of, 4)}</b>`} note=${plural(session.claims, 'signed claim')}/>
          <${Figure} label="At risk" value=${session.at_risk ? money(session.at_risk, 4) : money({ value: '0', currency: session.currency })} tone=${session.at_risk ? 'risk' : ''}/>`
    : (station.estimates ?? []).map((e) => html`<${Figure} label=${e.unit === 'mWh' ? roundEnergy(e.quantity / 1000) : quantity(e.quantity, e.unit)} value=${money(e.amount)}/>`)}
      </dl>
      <footer>${session ? html`<a href=${`#/session/${session.id}`} aria-label=${`Session at ${name}`}>Session</a><span class="soft">vehicle <${Id} value=${session.vehicle} label="Copy the vehicle's DID"/></span>`
    : html`<a href="#/prices" aria-label=${`Prices at ${name}`}>Prices</a>`}
        ${station && html`<span class="soft">station <${Id} value=${station.did} label="Copy the station's DID"/></span>`}</footer>
    </article>`;
}

function Running({ session, most }) {
  const soc = session.soc_percent;
  const share = most > 0 ? Math.abs(Number(session.power_w ?? 0)) / Number(most) : 0;
  return html`
    <p class="power">${session.power_w !== undefined ? flow(session.power_w) : html`<strong>${quantity(session.quantity, session.unit)}</strong>`}
      ${session.reason && html`<span class="soft">${words(session.reason)}</span>`}</p>
    ${soc !== undefined ? html`<${Bar} label="State of charge" value=${soc / 100} text=${`${number(soc)} %`} tone=${Number(session.power_w) < 0 ? 'soc back' : 'soc'} live=${session.state === 'running'}/>
        <p class="under"><span>${number(soc)} %</span><span>${session.at ? duration(Date.parse(session.at) - Date.parse(session.start)) : ''}</span></p>`
    : session.power_w !== undefined && html`<${Bar} label="Power" value=${share} text=${power(session.power_w)} live=${session.state === 'running'}/>`}`;
}

function Past({ sessions }) {
  return html`<${Table} caption="Latest sessions" head=${[['Session'], ['Begun', 'wide'], ['Lasted', 'wide n'], ['Quantity', 'n'], ['Paid', 'n'], ['State']]}>
    ${sessions.map((s) => html`<tr key=${s.id}>
      <td><a href=${`#/session/${s.id}`}>${s.evse || short(s.id)}</a><small class="narrow">${hour(s.start)}</small></td>
      <td class="wide">${moment(s.start)}</td>
      <td class="wide n">${s.end ? duration(Date.parse(s.end) - Date.parse(s.start)) : '–'}</td>
      <td class="n">${quantity(s.quantity, s.unit)}</td>
      <td class="n"><${Money} of=${s.amount}/></td>
      <td><${State} of=${s.state} text=${stateWord(s)}/></td></tr>`)}<//>`;
}
