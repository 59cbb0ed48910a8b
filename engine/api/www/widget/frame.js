// A customer's chat: written with keys, so that nothing is stored twice; followed by events; it survives a reload.
const query = new URLSearchParams(location.search), asked = (query.get("lang") || "en").slice(0, 2).toLowerCase();
const lang = ["ko", "zh", "ru"].includes(asked) ? asked : "en", t = (await import(`./words_${lang}.js`)).default;
const fill = (s, v) => s.replace(/\{\w+\}/, () => v);
const $ = (id) => document.getElementById(id), KEY = `junctor.chat:${query.get("tenant")}:${query.get("queue") || ""}`;
// Where a frame has no storage of its own, the page around it (api.origins allows it) keeps the chat.
let memory = null, denied = false;
try {
  sessionStorage.length;
} catch {
  denied = parent !== window;
}
const read = () => (denied ? memory : JSON.parse(sessionStorage.getItem(KEY)));
function write(v) {
  const text = v && JSON.stringify(v);
  if (denied) out({ keep: text });
  else v ? sessionStorage.setItem(KEY, text) : sessionStorage.removeItem(KEY);
}

// chat: {id, token, pending: [{key, text}]}; id comes with the first message stored.
let chat, seen, state, socket, tries, timer, pumping, unread = 0, shown = false;
const key = () => Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
const out = (m) => parent !== window && parent.postMessage({ junctor: "chat", ...m }, "*");
const tell = (more) => out({ active: !!chat && state !== "closed", unread, ...more });

async function post(path, body) {
  const answer = await fetch("/api/v1/chat" + path, {
    method: "POST", credentials: "omit", body: body && JSON.stringify(body),
    headers: { ...(body && { "Content-Type": "application/json" }), ...(chat.token && { Authorization: "Bearer " + chat.token }) },
  });
  const out = await answer.json().catch(() => ({}));
  if (answer.ok) return out;
  throw Object.assign(new Error(out.error?.message || answer.statusText), { status: answer.status });
}

function show() {
  const open = chat?.id && state !== "closed";
  $("name").hidden = !!chat;
  $("leave").hidden = !open;
  $("form").hidden = state === "closed";
  $("fresh").hidden = state !== "closed";
  tell();
}
const note = (words) => ($("state").textContent = words);
function line(from, text, before) {
  const li = document.createElement("li"), who = document.createElement("span");
  li.className = from;
  li.dir = "auto";
  who.className = "unseen";
  who.textContent = t[from] + ": ";
  li.append(who, text);
  const low = $("log").scrollHeight - $("log").scrollTop - $("log").clientHeight < 60;
  $("log").insertBefore(li, before);
  if (low || from === "customer") $("log").scrollTop = $("log").scrollHeight;
  return li;
}
function take(m) {
  if (seen.has(m.n)) return;
  seen.add(m.n);
  if (m.from === "customer") settle(chat.pending.find((p) => p.text === m.text));
  line(m.from, m.text, [...$("log").children].find((li) => li.classList.contains("wait") || li.classList.contains("failed")) || null);
  if (m.from === "agent" && !shown) unread++;
  tell();
}
function settle(p) {
  if (!p || !chat.pending.includes(p)) return;
  chat.pending = chat.pending.filter((x) => x !== p);
  p.li?.remove();
  save();
}
const save = () => write({ ...chat, pending: chat.pending.map(({ key: k, text }) => ({ key: k, text })) });

