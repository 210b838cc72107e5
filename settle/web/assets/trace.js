// The readings of one session for a chart, bounded: when there are too many, every second one goes, and from then on only
// every second one is taken, so that a week of charging needs no more memory than an hour.

export const POINTS_MAX = 1500;

export class Trace {
  constructor() {
    this.points = [];   // {sequence, t, power, soc, price, amount, quantity, state, claimed}
    this.stride = 1;    // one reading of so many is kept
    this.last = -1;     // sequence of the newest reading seen
    this.pauses = [];   // [from, to] in seconds, to growing while the pause lasts
    this.tail = null;   // the newest reading, where the stride leaves it out
  }

  /** Takes readings in the order of their sequence; what is known already is left out. */
  add(readings) {
    for (const r of readings) {
      if (r.sequence <= this.last) continue;
      this.last = r.sequence;
      const p = point(r);
      this.#pause(p);
      const turned = this.tail && isPause(this.tail) !== isPause(p);
      if (r.sequence % this.stride === 0 || turned) this.points.push(p);
      this.tail = p;
    }
    if (this.points.length > POINTS_MAX) this.#thin();
  }

  #thin() {
    this.stride *= 2;
    this.points = this.points.filter((p, i) => i === 0 || p.sequence % this.stride === 0 || isPause(p) !== isPause(this.points[i - 1]));
    if (this.points.length > POINTS_MAX) this.points = this.points.filter((_, i) => i % 2 === 0); // one that pauses all the time
  }

  #pause(p) {
    const open = this.pauses.at(-1);
    const goes = this.tail && isPause(this.tail);
    if (goes && open) open[1] = p.t;
    if (isPause(p) && !goes) this.pauses.push([p.t, p.t]);
    if (this.pauses.length > POINTS_MAX / 4) this.pauses.shift();
  }

  /** The points with the newest reading at the end. */
  all() {
    return this.tail && this.points.at(-1) !== this.tail ? [...this.points, this.tail] : this.points;
  }

  get empty() { return this.points.length === 0; }
}

/** Plugged in, and nothing flows: the vehicle (suspended_ev) or the station (suspended_evse) waits. The baseline is no pause. */
export const isPause = (p) => p.sequence > 0 && p.state.startsWith('suspended');

const figure = (text) => (text === undefined || text === null ? null : Number(text));

function point(r) {
  return {
    sequence: r.sequence, t: Date.parse(r.time) / 1000, state: r.state, power: figure(r.power_w), soc: figure(r.soc_percent),
    price: figure(r.unit_price?.value), amount: r.amount.value, quantity: figure(r.quantity), claimed: r.claimed,
  };
}
