// The API of the server that sent this page, asked with the operator's token where there is one.

const TOKEN = 'operator-token';

/** A problem document of the server (RFC 9457), or what kept the request from it. */
export class Problem extends Error {
  constructor({ type = '', title = '', status = 0, detail = '', hint = '' }) {
    super(detail ? `${title}: ${detail}` : title);
    Object.assign(this, { kind: type.slice(type.lastIndexOf(':') + 1), title, status, detail, hint });
  }

  /** Nobody answered. */
  get unreachable() { return this.status === 0; }

  /** The operator's token is missing or wrong. */
  get locked() { return this.kind === 'unauthorized' || this.kind === 'forbidden'; }
}

/** The token lives as long as the tab. */
export const token = {
  get() {
    try { return sessionStorage.getItem(TOKEN) ?? ''; } catch { return ''; }
  },
  set(value) {
    try { value ? sessionStorage.setItem(TOKEN, value) : sessionStorage.removeItem(TOKEN); } catch { /* storage is off: no token is kept */ }
  },
};

export function headers(more) {
  const value = token.get();
  return value ? { ...more, Authorization: `Bearer ${value}` } : { ...more };
}

/** Asks, and gives the response; every failure is a Problem. */
export async function ask(path, { accept = 'application/json', signal, more } = {}) {
  let response;
  try {
    response = await fetch(path, { headers: headers({ Accept: accept, ...more }), signal, credentials: 'omit' });
  } catch (error) {
    if (signal?.aborted) throw error;
    throw new Problem({ title: 'The server does not answer', hint: 'This page tries again by itself. Is the process still running?' });
  }
  if (response.ok) return response;
  throw new Problem(await response.json().catch(() => ({ title: `HTTP status ${response.status}`, status: response.status })));
}

export async function read(path, options) {
  const response = await ask(path, options);
  try {
    return await response.json();
  } catch (error) {
    if (options?.signal?.aborted) throw error;
    throw new Problem({ title: 'The answer broke off', hint: 'This page tries again by itself.' });
  }
}

/** Every item of a list, page by page, up to a bound. */
export async function readAll(path, most, options) {
  const items = [];
  for (let cursor = ''; ;) {
    const url = new URL(path, location.origin);
    url.searchParams.set('limit', String(Math.min(500, most - items.length)));
    if (cursor) url.searchParams.set('cursor', cursor);
    const page = await read(url.pathname + url.search, options);
    items.push(...page.items);
    if (!page.next || page.next === cursor || items.length >= most) return { items, more: Boolean(page.next) };
    cursor = page.next;
  }
}
