// Figures as people read them. Money stays decimal text or whole nano-units: nothing here adds with fractions.

const NANO = 1_000_000_000n;

/** Decimal text as whole 10⁻⁹ units. What is no decimal is 0. */
export function nano(text) {
  const found = /^(-?)(\d+)(?:\.(\d{1,12}))?$/.exec(text ?? '');
  if (!found) return 0n;
  const units = BigInt(found[2]) * NANO + BigInt((found[3] ?? '').padEnd(9, '0').slice(0, 9));
  return found[1] ? -units : units;
}

/** Whole 10⁻⁹ units as decimal text. */
export function decimal(units) {
  const positive = units < 0n ? -units : units;
  const fraction = String(positive % NANO).padStart(9, '0').replace(/0+$/, '');
  return `${units < 0n ? '-' : ''}${positive / NANO}${fraction && '.' + fraction}`;
}

/** The sum of money values, each decimal text. */
export const sum = (values) => decimal(values.reduce((total, value) => total + nano(value), 0n));

const formats = new Map();
function formatter(options) {
  const key = JSON.stringify(options);
  if (!formats.has(key)) formats.set(key, new Intl.NumberFormat(undefined, options));
  return formats.get(key);
}

/** Money with its currency, to so many places; cents are for display only. Nothing is nothing to any place. */
export function money(m, places = 2) {
  if (!m) return '–';
  const digits = nano(m.value) === 0n ? Math.min(2, places) : places;
  // The rounded text of a small debt is no "-€0.00".
  return formatter({ style: 'currency', currency: m.currency, minimumFractionDigits: digits, maximumFractionDigits: digits, signDisplay: 'negative' }).format(m.value);
}

/** A price of one unit: cents, and finer where it has finer parts. */
export function unitPrice(m, per) {
  if (!m) return '–';
  const text = formatter({ style: 'currency', currency: m.currency, minimumFractionDigits: 2, maximumFractionDigits: 4 }).format(m.value);
  return per ? `${text}/${per}` : text;
}

/** A number with so many places at most. */
export const number = (value, places = 0, least = places) =>
  formatter({ maximumFractionDigits: places, minimumFractionDigits: least }).format(value);

/** What one piece of a unit's price is for. */
export const perOf = (unit) => ({ mWh: 'kWh', s: 'h', count: 'piece' })[unit] ?? unit;

/** A quantity with its unit: energy, time or pieces. */
export function quantity(value, unit) {
  const n = Number(value);
  if (unit === 'mWh') return energy(n / 1000);
  if (unit === 's') return duration(n * 1000);
  return `${number(n)} ${n === 1 ? 'piece' : 'pieces'}`;
}

/** Energy, given in Wh. */
export function energy(wh) {
  const n = Number(wh);
  if (Math.abs(n) < 1000) return `${number(n)} Wh`;
  return `${number(n / 1000, Math.abs(n) < 99_950 ? 2 : 1)} kWh`;
}

/** Energy without digits that say nothing: "10 kWh". */
export const roundEnergy = (wh) => `${number(Number(wh) / 1000, 2, 0)} kWh`;

/** Power, given in W. */
export function power(w) {
  const n = Number(w);
  if (Math.abs(n) < 1000) return `${number(n)} W`;
  return `${number(n / 1000, Math.abs(n) < 99_950 ? 1 : 0)} kW`;
}

/** A span of time, given in ms. */
export function duration(ms) {
  const s = Math.max(0, Math.round(ms / 1000));
  const hours = Math.floor(s / 3600), minutes = Math.floor((s % 3600) / 60);
  if (hours) return `${hours} h ${String(minutes).padStart(2, '0')} min`;
  if (minutes) return `${minutes} min ${String(s % 60).padStart(2, '0')} s`;
  return `${s} s`;
}

const clock = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', second: '2-digit', hourCycle: 'h23' });
const clockShort = new Intl.DateTimeFormat(undefined, { hour: '2-digit', minute: '2-digit', hourCycle: 'h23' });
const day = new Intl.DateTimeFormat(undefined, { day: 'numeric', month: 'short', year: 'numeric' });

export const time = (iso) => (iso ? clock.format(new Date(iso)) : '–');
export const hour = (iso) => (iso ? clockShort.format(new Date(iso)) : '–');
export const date = (iso) => (iso ? day.format(new Date(iso)) : '–');
export const moment = (iso) => (iso ? `${date(iso)}, ${time(iso)}` : '–');

/** An id or DID, short enough to be compared by eye. */
export function short(id) {
  if (!id) return '–';
  const bare = id.startsWith('did:') ? id.slice(id.lastIndexOf(':') + 1) : id;
  return bare.length > 14 ? `${bare.slice(0, 6)}…${bare.slice(-5)}` : bare;
}

/** A word of the API as a person reads it: "cooperative-close" as "Cooperative close". */
export const words = (text) => (text ? text[0].toUpperCase() + text.slice(1).replaceAll('-', ' ').replaceAll('_', ' ').toLowerCase() : '');

export const plural = (n, one, many = one + 's') => `${number(n)} ${n === 1 ? one : many}`;
