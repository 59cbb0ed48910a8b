// One conversation: messages by number, without gaps or doubles, and those on their way with their keys.
import { get, post, freshKey } from "./api.js";

const TRIES = 5;

export class Chat {
  constructor(id, onChange) {
    this.id = id;
    this.onChange = onChange;
    this.messages = []; // by n, ascending
    this.known = new Set();
    this.upTo = 0; // every n up to here is known
    this.pending = []; // {key, text, state: sending | failed, why, status}
    this.unread = 0;
    this.draft = "";
    this.loading = null;
    this.pumping = false;
  }

  take(m, live) {
    if (this.known.has(m.n)) return;
    this.known.add(m.n);
    let i = this.messages.length;
    while (i && this.messages[i - 1].n > m.n) i--;
    this.messages.splice(i, 0, m);
    while (this.known.has(this.upTo + 1)) this.upTo++;
    if (m.from === "agent") {
      // Its answer may be late or lost; the message itself says that it is stored.
      const sent = this.pending.findIndex((p) => p.text === m.text);
      if (sent >= 0) this.pending.splice(sent, 1);
    } else if (live && m.from === "customer") this.unread++;
    if (live && this.upTo < m.n) this.load();
    this.onChange();
  }

  load() {
    this.loading ??= this.read().finally(() => (this.loading = null));
    return this.loading;
  }
  async read() {
    try {
      for (let last = -1; last !== this.upTo; ) {
        last = this.upTo;
        for (const m of (await get(`/interactions/${this.id}/messages?after=${last}`)).messages) this.take(m, false);
      }
    } catch {
      // the next event or connection asks again
    }
  }

  send(text) {
    this.pending.push({ key: freshKey(), text, state: "sending" });
    this.onChange();
    this.pump();
  }
  again(p) {
    p.state = "sending";
    this.onChange();
    this.pump();
  }
  drop(p) {
    this.pending = this.pending.filter((x) => x !== p);
    this.onChange();
  }
  // What could not be sent for want of a connection: its key makes repeating safe.
  linkBack() {
    for (const p of this.pending) if (p.state === "failed" && (p.status === 0 || p.status >= 500)) p.state = "sending";
    this.load();
    this.pump();
  }

  // One after the other, so that they arrive in the order they were written.
  async pump() {
    if (this.pumping) return;
    this.pumping = true;
    for (let p; (p = this.pending.find((x) => x.state === "sending")); ) await this.push(p);
    this.pumping = false;
  }
  async push(p) {
    for (let n = 0; ; n++) {
      try {
        const answer = await post(`/interactions/${this.id}/messages`, { text: p.text, key: p.key });
        this.drop(p);
        this.take({ n: answer.n, at_us: answer.at_us, from: "agent", text: p.text }, false);
        return;
      } catch (e) {
        const passing = e.status === 0 || e.status === 429 || e.status >= 500;
        if (!passing || n + 1 === TRIES || !this.pending.includes(p)) {
          p.state = "failed";
          p.why = e.words || String(e);
          p.status = e.status;
          this.onChange();
          return;
        }
        await new Promise((ok) => setTimeout(ok, 400 * 2 ** n));
      }
    }
  }
}
