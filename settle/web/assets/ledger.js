// Ledger: the graph of vertices as it grows and turns final.
import { html, Component } from './html.js';
import { on, say, state } from './store.js';
import { Empty, Figure, Id, State, Table, Trouble } from './parts.js';
import { moment, number, plural, time, words } from './format.js';
import { Graph, VERTICES_MAX } from './graph.js';
import { Canvas } from './canvas.js';
import { read, readAll } from './server.js';

export const title = 'Ledger';

export const needs = () => [];

const FIRST = 400;       // vertices at the first look
const ROWS_MAX = 50;     // of the table
const RESULTS_MAX = 8;
const AGAIN = 15_000;    // ms after which the newest are read all the same, where events say nothing
const waiting = { most: VERTICES_MAX }; // events that are held while paused

export const View = ({ route }) => html`<${Explorer} id=${route.id}/>`;

class Explorer extends Component {
  graph = new Graph();
  held = new Map();        // vertices that came while paused, by id
  heldFinal = 0;
  state = { paused: false, follows: true, results: null, query: '', whole: false };

  componentDidMount() {
    const off = [on('vertex', (v) => this.take([v])), on('checkpoint', (c) => c.final && this.finalise(c.height)),
      on('gap', () => this.load(FIRST))];
    this.stop = () => off.forEach((end) => end());
    this.timer = setInterval(() => state.link.state !== 'live' && this.load(100), AGAIN);
    this.load(FIRST).then(() => this.props.id && this.show(this.props.id));
  }

  componentWillUnmount() {
    this.gone = true;
    this.stop();
    clearInterval(this.timer);
    this.canvas?.destroy();
  }

  componentDidUpdate(before) {
    if (before.id !== this.props.id) this.show(this.props.id);
    if (this.link !== state.link.state && state.link.state === 'live' && this.link === 'waiting') this.load(FIRST);
    this.link = state.link.state;
  }

  /** Reads the newest vertices: the graph takes what it does not have. */
  async load(most) {
    try {
      const { items, more } = await readAll('/v1/vertices', most);
      if (this.gone) return;
      const network = state.network;
      if (network?.final) this.graph.finalise(network.final.height);
      this.take(items);
      this.setState({ problem: null, loaded: true, whole: !more || this.state.whole });
    } catch (problem) {
      if (!this.gone) this.setState({ problem });
    }
  }

  more = async () => {
    await this.load(VERTICES_MAX);
    this.setState({ whole: true });
    this.canvas?.fit();
  };

  take(vertices) {
    if (this.state.paused) {
      for (const v of vertices) if (this.held.size < waiting.most || this.held.has(v.id)) this.held.set(v.id, v);
      this.setState({});
      return;
    }
    const fresh = vertices.filter((v) => !this.graph.nodes.has(v.id)).map((v) => v.id);
    for (const v of vertices) this.graph.put(v);
    this.graph.settle();
    this.canvas?.grown(this.state.loaded ? fresh : []);
    this.setState({});
  }

  finalise(height) {
    if (this.state.paused) { this.heldFinal = Math.max(this.heldFinal, height); return; }
    this.graph.finalise(height);
    this.canvas?.grown();
    this.setState({});
  }

  pause = () => {
    const paused = !this.state.paused;
    this.setState({ paused }, () => {
      if (paused) return;
      const held = [...this.held.values()];
      this.held.clear();
      this.take(held);
      this.finalise(this.heldFinal);
      if (held.length >= waiting.most) this.load(VERTICES_MAX);
    });
    say(paused ? 'Paused.' : 'Goes on.');
  };

  /** Selects a vertex; one that is not drawn is read, and shown beside the graph. */
  async show(id) {
    this.canvas?.select(this.graph.nodes.has(id) ? id : '');
    if (!id) { this.setState({ vertex: null, absent: null }); return; }
    const node = this.graph.nodes.get(id);
    if (node && this.canvas && (this.canvas.x(node.column) < 30 || this.canvas.x(node.column) > this.canvas.width - 30)) this.canvas.centre(node);
    try {
      const vertex = await read(`/v1/vertices/${encodeURIComponent(id)}`);
      if (!this.gone && this.props.id === id) this.setState({ vertex, absent: null });
    } catch (absent) {
      if (!this.gone && this.props.id === id) this.setState({ vertex: null, absent });
    }
  }

  search = async (e) => {
    e.preventDefault();
    const query = new FormData(e.target).get('query').trim();
    if (!query) { this.canvas?.mark([]); this.setState({ results: null }); return; }
    let found = this.graph.search(query), problem = null;
    if (found.length === 0) {
      try {
        if (/^[0-9a-f]{64}$/.test(query)) found = [await read(`/v1/vertices/${query}`)];
        else if (query.startsWith('did:')) found = (await readAll(`/v1/vertices?party=${encodeURIComponent(query)}`, 100)).items;
      } catch (error) {
        problem = error.kind === 'not-found' ? null : error;
      }
    }
    this.canvas?.mark(found.map((v) => v.id));
    this.setState({ results: found, searchProblem: problem, query });
    say(found.length ? `${plural(found.length, 'vertex', 'vertices')} found.` : 'Nothing found.');
    if (found.length === 1) location.hash = `#/ledger/${found[0].id}`;
  };

