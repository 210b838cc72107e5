// The part of the ledger's graph that is drawn: at most so many vertices, each with its place. Columns follow the order of
// the log, so time goes to the right; rows keep a vertex near its parents and off its neighbours.

export const VERTICES_MAX = 2000;
const ROWS = 5;     // above and below the middle
const APART = 3;    // columns in which two vertices do not share a row

export class Graph {
  constructor(most = VERTICES_MAX) {
    this.most = most;
    this.nodes = new Map();    // id -> node
    this.order = [];           // nodes by column
    this.children = new Map(); // id -> Set of ids, of parents that are not here too
    this.final = 0;            // height up to which all is final
    this.unordered = false;
    this.rows = 2;             // that are taken, above or below the middle
  }

  /** Takes a vertex of the API, new or changed. Call settle() after the last of several. */
  put(v) {
    let node = this.nodes.get(v.id);
    if (!node) {
      node = { id: v.id, row: null, column: 0 };
      this.nodes.set(v.id, node);
      for (const parent of v.parents) this.#childrenOf(parent).add(v.id);
      this.order.push(node);
      this.unordered = true;
    }
    if (node.height !== v.height || node.state !== v.state) this.unordered = true;
    Object.assign(node, {
      kind: v.kind, issuer: v.issuer ?? '', parents: v.parents, payload: v.payload, height: v.height, time: v.time, verdict: v.verdict,
      channels: v.channels ?? [], state: v.state === 'accepted' && v.height <= this.final ? 'final' : v.state,
    });
    return node;
  }

  #childrenOf(id) {
    if (!this.children.has(id)) this.children.set(id, new Set());
    return this.children.get(id);
  }

  /** A certified checkpoint covers the log up to a height. */
  finalise(height) {
    if (height <= this.final) return;
    this.final = height;
    for (const node of this.order) if (node.state === 'accepted' && node.height <= height) node.state = 'final';
  }

  /** Gives everything its place, and drops the oldest where there are too many. */
  settle() {
    if (!this.unordered) return;
    this.unordered = false;
    // What is pending has no height yet: it comes after all that has.
    this.order.sort((a, b) => (a.state === 'pending') - (b.state === 'pending') || a.height - b.height);
    while (this.order.length > this.most) this.#drop(this.order.shift());
    const recent = [];
    this.order.forEach((node, column) => {
      node.column = column;
      node.row ??= this.#rowFor(node, recent);
      this.rows = Math.max(this.rows, Math.abs(node.row));
      recent.push(node.row);
      if (recent.length > APART) recent.shift();
    });
  }

  /** The free row nearest to the parents. */
  #rowFor(node, taken) {
    const parents = node.parents.map((id) => this.nodes.get(id)?.row).filter((row) => row !== null && row !== undefined);
    const middle = parents.length ? parents.reduce((a, b) => a + b, 0) / parents.length : 0;
    const side = parseInt(node.id.slice(0, 2), 16) % 2 ? 1 : -1; // ties fall by id, so that a picture is always the same
    let best = 0, least = Infinity;
    for (let row = -ROWS; row <= ROWS; row++) {
      if (taken.includes(row)) continue;
      const far = Math.abs(row - middle) * 0.6 + Math.abs(row) * 0.5 + (row * side < 0 ? 0.1 : 0);
      if (far < least) [best, least] = [row, far];
    }
    return best;
  }

  #drop(node) {
    this.nodes.delete(node.id);
    for (const parent of node.parents) {
      const children = this.children.get(parent);
      children?.delete(node.id);
      if (children?.size === 0) this.children.delete(parent);
    }
  }

  ancestors(id) { return this.#walk(id, (at) => this.nodes.get(at)?.parents ?? []); }

  descendants(id) { return this.#walk(id, (at) => this.children.get(at) ?? []); }

  #walk(id, next) {
    const seen = new Set(), open = [id];
    while (open.length) {
      for (const one of next(open.pop())) {
        if (!seen.has(one) && this.nodes.has(one)) { seen.add(one); open.push(one); }
      }
    }
    return seen;
  }

  /** Vertices whose id or payload begins so, or whose issuer or channel does. */
  search(text) {
    const wanted = text.trim();
    if (wanted.length < 3) return [];
    const key = wanted.slice(wanted.lastIndexOf(':') + 1);
    return this.order.filter((n) => n.id.startsWith(key) || n.payload.startsWith(key) || n.channels.some((c) => c.startsWith(key))
      || (n.issuer && (n.issuer === wanted || n.issuer.slice(n.issuer.lastIndexOf(':') + 1).startsWith(key))));
  }
}
