// Session: one visit from plugging in to the receipt.
import { html, Component } from './html.js';
import { items, known, need, on, say, serves } from './store.js';
import { Bar, Empty, Figure, Id, State, Table, Trouble, flow, instead, paid, stateWord, under } from './parts.js';
import { duration, energy, money, moment, number, perOf, plural, power, quantity, short, time, unitPrice, words } from './format.js';
import { Panel, Legend } from './chart.js';
import { ask, read, readAll } from './server.js';
import { Trace, isPause } from './trace.js';

export const title = 'Session';

const LATEST = '/v1/sessions?limit=25';
const READINGS_AT_ONCE = 20_000; // of a session that is opened late: a week at one in thirty seconds
const READ_EVERY = 2_000;        // ms between two looks for new readings while a session runs
const ROWS_MAX = 60;             // of the table beside the chart

export const needs = ({ id }) => {
  const session = id && known(`/v1/sessions/${id}`).data;
  return [!id && LATEST, id && `/v1/sessions/${id}`, session?.channel && serves('claims') && `/v1/channels/${session.channel}/claims`,
    session?.channel && serves('settlements') && `/v1/settlements?limit=20&channel=${session.channel}`,
    session && !under(session) && `/v1/receipts/${id}`];
};

export function View({ route }) {
  if (!serves('sessions')) return html`<${Empty} title="No sessions here">This process serves no sessions: a charger does, at <code>chargepoint run</code>.<//>`;
  if (!route.id) return html`<${Latest}/>`;
  const answer = known(`/v1/sessions/${route.id}`);
  return instead(answer, 'Sessions') ?? html`<${Session} key=${route.id} session=${answer.data} route=${route}/>`;
}

/** Without an id it is the newest session. */
function Latest() {
  const answer = known(LATEST), first = items(LATEST)[0];
  if (first) {
    location.replace(`#/session/${first.id}`);
    return null;
  }
  return instead(answer, 'Sessions', html`<${Empty} title="No session yet">Plug in, and it is here as it happens: <code>vehicle charge</code>.<//>`);
}

class Session extends Component {
  trace = new Trace();

  componentDidMount() {
    this.stop = on('session', (s) => { if (s.id === this.props.session.id && !under(s)) say(`Session ended: ${money(s.amount)} paid.`); });
    this.turn();
  }

  componentWillUnmount() {
    this.stop();
    this.gone = true;
    clearTimeout(this.timer);
  }

  /** Reads the readings that are new, as long as there may be more. */
  turn = async () => {
    const { session } = this.props;
    try {
      const after = this.trace.last >= 0 ? `?after=${this.trace.last}` : '';
      const { items: more } = await readAll(`/v1/sessions/${session.id}/readings${after}`, READINGS_AT_ONCE);
      if (this.gone) return;
      this.trace.add(more);
      this.setState({ drawn: columns(this.trace), problem: null });
    } catch (problem) {
      if (this.gone) return;
      this.setState({ problem });
    }
    const { session: then } = this.props;
    if (under(then) || this.ended !== true) {
      this.ended = !under(then);
      this.timer = setTimeout(this.turn, READ_EVERY);
    }
  };

  componentDidUpdate(before) {
    if (under(before.session) !== under(this.props.session) || before.session.channel !== this.props.session.channel) need(needs(this.props.route));
  }

  render({ session, route }, { drawn, problem, cursor }) {
    const receipt = known(`/v1/receipts/${route.id}`);
    return html`
      <${Head} session=${session}/>
      <section class="card" aria-labelledby="course"><h2 id="course">Course</h2>
        ${this.trace.empty ? problem ? html`<${Trouble} problem=${problem}/>` : html`<p class="loading" role="status">Waiting for the first reading…</p>`
    : html`<${Course} session=${session} drawn=${drawn} trace=${this.trace} cursor=${cursor} onCursor=${(at) => at !== this.state.cursor && this.setState({ cursor: at })}/>`}
      </section>
      <div class="columns"><${Claims} session=${session}/><div><${Cost} session=${session} receipt=${receipt.data}/><${Receipt} session=${session} answer=${receipt}/></div></div>`;
  }
}

