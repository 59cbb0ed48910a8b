// Building and changing elements. Text goes in as text, never as HTML.
import { t } from "./strings.js";

// el("button", {class: "x", onclick: f, "aria-label": "y"}, "text", child, ...)
export function el(tag, props, ...children) {
  const node = document.createElement(tag);
  for (const [name, value] of Object.entries(props || {})) {
    if (value === undefined || value === null || value === false) continue;
    if (name.startsWith("on")) node.addEventListener(name.slice(2), value);
    else if (name in node && name !== "list" && name !== "role" && typeof value !== "string") node[name] = value;
    else node.setAttribute(name === "class" ? "class" : name, value === true ? "" : value);
  }
  node.append(...children.flat().filter((c) => c !== null && c !== undefined && c !== false));
  return node;
}

const paths = {
  voice: "M5 3h3l1.5 4-2 1.5a9 9 0 0 0 4 4l1.5-2 4 1.5v3a1.5 1.5 0 0 1-1.6 1.5A13.5 13.5 0 0 1 3.5 4.6 1.5 1.5 0 0 1 5 3z",
  chat: "M4 4h12a1.5 1.5 0 0 1 1.5 1.5v7A1.5 1.5 0 0 1 16 14H9l-4 3v-3H4a1.5 1.5 0 0 1-1.5-1.5v-7A1.5 1.5 0 0 1 4 4z",
  bell: "M10 3a4.5 4.5 0 0 1 4.5 4.5c0 4 1.5 5 1.5 5H4s1.5-1 1.5-5A4.5 4.5 0 0 1 10 3zM8.5 15.5a1.6 1.6 0 0 0 3 0",
  "bell-off": "M10 3a4.5 4.5 0 0 1 4.5 4.5c0 4 1.5 5 1.5 5H4s1.5-1 1.5-5A4.5 4.5 0 0 1 10 3zM8.5 15.5a1.6 1.6 0 0 0 3 0M3 3l14 14",
  close: "M5.5 5.5l9 9M14.5 5.5l-9 9",
  send: "M3.5 10h12M11 5.5l4.5 4.5-4.5 4.5",
};
export function icon(name) {
  const svg = document.createElementNS("http://www.w3.org/2000/svg", "svg");
  const path = document.createElementNS("http://www.w3.org/2000/svg", "path");
  svg.setAttribute("viewBox", "0 0 20 20");
  svg.setAttribute("class", "icon");
  svg.setAttribute("aria-hidden", "true");
  path.setAttribute("d", paths[name]);
  svg.append(path);
  return svg;
}

// Writes only what changed: nodes keep their state, and a screen reader hears only news.
export function text(node, value) {
  const next = value ?? "";
  if (node.textContent !== next) node.textContent = next;
}
export function show(node, on) {
  if (node.hidden === on) node.hidden = !on;
}
export function attr(node, name, value) {
  if (value === null || value === false || value === undefined) node.removeAttribute(name);
  else if (node.getAttribute(name) !== String(value)) node.setAttribute(name, value);
}

export function duration(seconds) {
  const s = Math.max(0, Math.floor(seconds));
  const two = (n) => String(n).padStart(2, "0");
  return s < 3600 ? `${Math.floor(s / 60)}:${two(s % 60)}` : `${Math.floor(s / 3600)}:${two(Math.floor(s / 60) % 60)}:${two(s % 60)}`;
}
export const percent = (x) => (x === null || x === undefined ? "–" : `${Math.round(x * 100)} %`);
export const seconds = (x) => (x === null || x === undefined ? "–" : duration(x));
const clockFormat = new Intl.DateTimeFormat(undefined, { hour: "2-digit", minute: "2-digit" });
const whenFormat = new Intl.DateTimeFormat(undefined, { dateStyle: "medium", timeStyle: "medium" });
export const clock = (us) => clockFormat.format(new Date(us / 1000));
export const when = (us) => whenFormat.format(new Date(us / 1000));

export function toast(message, kind) {
  const node = el("div", { class: "toast " + (kind || "") }, message);
  const box = document.getElementById("toasts");
  box.append(node);
  while (box.children.length > 3) box.firstChild.remove();
  setTimeout(() => node.remove(), kind === "bad" ? 8000 : 4000);
}
export function announce(message) {
  document.getElementById("alerts").textContent = message;
}

// Runs an action of a button: not twice at once; a refusal is shown in words.
export function action(button, work) {
  button.addEventListener("click", async () => {
    if (button.disabled) return;
    button.disabled = true;
    try {
      await work();
    } catch (e) {
      toast(e.words || t("link.unreachable"), "bad");
    } finally {
      button.disabled = false;
    }
  });
  return button;
}
export const button = (label, work, props) => action(el("button", { type: "button", ...props }, label), work);

// One change of the page a frame, however many events came.
const due = new Set();
export function soon(f) {
  if (!due.size) requestAnimationFrame(run);
  due.add(f);
}
function run() {
  const now = [...due];
  due.clear();
  for (const f of now) f();
}

// Keeps container's children those of items, in order, by key; make(item) once for each, update(node, item) when asked.
export function keyed(container, items, key, make, update) {
  const known = (container.byKey ??= new Map()), wanted = new Set(items.map(key));
  for (const [k, node] of known)
    if (!wanted.has(k)) {
      known.delete(k);
      node.remove();
    }
  let at = container.firstElementChild;
  for (const item of items) {
    const k = key(item);
    let node = known.get(k);
    if (!node) known.set(k, (node = make(item)));
    update?.(node, item);
    if (node === at) at = at.nextElementSibling;
    else container.insertBefore(node, at);
  }
}
