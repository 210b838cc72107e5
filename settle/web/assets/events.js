// Server-sent events over fetch, which unlike EventSource can carry the operator's token. After a break it goes on from the
// last event that it has, and says in which state it is.
import { ask } from './server.js';

const RETRY_MIN = 500;
const RETRY_MAX = 15_000;
const LINE_MAX = 1 << 20; // characters of one event; more is no stream of ours

export class Events {
  /** onEvent(type, data); onState('live' | 'waiting' | 'absent', problem, retryAt) */
  constructor(onEvent, onState) {
    Object.assign(this, { onEvent, onState, lastId: '', attempt: 0, timer: 0, control: null, stopped: true, again: false });
  }

  start() {
    if (!this.stopped) return;
    this.stopped = false;
    this.#follow();
  }

  stop() {
    this.stopped = true;
    clearTimeout(this.timer);
    this.control?.abort();
  }

  /** Tries at once, where it would wait. */
  retry() {
    if (this.stopped || this.control) return;
    clearTimeout(this.timer);
    this.#follow();
  }

  /** Follows anew, as who the page is now. */
  restart() {
    this.again = Boolean(this.control);
    this.control?.abort();
    this.retry();
  }

  async #follow() {
    this.control = new AbortController();
    let problem;
    try {
      const more = this.lastId ? { 'Last-Event-ID': this.lastId } : {};
      const response = await ask('/v1/events', { accept: 'text/event-stream', signal: this.control.signal, more });
      this.attempt = 0;
      this.onState('live');
      await this.#take(response.body.pipeThrough(new TextDecoderStream()).getReader());
    } catch (error) {
      problem = error;
    }
    this.control.abort();
    this.control = null;
    if (this.stopped) return;
    if (this.again) {
      this.again = false;
      this.#follow();
      return;
    }
    if (problem?.kind === 'not-served-here') {
      this.onState('absent');
      return;
    }
    const wait = Math.min(RETRY_MAX, RETRY_MIN * 2 ** this.attempt++) * (0.75 + Math.random() / 2);
    this.onState('waiting', problem, Date.now() + wait);
    this.timer = setTimeout(() => this.#follow(), wait);
  }

  /** Reads the stream until it ends (WHATWG HTML, section 9.2.6). */
  async #take(reader) {
    let rest = '', type = '', data = [], id = null;
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return;
      const lines = (rest + value).split(/\r\n|\n|\r/);
      rest = lines.pop();
      if (rest.length > LINE_MAX) throw new Error('an event without end');
      for (const line of lines) {
        if (line === '') {
          if (id !== null) this.lastId = id;
          if (data.length) this.#pass(type || 'message', data.join('\n'));
          type = ''; data = []; id = null;
          continue;
        }
        const colon = line.indexOf(':');
        if (colon === 0) continue; // a comment keeps the connection open
        const field = colon < 0 ? line : line.slice(0, colon);
        const text = colon < 0 ? '' : line.slice(colon + 1).replace(/^ /, '');
        if (field === 'event') type = text;
        else if (field === 'data') data.push(text);
        else if (field === 'id' && !text.includes('\0')) id = text;
      }
    }
  }

  #pass(type, text) {
    let data;
    try { data = JSON.parse(text); } catch { return; } // not one of ours
    this.onEvent(type, data);
  }
}