  /** The same by keyboard: along time, to parents and children, zoom, pause. */
  keys = (e) => {
    const { order, nodes, children } = this.graph, node = nodes.get(this.props.id);
    const first = (ids) => [...ids].map((id) => nodes.get(id)).find(Boolean);
    const to = {
      ArrowLeft: () => (node ? order[node.column - 1] : order.at(-1)), ArrowRight: () => (node ? order[node.column + 1] : order.at(-1)),
      ArrowUp: () => node && first(node.parents), ArrowDown: () => node && first(children.get(node.id) ?? []), Home: () => order[0], End: () => order.at(-1),
    }[e.key];
    if (to) {
      e.preventDefault();
      const next = to();
      if (next) { location.replace(`#/ledger/${next.id}`); say(`${words(next.kind)}, ${next.state}, height ${next.height}.`); }
    } else if (e.key === '+' || e.key === '=') this.canvas.zoom(1.25);
    else if (e.key === '-') this.canvas.zoom(0.8);
    else if (e.key === ' ') { e.preventDefault(); this.pause(); }
    else if (e.key === 'Escape') location.replace('#/ledger');
  };

  attach = (element) => {
    this.canvas?.destroy();
    this.canvas = element && new Canvas(element, this.graph, {
      onSelect: (id) => { location.hash = id ? `#/ledger/${id}` : '#/ledger'; },
      onMove: () => this.setState({ follows: false }),
    });
    this.canvas?.select(this.props.id);
  };

  render({ id }, { paused, follows, problem, loaded, results, searchProblem, query, vertex, absent, whole }) {
    const { graph } = this, count = (of) => graph.order.reduce((n, v) => n + (v.state === of), 0);
    if (!loaded && problem) return html`<${Trouble} problem=${problem}/>`;
    if (!loaded) return html`<p class="loading" role="status">Reading…</p>`;
    if (graph.order.length === 0) return html`<${Empty} title="An empty ledger">The first vertex is its genesis.<//>`;
    return html`
      <section class="card explorer" aria-label="Graph of vertices">
        <div class="tools">
          <form role="search" onSubmit=${this.search}><label class="unseen" for="query">Find by id or DID</label>
            <input id="query" name="query" type="search" placeholder="Find by id or DID" autocomplete="off" spellcheck=${false}/><button>Find</button></form>
          <div class="row">
            <button type="button" onClick=${this.pause} aria-pressed=${paused}>${paused ? `Go on${this.held.size ? ` (${this.held.size})` : ''}` : 'Pause'}</button>
            <button type="button" class="square" aria-label="Zoom out" onClick=${() => this.canvas.zoom(0.8)}>−</button>
            <button type="button" class="square" aria-label="Zoom in" onClick=${() => this.canvas.zoom(1.25)}>+</button>
            <button type="button" onClick=${() => this.canvas.fit()}>All</button>
            <button type="button" disabled=${follows} onClick=${() => { this.canvas.home(); this.setState({ follows: true }); }}>Newest</button>
          </div>
        </div>
        <canvas ref=${this.attachOnce} tabindex="0" role="img" onKeyDown=${this.keys} aria-describedby="keys"
          aria-label=${`${plural(graph.order.length, 'vertex', 'vertices')}: ${count('final')} final, ${count('accepted')} accepted, ${count('pending')} pending, ${count('refused')} refused. The table below has the newest.`}></canvas>
        <p id="keys" class="unseen">Left and right go along time, up to a parent, down to a child, Home and End to the ends; plus and minus zoom, space pauses, Escape selects nothing.</p>
        <div class="graph-foot">
          <ul class="legend" aria-label="States">${['pending', 'accepted', 'final', 'refused'].map((of) => html`<li key=${of}><${State} of=${of}/> <b>${number(count(of))}</b></li>`)}</ul>
          ${id && html`<ul class="legend"><li><i class="key price" aria-hidden="true"></i>Ancestors <b>${this.canvas?.ancestors.size ?? 0}</b></li><li><i class="key soc" aria-hidden="true"></i>Descendants <b>${this.canvas?.descendants.size ?? 0}</b></li></ul>`}
          <span class="soft">${plural(graph.order.length, 'vertex', 'vertices')} of at most ${number(VERTICES_MAX)}${!whole && html` · <button type="button" class="text" onClick=${this.more}>read older ones</button>`}</span>
        </div>
        ${results && html`<${Results} query=${query} found=${results} problem=${searchProblem} onClose=${() => { this.canvas?.mark([]); this.setState({ results: null }); }}/>`}
      </section>
      ${id && html`<${Vertex} vertex=${vertex?.id === id ? vertex : graph.nodes.get(id)} node=${graph.nodes.get(id)} absent=${absent} graph=${graph} canvas=${this.canvas}/>`}
      <${Finality}/>
      <section class="card" aria-labelledby="newest"><details><summary id="newest">Newest vertices as a table</summary>
        <${Table} caption="Newest vertices" head=${[['Vertex'], ['Kind'], ['Height', 'n wide'], ['Time'], ['Issuer', 'wide'], ['State']]}>
          ${graph.order.slice(-ROWS_MAX).reverse().map((v) => html`<tr key=${v.id}><td><a href=${`#/ledger/${v.id}`}>${v.id.slice(0, 8)}…</a></td><td>${words(v.kind)}</td>
            <td class="n wide">${v.state === 'pending' ? '–' : number(v.height)}</td><td>${time(v.time)}</td><td class="wide"><${Id} value=${v.issuer} label="Copy the issuer's DID"/></td><td><${State} of=${v.state}/></td></tr>`)}<//></details></section>`;
  }

