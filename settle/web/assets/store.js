// What the page knows, and how it stays true: resources are read when a view needs them, again when an event says that they
// changed, and now and then all the same. What no view needs is forgotten.
import { Events } from './events.js';
import { read, token } from './server.js';

const KEEP_MAX = 40;        // answers kept: a view needs ten, and going back should show something at once
const TURN = 1_000;         // how often ages are looked at, ms
const SETTLE = 250;         // how long events are collected before what they touch is read again, ms
const AGES = [              // ms after which an answer is read again, by the start of its path
  ['/v1/tariffs', 60_000], ['/v1/prices', 60_000], ['/v1/estimates', 30_000], ['/v1/network', 10_000],
];
const AGE = 5_000;
const AGE_LIVE = 15_000;    // while events say what changes

const listeners = { draw: () => {}, vertex: () => {}, checkpoint: () => {}, session: () => {}, gap: () => {} };

export const state = {
  link: { state: 'connecting', problem: null, retryAt: 0 },
  network: null,            // of /v1/network, once it answered
  answers: new Map(),       // path -> {data, problem, at, busy, stale}
  needed: [],               // paths of the view that is shown
  said: '',                 // to a screen reader
};

/** Calls back when something is to be drawn, or an event of a kind came in. Gives what ends that. */
export function on(kind, listener) {
  listeners[kind] = listener;
  return () => { if (listeners[kind] === listener) listeners[kind] = () => {}; };
}

let drawing = false;
/** Draws once in the next frame, however often it is called. */
export function changed() {
  if (drawing) return;
  drawing = true;
  requestAnimationFrame(() => { drawing = false; listeners.draw(); });
}

export const serves = (resource) => state.network?.serves.includes(resource) ?? false;

/** What is known at a path: {data, problem}. */
export const known = (path) => state.answers.get(path) ?? { data: null, problem: null };

export const items = (path) => known(path).data?.items ?? [];

/** Says which paths the view needs from now on. */
export function need(paths) {
  state.needed = paths.filter(Boolean);
  freshen();
}

/** Tells a screen reader something, once. */
export function say(text) {
  state.said = text;
  changed();
}

function ageOf(path) {
  const own = AGES.find(([start]) => path.startsWith(start));
  return own ? own[1] : state.link.state === 'live' && !path.startsWith('/v1/sessions') ? AGE_LIVE : AGE;
}

function freshen() {
  if (document.hidden) return;
  const now = Date.now();
  for (const path of new Set(['/v1/network', ...state.needed])) {
    const answer = state.answers.get(path);
    if (!answer || !answer.busy && (answer.stale || now - answer.at > ageOf(path))) fetchInto(path);
  }
}

/** Of a receipt only the summary is kept: its evidence has every reading, megabytes after a long session. */
const kept = (path, data) => (path.startsWith('/v1/receipts/') ? { summary: data.summary } : data);

async function fetchInto(path) {
  const answer = state.answers.get(path) ?? { data: null, problem: null, at: 0 };
  state.answers.delete(path); // to the end: the map is in order of use
  state.answers.set(path, answer);
  Object.assign(answer, { busy: true, stale: false });
  try {
    answer.data = kept(path, await read(path));
    answer.problem = null;
    if (path === '/v1/network') state.network = answer.data;
  } catch (problem) {
    answer.problem = problem;
  }
  Object.assign(answer, { busy: false, at: Date.now() });
  forget();
  changed();
}

function forget() {
  for (const [path, answer] of state.answers) {
    if (state.answers.size <= KEEP_MAX) return;
    if (!answer.busy && !state.needed.includes(path) && path !== '/v1/network') state.answers.delete(path);
  }
}

let settling = 0;
/** Marks what begins with one of these as old, and soon reads what of it is needed. */
function touch(...starts) {
  for (const [path, answer] of state.answers) {
    if (starts.some((start) => path.startsWith(start))) answer.stale = true;
  }
  settling ||= setTimeout(() => { settling = 0; freshen(); }, SETTLE);
}

/** Reads everything that is needed anew. */
export function refresh() {
  touch('/v1/');
  events.retry();
}

function take(type, data) {
  if (type === 'session') {
    mergeSession(data);
    touch('/v1/stations', '/v1/channels', '/v1/accounts');
    listeners.session(data);
  } else if (type === 'vertex') {
    touch('/v1/channels', '/v1/settlements', '/v1/issues', '/v1/transfers', '/v1/redemptions', '/v1/accounts');
    listeners.vertex(data);
  } else if (type === 'checkpoint') {
    touch('/v1/network', '/v1/checkpoints');
    if (data.final) touch('/v1/sessions', '/v1/settlements', '/v1/issues', '/v1/transfers', '/v1/redemptions');
    listeners.checkpoint(data);
  } else {
    touch('/v1/'); // a gap: the server cannot say what was missed
    listeners.gap();
  }
}

/** Puts a session into every list that is held, so that it is seen without asking. */
function mergeSession(session) {
  for (const [path, answer] of state.answers) {
    if (!answer.data) continue;
    if (path === `/v1/sessions/${session.id}`) answer.data = session;
    if (!path.startsWith('/v1/sessions?')) continue;
    const at = answer.data.items.findIndex((one) => one.id === session.id);
    const list = [...answer.data.items];
    if (at >= 0) list[at] = session; else list.unshift(session), list.splice(50);
    answer.data = { ...answer.data, items: list };
  }
  changed();
}

const events = new Events(take, (link, problem = null, retryAt = 0) => {
  const before = state.link.state;
  state.link = { state: link, problem, retryAt };
  if (link === 'live') {
    if (before === 'waiting') say('Connected again.');
    touch('/v1/'); // something may have been missed
  } else if (link === 'waiting' && before === 'live') {
    say('The connection is lost. Trying again.');
  }
  changed();
});

/** Takes another operator's token, and reads everything with it. */
export function unlock(value) {
  token.set(value);
  touch('/v1/');
  events.restart(); // events of sessions come only with it
}

/** Begins to follow the server. */
export function start() {
  fetchInto('/v1/network');
  events.start();
  setInterval(freshen, TURN);
  document.addEventListener('visibilitychange', () => { if (!document.hidden) { freshen(); events.retry(); } });
  addEventListener('online', () => refresh());
  addEventListener('pagehide', () => events.stop());
  addEventListener('pageshow', (e) => { if (e.persisted) { events.start(); refresh(); } });
}
