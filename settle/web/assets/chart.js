// Charts over time: one time axis, panels below each other that share it, in the colours of the theme. The library comes
// with the first chart.
import { html, Component } from './html.js';
import { hour, number, time } from './format.js';

const loaded = { module: null };

/** Loads library and style once. */
function library() {
  loaded.module ??= (async () => {
    const style = document.createElement('link');
    style.rel = 'stylesheet';
    style.href = new URL('./vendor/uPlot.min.css', import.meta.url).href;
    document.head.append(style);
    return (await import('./vendor/uPlot.iife.min.js')).default;
  })();
  return loaded.module;
}

const colour = (name) => getComputedStyle(document.documentElement).getPropertyValue(`--${name}`).trim();

const faded = (hex, share) => hex + Math.round(share * 255).toString(16).padStart(2, '0');

/**
 * One panel. Props: data, [[t], [y], …]; series, [{label, colour, scale, digits, unit, step, fill, dash}]; scales,
 * {name: bounds as spread() takes them}; axes, [{scale, side, digits, unit}]; bands, [[from, to]] shaded as pauses; now, a time
 * to mark; height; sync, a name that panels with one cursor share; label, of all; onCursor(index or null).
 */
export class Panel extends Component {
  async componentDidMount() {
    const uPlot = await library();
    if (this.gone) return;
    this.uPlot = uPlot;
    this.watch = new ResizeObserver(([entry]) => this.plot?.setSize({ width: Math.floor(entry.contentRect.width), height: this.props.height }));
    this.dark = matchMedia('(prefers-color-scheme: dark)');
    this.dark.addEventListener('change', this.make);
    addEventListener('theme', this.make);
    this.watch.observe(this.root);
    this.make();
  }

  componentDidUpdate(before) {
    if (!this.plot) return;
    if (before.series.length !== this.props.series.length) this.make();
    else if (before.data !== this.props.data) this.plot.setData(this.props.data);
    else if (before.bands !== this.props.bands) this.plot.redraw();
  }

  componentWillUnmount() {
    this.gone = true;
    this.watch?.disconnect();
    this.dark?.removeEventListener('change', this.make);
    removeEventListener('theme', this.make);
    this.plot?.destroy();
  }

  make = () => {
    this.plot?.destroy();
    const { data, series, scales, axes, height, sync, onCursor } = this.props;
    const quiet = colour('soft'), line = colour('line'), font = '12px system-ui, sans-serif';
    this.plot = new this.uPlot({
      width: Math.floor(this.root.clientWidth), height, padding: [12, axes.length > 1 ? 4 : 22, 0, 4],
      legend: { show: false },
      cursor: { sync: sync && { key: sync }, drag: { x: false, y: false }, points: { size: 7 } },
      scales: {
        x: { time: true },
        ...Object.fromEntries(Object.entries(scales).map(([name, bounds]) => [name, { range: (_, least, most) => spread(bounds, least, most) }])),
      },
      axes: [
        { stroke: quiet, font, grid: { show: false }, ticks: { stroke: line, size: 4 }, size: 30, space: 84, values: (_, at) => at.map((t, i) => axisTime(t, at[i + 1] ?? at[i - 1])) },
        ...axes.map((a, i) => ({
          scale: a.scale, side: a.side, stroke: quiet, font, size: 52, gap: 4, ticks: { show: false },
          grid: { show: i === 0, stroke: line, width: 1 }, values: (_, at) => at.map((v) => `${number(v, a.digits ?? 0, 0)}${a.unit ?? ''}`),
        })),
      ],
      series: [{}, ...series.map((s) => ({
        scale: s.scale, stroke: colour(s.colour), width: 2, dash: s.dash, points: { show: false }, spanGaps: false,
        fill: s.fill && faded(colour(s.colour), 0.13), paths: s.step && this.uPlot.paths.stepped({ align: 1 }),
      }))],
      hooks: {
        drawClear: [(u) => this.shade(u)],
        draw: [(u) => this.mark(u)],
        setCursor: [(u) => onCursor?.(u.cursor.idx ?? null)],
      },
    }, data, this.root);
  };

  /** Pauses, behind the lines. */
  shade(u) {
    u.ctx.save();
    u.ctx.fillStyle = faded(colour('soft'), 0.14);
    for (const [from, to] of this.props.bands ?? []) {
      const x = u.valToPos(from, 'x', true), width = Math.max(2, u.valToPos(to, 'x', true) - x);
      u.ctx.fillRect(x, u.bbox.top, width, u.bbox.height);
    }
    u.ctx.restore();
  }

  /** Now, before the rest of the day. */
  mark(u) {
    if (!this.props.now) return;
    const x = u.valToPos(this.props.now, 'x', true);
    if (x < u.bbox.left || x > u.bbox.left + u.bbox.width) return;
    u.ctx.save();
    u.ctx.strokeStyle = colour('ink');
    u.ctx.lineWidth = devicePixelRatio;
    u.ctx.setLineDash([4, 4]);
    u.ctx.beginPath();
    u.ctx.moveTo(x, u.bbox.top);
    u.ctx.lineTo(x, u.bbox.top + u.bbox.height);
    u.ctx.stroke();
    u.ctx.restore();
  }

  render({ label, height }) {
    return html`<div class="chart" role="img" aria-label=${label} style=${{ minHeight: `${height}px` }} ref=${(root) => { this.root = root ?? this.root; }}></div>`;
  }
}

/**
 * Bounds of a scale. [0, 100] is just that; [0, null] begins at 0 and leaves room above, or below for what flows back; null
 * leaves room on both sides, enough that noise in the last digit of a price is a line.
 */
function spread(bounds, least, most) {
  const low = least ?? 0, high = most ?? 1;
  if (bounds?.[1] !== null && bounds) return bounds;
  if (bounds) {
    const room = Math.max(high - Math.min(0, low), 1e-9) * 0.08;
    return [low < 0 ? low - room : 0, Math.max(high, 0) + room];
  }
  const room = Math.max((high - low) * 0.15, Math.abs(high) * 0.1, 1e-3);
  return [low - room, high + room];
}

const axisTime = (t, next) => {
  const iso = t * 1000;
  return Math.abs((next ?? t) - t) < 60 ? time(iso) : hour(iso);
};

/** What the lines are, with the values under the cursor. */
export const Legend = ({ series, values }) => html`
  <ul class="legend">${series.map((s, i) => html`<li key=${s.label}><i class=${`key ${s.colour} ${s.dash ? 'dashed' : ''}`} aria-hidden="true"></i>${s.label}
    <b>${values?.[i] ?? ''}</b></li>`)}</ul>`;
