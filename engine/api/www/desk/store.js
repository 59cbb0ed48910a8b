// What the desk knows: oneself, interactions, queues, agents, as the events tell. Views register for what changed; they
// are called once a frame with the ids, so a storm of events costs one look.
import { who, supervises, get, Refusal } from "./api.js";
import { Chat } from "./chat.js";
import { soon, toast } from "./dom.js";
import { t, because } from "./strings.js";

export const me = { row: null };
export const ixs = new Map(); // open ones: an agent's own, a supervisor's whole tenant
export const ended = new Map(); // own ones that are over and still shown, oldest first
export const watched = new Map(); // calls with a supervisor in them: {supervisor, mode, state}
export const queues = new Map(), agents = new Map(), chats = new Map();
const ENDED_KEPT = 3;

const views = new Map(), dirty = new Map();
export function on(kind, f) {
  if (!views.has(kind)) views.set(kind, new Set());
  views.get(kind).add(f);
  return () => views.get(kind).delete(f);
}
export function changed(kind, id) {
  if (!dirty.has(kind)) dirty.set(kind, new Set());
  dirty.get(kind).add(id);
  soon(tell);
}
function tell() {
  const now = [...dirty];
  dirty.clear();
  for (const [kind, ids] of now) for (const f of views.get(kind) || []) f(ids);
}

// The server's clock against this one, from the age of a state that it told.
let skewUs = 0;
export const nowUs = () => Date.now() * 1000 + skewUs;
function readClock(row) {
  if (row.since_us) skewUs = row.since_us + row.state_s * 1e6 - Date.now() * 1000;
}

// Somebody else's call on which this agent is asked for advice.
export const isAsked = (row) => !!row.consult && row.consult === who()?.name && row.agent !== row.consult;
export const isMine = (row) => isAsked(row) || (row.agent_id === who()?.agent && row.state !== "queued" && row.state !== "done" && !row.outside);
export const mine = () => [...ixs.values()].filter(isMine).sort((a, b) => a.offered_us - b.offered_us || (a.id < b.id ? -1 : 1));
export const chatOf = (id) => {
  if (!chats.has(id)) chats.set(id, new Chat(id, () => changed("chat", id)));
  return chats.get(id);
};

function takeMe(row) {
  me.row = row;
  readClock(row);
  changed("me", row.id);
}
function takeQueue(q) {
  q.toldMs = Date.now();
  queues.set(q.id, q);
  changed("queue", q.id);
}
export const longestWait = (q) => (q.waiting && q.longest_wait_s ? q.longest_wait_s + (Date.now() - (q.toldMs || Date.now())) / 1000 : 0);
export const queueNamed = (name) => [...queues.values()].find((q) => q.name === name);

function takeRow(row) {
  const before = ixs.get(row.id);
  const wasMine = before && isMine(before);
  if (row.state === "done") ixs.delete(row.id);
  else if (supervises() || isMine(row)) ixs.set(row.id, row);
  else ixs.delete(row.id);
  if (wasMine && row.state === "done" && before.state !== "offered") keepEnded(row);
  if (isMine(row)) {
    ended.delete(row.id);
    if (row.channel === "chat" && (!before || before.state === "offered")) chatOf(row.id).load();
  } else if (!ended.has(row.id)) {
    chats.delete(row.id);
  }
  changed("ix", row.id);
}
function keepEnded(row) {
  ended.set(row.id, row);
  while (ended.size > ENDED_KEPT) dismiss(ended.keys().next().value);
}
export function dismiss(id) {
  ended.delete(id);
  chats.delete(id);
  changed("ix", id);
}

async function readWatched() {
  watched.clear();
  for (const w of (await get("/supervised")).supervised) takeWatch(w);
}
function reset(data) {
  if (supervises()) readWatched().catch(() => {}); // the next event tells it
  if (data.me) takeMe(data.me);
  for (const q of data.live?.queues || []) takeQueue(q);
  for (const a of data.live?.agents || []) takeAgent(a);
  const there = new Set(data.interactions.map((r) => r.id));
  for (const row of [...ixs.values()])
    if (!there.has(row.id)) takeRow({ ...row, state: "done", why: "gone" });
  for (const row of data.interactions) takeRow(row);
  for (const row of mine()) if (row.channel === "chat") chatOf(row.id).load();
}
function takeWatch(w) {
  const joined = watched.get(w.id)?.state === "up";
  if (w.state === "ended") watched.delete(w.id);
  else watched.set(w.id, w);
  if (w.state === "ended" && !joined && w.why && w.supervisor === who()?.name) toast(t("watch.failed", { why: because(w.why) }), "bad");
  changed("ix", w.id);
}
function takeAgent(a) {
  a.toldMs = Date.now();
  agents.set(a.id, a);
  changed("agent", a.id);
}

export function apply(e) {
  const d = e.data;
  if (e.type === "reset") reset(d);
  else if (e.type === "message") chats.get(d.interaction)?.take(d.message, true);
  else if (e.type === "agent") {
    takeAgent(d);
    if (d.id === who()?.agent) takeMe(d);
  } else if (e.type === "queue") takeQueue(d);
  else if (e.type === "supervised") takeWatch(d);
  else if (d && d.id && d.channel) takeRow(d);
}

// What events do not tell agents: the names of queues, with their wrap-up and ringing times.
export async function begin() {
  for (const q of (await get("/queues")).queues) takeQueue(q);
  if (supervises()) await readWatched();
  const own = await get("/agents/me").catch((e) => {
    if (e instanceof Refusal && e.status === 404) return null; // the installation's own token
    throw e;
  });
  if (own) takeMe(own.agent);
}
export function clear() {
  me.row = null;
  views.clear();
  for (const m of [ixs, ended, watched, queues, agents, chats]) m.clear();
}