function Head({ session: s }) {
  const end = s.end ?? s.at;
  return html`
    <section class="card session-head" aria-label="Session">
      <header><h2>${s.evse || short(s.station)}</h2><${State} of=${s.state} text=${stateWord(s)}/></header>
      ${s.reason && html`<p class="soft">${words(s.reason)}</p>`}
      ${s.soc_percent !== undefined && html`<${Bar} label="State of charge" value=${s.soc_percent / 100} text=${`${number(s.soc_percent)} %`} tone=${Number(s.power_w) < 0 ? 'soc back' : 'soc'} live=${s.state === 'running'}/>
        <p class="under"><span>${number(s.soc_percent)} %</span>${under(s) && s.power_w !== undefined && html`<span>${flow(s.power_w)}</span>`}</p>`}
      <dl class="figures">
        <${Figure} label=${paid(s).word} value=${html`<b class="amount">${money(paid(s).of, 4)}</b>`} note=${plural(s.claims, 'signed claim')}/>
        <${Figure} label=${s.unit === 'mWh' ? 'Energy' : s.unit === 's' ? 'Time' : 'Count'} value=${quantity(s.quantity, s.unit)} note=${s.returned_wh && `${energy(s.returned_wh)} returned`}/>
        <${Figure} label="Lasted" value=${end ? duration(Date.parse(end) - Date.parse(s.start)) : '–'} note=${moment(s.start)}/>
        ${under(s) ? html`<${Figure} label="At risk" value=${money(s.at_risk ?? { value: '0', currency: s.currency }, 4)} tone=${s.at_risk ? 'risk' : ''} note="delivered, not claimed yet"/>`
    : html`<${Figure} label="On the ledger" value=${plural(s.ledger_vertices, 'vertex', 'vertices')} note=${s.settlement && html`<a href=${`#/ledger/${s.settlement}`}>settled here</a>`}/>`}
      </dl>
      <p class="ids"><span>vehicle <${Id} value=${s.vehicle} label="Copy the vehicle's DID"/></span><span>station <${Id} value=${s.station} label="Copy the station's DID"/></span>
        <span>session <${Id} value=${s.id} label="Copy the session's id"/></span></p>
    </section>`;
}

/** Columns for the chart: power in kW, state of charge in %, price. */
function columns(trace) {
  const points = trace.all();
  const of = (f) => points.map(f);
  return {
    points, bands: trace.pauses.map((band) => [...band]), t: of((p) => p.t), power: of((p) => (p.power === null ? null : p.power / 1000)), soc: of((p) => p.soc),
    price: of((p) => p.price), quantity: of((p) => p.quantity), main: null,
  };
}

const upper = [{ label: 'Power', colour: 'energy', scale: 'kw', fill: true }, { label: 'State of charge', colour: 'soc', scale: 'soc' }];
const counted = [{ label: 'Quantity', colour: 'energy', scale: 'n', fill: true }];
const lower = [{ label: 'Price', colour: 'price', scale: 'price', step: true }];

function Course({ session, drawn, trace, cursor, onCursor }) {
  const metered = session.unit === 'mWh', per = perOf(session.unit);
  const at = drawn.points[cursor ?? drawn.points.length - 1];
  // The panels compare data by identity: one array for one set of points.
  drawn.main ??= metered ? [drawn.t, drawn.power, drawn.soc] : [drawn.t, drawn.quantity];
  drawn.prices ??= [drawn.t, drawn.price];
  const hasPrice = drawn.price.some((p) => p !== null);
  const priced = cursor === undefined || cursor === null ? drawn.points.findLast((p) => p.price !== null) : at;
  const price = priced?.price === null || priced?.price === undefined ? '–' : unitPrice({ value: String(priced.price), currency: session.currency }, per);
  const values = metered ? [at?.power === null ? '–' : power(at?.power ?? 0), at?.soc === null ? '–' : `${number(at?.soc ?? 0)} %`] : [quantity(at?.quantity ?? 0, session.unit)];
  const first = drawn.points[0], last = drawn.points.at(-1);
  return html`
    <div class="legends"><${Legend} series=${metered ? upper : counted} values=${values}/>${hasPrice && html`<${Legend} series=${lower} values=${[price]}/>`}
      ${trace.pauses.length > 0 && html`<ul class="legend"><li><i class="key pause" aria-hidden="true"></i>Pause</li></ul>`}<span class="soft at">${time(at.t * 1000)}</span></div>
    <${Panel} label=${`${metered ? 'Power and state of charge' : 'Quantity'} from ${time(first.t * 1000)} to ${time(last.t * 1000)}; the table below has the values`} height=${220} sync="session"
      data=${drawn.main} bands=${drawn.bands} onCursor=${onCursor}
      series=${metered ? upper : counted} scales=${metered ? { kw: [0, null], soc: [0, 100] } : { n: [0, null] }}
      axes=${metered ? [{ scale: 'kw', side: 3, unit: ' kW' }, { scale: 'soc', side: 1, unit: ' %' }] : [{ scale: 'n', side: 3 }]}/>
    ${hasPrice && html`<${Panel} label=${`Price of one ${per} over the same time`} height=${120} sync="session" data=${drawn.prices} bands=${drawn.bands} onCursor=${onCursor}
      series=${lower} scales=${{ price: null }} axes=${[{ scale: 'price', side: 3, digits: 4 }, { scale: 'price', side: 1, digits: 4 }]}/>`}
    <details><summary>Readings as a table</summary><${Readings} session=${session} points=${drawn.points}/></details>`;
}

/** The readings that a chart shows, evenly thinned to what somebody can read. */
function Readings({ session, points }) {
  const every = Math.ceil(points.length / ROWS_MAX), metered = session.unit === 'mWh';
  const rows = points.filter((_, i) => i % every === 0 || i === points.length - 1);
  const head = [['Time'], ['State', 'wide'], ['Quantity', 'n'], ...(metered ? [['Power', 'n'], ['SoC', 'n']] : []), ['Cost', 'n'], ['Claimed', 'wide']];
  return html`<${Table} caption="Readings" head=${head}>${rows.map((p) => html`<tr key=${p.sequence}>
    <td>${time(p.t * 1000)}</td><td class="wide">${isPause(p) ? 'Paused' : words(p.state)}</td><td class="n">${quantity(p.quantity, session.unit)}</td>
    ${metered && html`<td class="n">${p.power === null ? '–' : power(p.power)}</td><td class="n">${p.soc === null ? '–' : `${number(p.soc)} %`}</td>`}
    <td class="n">${money({ value: p.amount, currency: session.currency }, 4)}</td><td class="wide">${p.claimed ? 'yes' : 'not yet'}</td></tr>`)}<//>`;
}

function Claims({ session }) {
  const path = `/v1/channels/${session.channel}/claims`;
  const settlements = items(`/v1/settlements?limit=20&channel=${session.channel}`);
  return html`
    <section class="card" aria-labelledby="claims"><h2 id="claims">Claims</h2>
      <p>${session.claims === 0 ? 'None is signed yet.' : html`<strong>${plural(session.claims, 'claim')}</strong> signed in this session, between the two machines alone.`}</p>
      ${items(path).map((c) => html`<div class="lane" key=${c.lane}><h3>${c.lane === 0 ? 'Vehicle pays' : 'Station pays back'}</h3>
        <dl class="figures"><${Figure} label="Best claim of the channel" value=${money(c.amount, 4)}/><${Figure} label="Sequence" value=${number(c.sequence)}/></dl></div>`)}
      ${settlements.length > 0 && html`<h3>The channel on the ledger</h3><ul class="plain">${settlements.map((s) => html`<li key=${s.vertex}>
        <a href=${`#/ledger/${s.vertex}`}>${words(s.kind)}</a> <${State} of=${s.final ? 'final' : 'accepted'}/><span class="soft">${time(s.time)}</span></li>`)}</ul>`}
      ${session.channel && html`<p class="soft">channel <${Id} value=${session.channel} label="Copy the channel's id"/></p>`}
    </section>`;
}

const partWord = { ENERGY: 'Energy', TIME: 'Time', PARKING_TIME: 'Parking without charging', FLAT: 'Start fee', FEE: 'Fee' };

/** The exact lines of the receipt once there is one; until then the totals. */
function Cost({ session, receipt }) {
  const cost = receipt?.summary.cost, currency = session.currency;
  const value = (text) => money({ value: text, currency }, 4);
  return html`
    <section class="card" aria-labelledby="cost"><h2 id="cost">Cost</h2>
      ${cost ? html`<${Table} caption="Cost by component" head=${[['Part'], ['Quantity', 'n'], ['Price', 'n'], ['VAT', 'n wide'], ['Sum', 'n']]}>
          ${cost.components.map((line, i) => html`<tr key=${i}><td>${partWord[line.type] ?? words(line.type)}</td><td class="n">${number(line.volume, 3, 0)} ${volumeUnit(line.type)}</td>
            <td class="n">${unitPrice({ value: line.price, currency })}</td><td class="n wide">${line.vat === null ? '–' : `${number(line.vat, 1, 0)} %`}</td>
            <td class="n">${value(line.excl_vat ?? line.incl_vat)}</td></tr>`)}<//>` : ''}
      <dl class="sums">
        ${(cost?.total_cost.excl_vat ?? session.cost?.excl_vat) && html`<div><dt>Without VAT</dt><dd>${value(cost?.total_cost.excl_vat ?? session.cost.excl_vat)}</dd></div>`}
        ${(cost?.total_cost.incl_vat ?? session.cost?.incl_vat) && html`<div><dt>VAT included</dt><dd>${value(cost?.total_cost.incl_vat ?? session.cost.incl_vat)}</dd></div>`}
        <div class="total"><dt>${paid(session).word}</dt><dd>${money(paid(session).of, 4)}</dd></div>
        ${receipt && Number(receipt.summary.unpaid.value) !== 0 && html`<div class="risk"><dt>Unpaid</dt><dd>${money(receipt.summary.unpaid, 4)}</dd></div>`}
      </dl>
      ${!cost && html`<p class="soft">The lines are in the receipt, once the session has settled.</p>`}
      ${session.tariff && html`<p class="soft">tariff <a href="#/prices">${session.tariff}</a></p>`}
    </section>`;
}

const volumeUnit = (type) => ({ ENERGY: 'kWh', TIME: 'h', PARKING_TIME: 'h' })[type] ?? '';

/** Saves the receipt byte for byte, and says how anybody checks it. */
class Receipt extends Component {
  save = async () => {
    const { session } = this.props;
    try {
      const response = await ask(`/v1/receipts/${session.id}`);
      const link = document.createElement('a');
      link.href = URL.createObjectURL(await response.blob());
      link.download = `receipt-${session.id}.json`;
      link.click();
      setTimeout(() => URL.revokeObjectURL(link.href), 10_000);
      this.setState({ problem: null });
    } catch (problem) {
      this.setState({ problem });
    }
  };

  verify = async () => {
    this.setState({ checking: true, problem: null });
    try {
      this.setState({ report: await read(`/v1/receipts/${this.props.session.id}/report`), checking: false });
    } catch (problem) {
      this.setState({ problem, checking: false });
    }
  };

  render({ session, answer }, { problem, report, checking }) {
    const file = `receipt-${session.id}.json`;
    return html`
      <section class="card" aria-labelledby="receipt"><h2 id="receipt">Receipt</h2>
        ${under(session) ? html`<p class="soft">There is one as soon as the session has settled.</p>`
    : !answer.data ? html`<p class="soft">${answer.problem ? answer.problem.detail || answer.problem.title : 'Reading…'}</p>` : html`
          <p>The whole proof of this visit in one file: what was metered, agreed, signed and settled. Anybody can check it, without this server.</p>
          <p class="row"><button type="button" class="primary" onClick=${this.save}>Download</button><button type="button" onClick=${this.verify} disabled=${checking}>${checking ? 'Verifying…' : 'Verify'}</button></p>
          ${report && html`<${Report} report=${report}/>`}
          <p class="soft">On your own machine: <code>vehicle verify ${file}</code></p>`}
        ${problem && html`<${Trouble} problem=${problem}/>`}
      </section>`;
  }
}

const verdict = (r) => (!r.verified ? 'It does not hold' : r.settled ? 'Verified: settled and final' : r.final ? 'Verified: final, not all is paid' : 'Verified, not final yet');

const Report = ({ report }) => html`
  <div class="report" role="status"><p><${State} of=${!report.verified ? 'refused' : report.settled ? 'final' : 'pending'} text=${verdict(report)}/></p>
    ${report.failure && html`<p class="denied">${report.failure}</p>`}
    <ul>${report.checks.map((line) => html`<li>${line}</li>`)}</ul>
    ${report.stated.length > 0 && html`<p class="soft">Stated by the issuer, and not proven: ${report.stated.join('; ')}.</p>`}
    <p class="soft">This server checked it. Whoever does not trust it checks the file.</p></div>`;
