// Draws a graph on a canvas, and tells what is clicked. It draws when something changed or moves, and not otherwise.

const COLUMN = 44;            // px between two columns
const ROW_MIN = 24, ROW_MAX = 56; // px between two rows
const MARGIN = 100;           // px of the height that rows leave free
const RADIUS = 7;
const SCALE_MIN = 0.01, SCALE_MAX = 2.2;
const APPEAR = 420;           // ms in which a new vertex grows to its size
const NARROW = 500;           // px: a telephone shows more columns, closer to each other
const GRAB = 16;              // px from the middle of a vertex that count as on it
const GLIDE = 0.18;           // part of the way that the camera goes in one frame

const still = matchMedia('(prefers-reduced-motion: reduce)');

export class Canvas {
  /** onSelect(id or ''), onMove() when somebody moved the picture away from the newest. */
  constructor(element, graph, { onSelect, onMove }) {
    Object.assign(this, {
      element, graph, onSelect, onMove, scale: 1, middle: 0, target: null, follow: true, selected: '', marked: new Set(), above: null,
      ancestors: new Set(), descendants: new Set(), births: new Map(), frame: 0, control: new AbortController(),
    });
    this.resize = new ResizeObserver(() => this.measure());
    this.resize.observe(element);
    this.listen();
    this.measure();
    if (this.width < NARROW) this.scale = 0.7;
  }

  destroy() {
    cancelAnimationFrame(this.frame);
    this.control.abort();
    this.resize.disconnect();
  }

  listen() {
    const { element } = this, signal = this.control.signal;
    const at = (e) => { const box = element.getBoundingClientRect(); return [e.clientX - box.left, e.clientY - box.top]; };
    const fingers = new Map();
    let moved = 0, spread = 0;
    element.addEventListener('pointerdown', (e) => { fingers.set(e.pointerId, at(e)); element.setPointerCapture(e.pointerId); moved = 0; }, { signal });
    element.addEventListener('pointermove', (e) => {
      const [x, y] = at(e), before = fingers.get(e.pointerId);
      if (!before) { this.hover(this.hit(x, y)); return; }
      fingers.set(e.pointerId, [x, y]);
      if (fingers.size === 1) { this.pan(x - before[0]); moved += Math.abs(x - before[0]) + Math.abs(y - before[1]); return; }
      const [a, b] = [...fingers.values()], now = Math.abs(a[0] - b[0]);
      if (spread) this.zoom(now / spread, (a[0] + b[0]) / 2);
      spread = now; moved = Infinity;
    }, { signal });
    const up = (e) => {
      const [x, y] = at(e);
      if (fingers.delete(e.pointerId) && moved < 6 && e.type === 'pointerup') this.onSelect(this.hit(x, y)?.id ?? '');
      spread = 0;
    };
    element.addEventListener('pointerup', up, { signal });
    element.addEventListener('pointercancel', up, { signal });
    element.addEventListener('pointerleave', () => this.hover(null), { signal });
    element.addEventListener('wheel', (e) => {
      e.preventDefault();
      if (e.ctrlKey || Math.abs(e.deltaY) > Math.abs(e.deltaX)) this.zoom(Math.exp(-e.deltaY / 400), at(e)[0]);
      else this.pan(-e.deltaX);
    }, { signal, passive: false });
    addEventListener('theme', () => this.draw(), { signal });
    matchMedia('(prefers-color-scheme: dark)').addEventListener('change', () => this.draw(), { signal });
  }

  measure() {
    const ratio = devicePixelRatio || 1, { clientWidth, clientHeight } = this.element;
    Object.assign(this, { width: clientWidth, height: clientHeight, ratio });
    this.element.width = Math.round(clientWidth * ratio);
    this.element.height = Math.round(clientHeight * ratio);
    this.draw();
  }

  /** The column in the middle when the newest is at the right edge. */
  get newest() {
    const columns = this.width / (COLUMN * this.scale), last = this.graph.order.length - 1;
    return Math.max(last - columns / 2 + 0.9, Math.min(columns / 2 - 1, last / 2));
  }

  x(column) { return this.width / 2 + (column - this.middle) * COLUMN * this.scale; }

  y(row) { return this.height / 2 - 8 + row * Math.max(ROW_MIN, Math.min(ROW_MAX, (this.height - MARGIN) / (2 * this.graph.rows))); }

  hit(x, y) {
    let best = null, least = GRAB;
    for (const node of this.graph.order) {
      const far = Math.hypot(this.x(node.column) - x, this.y(node.row) - y);
      if (far < least) [best, least] = [node, far];
    }
    return best;
  }