  // A new function each time would take the canvas away and make it anew.
  attachOnce = (element) => this.attach(element);
}

function Results({ query, found, problem, onClose }) {
  return html`<div class="results"><p><strong>${plural(found.length, 'vertex', 'vertices')}</strong> for <code>${query.length > 24 ? `${query.slice(0, 20)}…` : query}</code> <button type="button" class="text" onClick=${onClose}>clear</button></p>
    ${problem && html`<${Trouble} problem=${problem}/>`}
    ${found.length === 0 && html`<p class="soft">An id is 64 hexadecimal digits, its first few are enough for what is drawn; a DID begins with did:joule:.</p>`}
    <ul class="plain">${found.slice(-RESULTS_MAX).reverse().map((v) => html`<li key=${v.id}><a href=${`#/ledger/${v.id}`}>${words(v.kind)} ${v.id.slice(0, 8)}…</a><${State} of=${v.state}/><span class="soft">${time(v.time)}</span></li>`)}</ul></div>`;
}

function Vertex({ vertex: v, node, absent, graph, canvas }) {
  if (!v) return absent ? html`<${Trouble} problem=${absent}/>` : html`<p class="loading" role="status">Reading…</p>`;
  const link = (id) => html`<a href=${`#/ledger/${id}`}>${id.slice(0, 8)}…</a>`, state = node?.state ?? v.state;
  return html`
    <section class="card vertex" aria-labelledby="vertex"><header><h2 id="vertex">${words(v.kind)}</h2><${State} of=${state}/><a class="close" href="#/ledger" aria-label="Close the vertex">×</a></header>
      <dl class="figures"><${Figure} label="Height" value=${state === 'pending' ? '–' : number(v.height)}/><${Figure} label="Ledger time" value=${time(v.time)} note=${v.time && moment(v.time).split(',')[0]}/>
        <${Figure} label="Verdict" value=${v.verdict ? words(v.verdict) : '–'}/>
        ${node && html`<${Figure} label="Approved by" value=${number(canvas?.descendants.size ?? 0)} note="descendants that are drawn"/>`}</dl>
      <dl class="facts">
        <div><dt>Vertex</dt><dd><${Id} value=${v.id} label="Copy the vertex's id"/></dd></div>
        <div><dt>Payload</dt><dd><${Id} value=${v.payload} label="Copy the payload's id"/></dd></div>
        <div><dt>Signed by</dt><dd>${v.issuer ? html`<${Id} value=${v.issuer} label="Copy the issuer's DID"/>` : 'nobody: it is the genesis'}</dd></div>
        <div><dt>Parents</dt><dd>${v.parents.length ? v.parents.map((id) => html`${link(id)} `) : 'none'}</dd></div>
        <div><dt>Children</dt><dd>${[...(graph.children.get(v.id) ?? [])].map((id) => html`${link(id)} `)}${!graph.children.get(v.id)?.size && 'none yet'}</dd></div>
        ${v.channels?.length > 0 && html`<div><dt>Channels</dt><dd>${v.channels.map((id) => html`<${Id} value=${id} label="Copy the channel's id"/> `)}</dd></div>`}
      </dl>
      ${v.certified && html`<p class="soft">Its place and verdict are proven by a certificate of the witnesses, ${number(Math.round(v.certified.length * 0.75))} bytes: <code>ledger verify</code>.</p>`}
    </section>`;
}

function Finality() {
  const { network } = state;
  if (!network) return null;
  return html`
    <section class="card" aria-label="Finality"><dl class="figures">
      <${Figure} label="Log applied" value=${number(network.height)} note="entries"/>
      <${Figure} label="Final checkpoint" value=${network.final ? number(network.final.number) : '–'} note=${network.final ? time(network.final.time) : 'none yet'}/>
      <${Figure} label="Tips" value=${network.tips.length}/>
      <${Figure} label="Witnesses" value=${network.witnesses.length} note=${network.peers ? `${network.peers.filter((p) => p.reachable).length} others answer` : ''}/>
    </dl><p class="soft">${network.trust[0].toUpperCase() + network.trust.slice(1)}.</p>
    ${network.accused?.length > 0 && html`<${Trouble} problem=${{ title: 'A witness contradicted itself', detail: network.accused.join(', '), hint: 'Its votes prove it: tell the other operators.' }}/>`}</section>`;
}
