// Events: one WebSocket, opened again with the last cursor until it is there. What was missed comes first, or a reset.
import { who, forget } from "./api.js";
import { t } from "./strings.js";

let socket = null, cursor = null, tries = 0, timer = 0, wanted = false, watchdog = 0;
let onEvent = () => {}, onLink = () => {};

export function listen(event, link) {
  onEvent = event;
  onLink = link;
  wanted = true;
  cursor = null;
  tries = 0;
  open();
}
export function stop() {
  wanted = false;
  clearTimeout(timer);
  clearTimeout(watchdog);
  socket?.close();
  socket = null;
}

function open() {
  clearTimeout(timer);
  if (!wanted || socket) return;
  const ws = (socket = new WebSocket(`${location.protocol === "https:" ? "wss" : "ws"}://${location.host}/api/v1/events`));
  watchdog = setTimeout(() => ws.close(), 10000);
  ws.onopen = () => {
    // The token goes as the first message: addresses are written into logs, messages are not.
    ws.send(JSON.stringify(cursor === null ? { token: who().token } : { token: who().token, cursor }));
    clearTimeout(watchdog);
    tries = 0;
    onLink(true);
  };
  ws.onmessage = (m) => {
    if (socket !== ws) return;
    const e = JSON.parse(m.data);
    cursor = e.cursor;
    onEvent(e);
  };
  ws.onclose = (c) => {
    clearTimeout(watchdog);
    if (socket !== ws) return;
    socket = null;
    if (!wanted) return;
    if (c.code === 4401) {
      stop();
      forget(t("signin.again"));
      return;
    }
    onLink(false);
    const wait = Math.min(10000, 300 * 2 ** tries++);
    timer = setTimeout(open, wait / 2 + Math.random() * (wait / 2));
  };
}
addEventListener("online", open);

// A network that died in silence: the browser itself would notice after minutes.
async function probe() {
  if (!wanted || !socket || socket.readyState !== WebSocket.OPEN) return;
  const ws = socket;
  try {
    await fetch("/healthz", { cache: "no-store", credentials: "omit", signal: AbortSignal.timeout(8000) });
  } catch {
    // A socket whose peer is gone does not close by itself: it is left behind.
    if (socket === ws) ws.onclose({ code: 1006 });
    ws.close();
  }
}
setInterval(probe, 20000);
addEventListener("offline", probe);