  hover(node) {
    if (node?.id === this.above?.id) return;
    this.above = node;
    this.element.style.cursor = node ? 'pointer' : 'grab';
    this.draw();
  }

  pan(px) {
    this.leave();
    const last = this.graph.order.length;
    this.middle = Math.max(-1, Math.min(last + 1, this.middle - px / (COLUMN * this.scale)));
    this.draw();
  }

  zoom(factor, x = this.width / 2) {
    const column = this.middle + (x - this.width / 2) / (COLUMN * this.scale);
    this.scale = Math.max(SCALE_MIN, Math.min(SCALE_MAX, this.scale * factor));
    if (!this.follow) this.middle = column - (x - this.width / 2) / (COLUMN * this.scale);
    else this.middle = this.newest;
    this.draw();
  }

  /** Shows everything at once. */
  fit() {
    this.leave();
    this.scale = Math.max(SCALE_MIN, Math.min(1.2, this.width / ((this.graph.order.length + 3) * COLUMN)));
    this.target = (this.graph.order.length - 1) / 2;
    this.draw();
  }

  leave() {
    this.target = null;
    if (this.follow) { this.follow = false; this.onMove(); }
  }

  home() {
    this.follow = true;
    this.draw();
  }

  centre(node) {
    this.leave();
    this.target = node.column;
    this.draw();
  }

  select(id) {
    this.selected = id;
    this.ancestors = id ? this.graph.ancestors(id) : new Set();
    this.descendants = id ? this.graph.descendants(id) : new Set();
    this.draw();
  }

  mark(ids) {
    this.marked = new Set(ids);
    this.draw();
  }

  /** The graph changed. */
  grown(ids = []) {
    const now = performance.now();
    if (!still.matches) for (const id of ids) this.births.set(id, now);
    if (this.selected) this.select(this.selected); else this.draw();
  }

  draw() {
    this.frame ||= requestAnimationFrame((now) => { this.frame = 0; if (this.glide() | this.paint(now)) this.draw(); });
  }

  /** Moves the camera; true while it is on its way. */
  glide() {
    const to = this.follow ? this.newest : this.target;
    if (to === null) return false;
    const left = to - this.middle;
    if (still.matches || Math.abs(left) < 0.01 || Math.abs(left) > 60) { this.middle = to; return false; }
    this.middle += left * GLIDE;
    return true;
  }

  colours() {
    const style = getComputedStyle(document.documentElement), of = (name) => style.getPropertyValue(`--${name}`).trim();
    return { ink: of('ink'), soft: of('soft'), line: of('line'), card: of('card'), edge: of('edge'), accent: of('accent'), soc: of('soc'), price: of('price'),
      pending: of('pending'), accepted: of('accepted'), final: of('final'), refused: of('refused') };
  }

  /** Paints all; true while something appears. */
  paint(now) {
    const c = this.element.getContext('2d'), colour = this.colours();
    c.setTransform(this.ratio, 0, 0, this.ratio, 0, 0);
    c.clearRect(0, 0, this.width, this.height);
    for (const [id, born] of this.births) if (now - born > APPEAR) this.births.delete(id);
    const seen = this.graph.order.filter((n) => { const x = this.x(n.column); return x > -240 && x < this.width + 240; });
    this.paintTime(c, colour, seen);
    this.paintEdges(c, colour, seen);
    const growing = this.paintNodes(c, colour, seen, now);
    if (this.above) this.paintName(c, colour, this.above);
    return growing;
  }

  /** When it was, along the lower edge, and how far all is final. */
  paintTime(c, colour, seen) {
    let last = -Infinity, lastText = '';
    c.font = '11px system-ui, sans-serif';
    c.textAlign = 'center';
    for (const node of seen) {
      const x = this.x(node.column);
      if (!node.time || x - last < 96) continue;
      const text = new Date(node.time).toLocaleTimeString(undefined, { hour12: false });
      if (text === lastText) continue;
      [last, lastText] = [x, text];
      c.fillStyle = colour.soft;
      c.fillText(text, x, this.height - 10);
      c.strokeStyle = colour.line;
      c.lineWidth = 1;
      c.beginPath(); c.moveTo(x, 8); c.lineTo(x, this.height - 26); c.stroke();
    }
    const border = this.graph.order.findLastIndex((n) => n.state === 'final');
    if (border < 0) return;
    const x = this.x(border + 0.5);
    c.strokeStyle = colour.final;
    c.setLineDash([3, 5]);
    c.lineWidth = 1.5;
    c.beginPath(); c.moveTo(x, 24); c.lineTo(x, this.height - 26); c.stroke();
    c.setLineDash([]);
    c.fillStyle = colour.final;
    c.textAlign = 'right';
    c.fillText('final', x - 6, 18);
  }