// One at a time, in order; again by itself while the connection is gone.
async function pump() {
  if (pumping) return;
  pumping = true;
  const mine = chat;
  for (let p, n = 0; (p = mine.pending.find((x) => !x.failed)) && chat === mine; ) {
    try {
      if (mine.id) {
        const { n: number } = await post(`/${mine.id}/messages`, { text: p.text, key: p.key });
        take({ n: number, from: "customer", text: p.text });
      } else {
        const body = { tenant: query.get("tenant"), text: p.text, key: p.key };
        if (mine.name) body.name = mine.name;
        if (query.get("queue")) body.queue = query.get("queue");
        const { id, token } = await post("", body);
        Object.assign(mine, { id, token });
        save();
        listen();
        take({ n: 1, from: "customer", text: p.text });
      }
      settle(p);
      n = 0;
    } catch (e) {
      if (chat !== mine) break;
      if ((e.status && e.status < 500 && e.status !== 429) || ++n > 7) fail(p, e);
      else await new Promise((ok) => setTimeout(ok, Math.min(8000, 300 * 2 ** n)));
    }
  }
  pumping = false;
  show();
}
function fail(p, e) {
  p.failed = true;
  p.li.className = "customer failed";
  const again = document.createElement("button");
  again.type = "button";
  again.textContent = t.again;
  again.onclick = () => {
    p.failed = false;
    p.li.className = "customer wait";
    again.remove();
    pump();
  };
  p.li.append(again);
  note(`${t.failed} ${e.message}`);
}
function add(p) {
  p.li = line("customer", p.text, null);
  p.li.classList.add("wait");
}

function listen() {
  clearTimeout(timer);
  const mine = chat, ws = (socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/chat/${mine.id}/events`));
  ws.onopen = () => ws.send(JSON.stringify({ token: mine.token, cursor: Math.max(0, ...seen) }));
  ws.onmessage = (e) => {
    if (chat !== mine) return;
    const { type, data } = JSON.parse(e.data);
    tries = 0;
    if (type === "message") return take(data);
    state = data.state;
    note(fill(data.position ? t.position : t[state] || t.opening, data.position || data.agent || t.agent));
    show();
  };
  ws.onclose = (e) => {
    if (chat !== mine || socket !== ws || state === "closed") return;
    if (e.code === 4401) return fresh();
    note(t.gone);
    const wait = Math.min(10000, 300 * 2 ** tries++);
    timer = setTimeout(listen, wait / 2 + (Math.random() * wait) / 2);
  };
}
function fresh() {
  clearTimeout(timer);
  socket?.close();
  write(null);
  start(null);
  $("text").focus();
}
function start(kept) {
  chat = kept;
  seen = new Set();
  state = "";
  tries = 0;
  $("log").replaceChildren();
  note(chat ? t.opening : "");
  for (const p of chat?.pending || []) add(p);
  if (chat?.id) listen();
  if (chat?.pending.length) pump();
  show();
}

$("form").addEventListener("submit", (e) => {
  e.preventDefault();
  const text = $("text").value.trim();
  if (!text) return;
  chat ??= { name: $("name").value.trim(), pending: [] };
  const p = { key: key(), text };
  chat.pending.push(p);
  $("text").value = "";
  if (!chat.id) note(t.opening);
  save();
  add(p);
  show();
  pump();
});
$("text").addEventListener("keydown", (e) => {
  if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229) return;
  e.preventDefault();
  $("form").requestSubmit();
});
$("leave").addEventListener("click", () => post(`/${chat.id}/end`).catch(() => {}));
$("fresh").addEventListener("click", fresh);
$("close").addEventListener("click", () => tell({ close: true }));
addEventListener("keydown", (e) => e.key === "Escape" && tell({ close: true }));
addEventListener("message", (e) => {
  if (e.source !== parent || e.data?.junctor !== "shown") return;
  if (denied && !seen) start((memory = JSON.parse(e.data.kept || "null")));
  shown = e.data.shown;
  if (shown) {
    unread = 0;
    $("text").focus();
  }
  tell();
});
document.documentElement.lang = lang;
document.title = $("title").textContent = t.title;
for (const id of ["leave", "fresh"]) $(id).textContent = t[id];
for (const id of ["close", "send", "name", "text", "log"]) $(id).setAttribute("aria-label", t[id]);
for (const id of ["name", "text"]) $(id).placeholder = t[id];
$("close").hidden = parent === window;
shown = parent === window;
if (!denied) start(read());
tell({ hello: true });