  /** Lines to parents, in one path for each of three looks: thousands of strokes take longer than a frame. */
  paintEdges(c, colour, seen) {
    const plain = new Path2D(), up = new Path2D(), down = new Path2D();
    for (const node of seen) {
      const x = this.x(node.column), y = this.y(node.row);
      for (const id of node.parents) {
        const parent = this.graph.nodes.get(id);
        if (!parent) continue;
        const path = this.ancestors.has(id) && (this.ancestors.has(node.id) || node.id === this.selected) ? up
          : this.descendants.has(node.id) && (this.descendants.has(id) || id === this.selected) ? down : plain;
        const px = this.x(parent.column), py = this.y(parent.row), bend = Math.max(18 * Math.min(1, this.scale), (x - px) * 0.45);
        path.moveTo(x, y);
        path.bezierCurveTo(x - bend, y, px + bend, py, px, py);
      }
    }
    const thin = Math.min(1, Math.max(0.35, this.scale * 2));
    c.globalAlpha = this.selected ? 0.35 : thin;
    c.strokeStyle = colour.edge;
    c.lineWidth = 1.25 * thin;
    c.stroke(plain);
    c.globalAlpha = 1;
    c.lineWidth = 2 * thin;
    c.strokeStyle = colour.price;
    c.stroke(up);
    c.strokeStyle = colour.soc;
    c.stroke(down);
  }

  /** Filled when final, a ring when accepted, dashed while pending, crossed when refused: one path for each look. */
  paintNodes(c, colour, seen, now) {
    const looks = new Map(), rings = { ink: new Path2D(), price: new Path2D(), soc: new Path2D() };
    const full = RADIUS * Math.min(1.3, Math.max(0.25, this.scale));
    let growing = false;
    for (const node of seen) {
      const x = this.x(node.column), y = this.y(node.row), age = this.ageOf(node, now);
      const r = full * (0.3 + 0.7 * (1 - (1 - age) ** 3)), ring = this.ringOf(node);
      growing ||= age < 1;
      const look = `${node.state} ${(this.selected || this.marked.size) && !ring ? 'dim' : ''}`;
      if (!looks.has(look)) looks.set(look, new Path2D());
      const path = looks.get(look);
      path.moveTo(x + r, y);
      path.arc(x, y, r, 0, 2 * Math.PI);
      if (node.state === 'refused') { path.moveTo(x - r / 2, y - r / 2); path.lineTo(x + r / 2, y + r / 2); path.moveTo(x + r / 2, y - r / 2); path.lineTo(x - r / 2, y + r / 2); }
      if (ring) { rings[ring].moveTo(x + r + 4, y); rings[ring].arc(x, y, r + 4, 0, 2 * Math.PI); }
    }
    for (const [look, path] of looks) {
      const [state, dim] = look.split(' ');
      c.globalAlpha = dim ? 0.35 : 1;
      c.lineWidth = Math.min(2.25, full / 2);
      c.strokeStyle = colour[state];
      c.fillStyle = state === 'final' ? colour.final : colour.card;
      c.setLineDash(state === 'pending' ? [3, 3] : []);
      c.fill(path);
      c.stroke(path);
    }
    c.setLineDash([]);
    c.globalAlpha = 1;
    c.lineWidth = 2;
    for (const [name, path] of Object.entries(rings)) { c.strokeStyle = colour[name]; c.stroke(path); }
    return growing;
  }

  /** From 0 to 1 while a vertex appears. */
  ageOf(node, now) {
    const born = this.births.get(node.id);
    if (born === undefined) return 1;
    return Math.min(1, Math.max(0, (now - born) / APPEAR));
  }

  /** The colour around a vertex that is selected, found, or related to the one selected. */
  ringOf(node) {
    return node.id === this.selected || this.marked.has(node.id) ? 'ink' : this.ancestors.has(node.id) ? 'price' : this.descendants.has(node.id) ? 'soc' : '';
  }

  paintName(c, colour, node) {
    const text = `${node.kind} · ${node.id.slice(0, 8)}… · ${node.state}`;
    c.font = '12px system-ui, sans-serif';
    c.textAlign = 'left';
    const width = c.measureText(text).width + 20;
    const x = Math.max(6, Math.min(this.width - width - 6, this.x(node.column) - width / 2)), above = this.y(node.row) - 44, y = above < 4 ? this.y(node.row) + 16 : above;
    c.fillStyle = colour.ink;
    c.beginPath(); c.roundRect(x, y, width, 27, 8); c.fill();
    c.fillStyle = colour.card;
    c.fillText(text, x + 10, y + 18);
  }
}
