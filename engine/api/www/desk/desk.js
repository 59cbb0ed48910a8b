// The agent's view: offers and open work at the side, one pane for each beside it.
import { post, get } from "./api.js";
import { el, text, attr, show, button, keyed, duration, announce, icon } from "./dom.js";
import { me, ixs, ended, queues, mine, on, nowUs, chatOf, queueNamed, isAsked } from "./store.js";
import { chatPane } from "./pane_chat.js";
import { callPane } from "./pane_call.js";
import { ring } from "./sound.js";
import { t } from "./strings.js";

export const nameOf = (row) =>
  row.channel === "chat" ? row.customer || t("who.guest") : (row.direction === "out" ? row.called : row.caller) || t("who.unknown");
const isOffer = (row) => row.state === "offered" && row.direction !== "out" && !isAsked(row);

function offerCard(row) {
  const chat = row.channel === "chat";
  const left = el("span", { class: "left" }), first = el("p", { class: "first", dir: "auto" });
  const take = chat
    ? button(t("offer.accept"), () => post(`/interactions/${row.id}/accept`), { class: "main accept" })
    : el("span", { class: "hint" }, t("offer.phone"));
  const node = el("li", { class: "offer", "data-id": row.id, "data-channel": row.channel },
    el("div", { class: "line" }, icon(row.channel), el("strong", {}, t("offer." + row.channel)), left),
    el("p", { class: "who", dir: "auto" }, nameOf(row)),
    el("p", { class: "facts" }, [row.queue, row.intent, row.language, ...(row.labels || []),
      t("offer.waited", { t: duration((row.offered_us - row.arrived_us) / 1e6) })].filter(Boolean).join(" · ")),
    first,
    el("div", { class: "buttons" }, take, button(t("offer.refuse"), () => post(`/interactions/${row.id}/refuse`), { class: "refuse" })));
  node.tick = () => {
    const limit = queueNamed(row.queue)?.offer_timeout_s;
    text(left, limit ? t("offer.left", { s: Math.max(0, Math.ceil(limit - (nowUs() - row.offered_us) / 1e6)) }) : "");
  };
  node.tick();
  if (chat)
    get(`/interactions/${row.id}/messages`).then((a) => text(first, a.messages[0]?.text.slice(0, 200)), () => {});
  announce(t("offer.announce", { what: t("offer." + row.channel), who: nameOf(row), queue: row.queue || "" }));
  return node;
}

function listItem(row, select) {
  const unread = el("span", { class: "unread", hidden: true }), state = el("span", { class: "at" }), who = el("span", { class: "who", dir: "auto" });
  const node = el("li", {}, el("button", { type: "button", class: "item", onclick: () => select(row.id) }, icon(row.channel), who, state, unread));
  Object.assign(node, { unread, state, who });
  return node;
}

function dialForm() {
  const number = el("input", { type: "tel", "aria-label": t("dial.number"), placeholder: t("dial.number"), required: true, autocomplete: "off" });
  const queue = el("select", { "aria-label": t("dial.queue") });
  const call = button(t("dial.button"), async () => {
    if (!number.value.trim()) return number.focus();
    await post("/calls", { to: number.value.trim(), ...(queue.value ? { queue: queue.value } : {}) });
    number.value = "";
  });
  const form = el("form", { class: "dial", "aria-label": t("dial.title"), hidden: true }, el("h2", {}, t("dial.title")),
    el("div", { class: "row" }, number, call), el("label", { class: "of" }, t("dial.queue"), queue));
  form.addEventListener("submit", (e) => {
    e.preventDefault();
    call.click();
  });
  form.update = () => {
    show(form, !!me.row && me.row.capacity.voice > 0 && me.row.may_call_out && me.row.state !== "logged_out");
    const names = [...queues.values()].filter((q) => q.channels.includes("voice")).map((q) => q.name).sort();
    if (form.names === names.join("\n")) return;
    form.names = names.join("\n");
    queue.replaceChildren(...names.map((n) => el("option", { value: n }, n)), el("option", { value: "" }, t("dial.any")));
  };
  return form;
}

export function deskView() {
  const offers = el("ul", { class: "offers" }), list = el("ul", { class: "list" }), hint = el("p", { class: "empty" });
  const panes = el("div", { class: "panes" }), nothing = el("p", { class: "empty" }, t("pane.empty")), dial = dialForm();
  const node = el("div", { class: "desk" },
    el("section", { class: "side", "aria-label": t("list.title") }, offers, el("h2", {}, t("list.title")), hint, list, dial),
    el("section", { class: "work" }, panes, nothing));
  let selected = null;

  const select = (id) => {
    selected = id;
    mark();
    const pane = panes.byKey?.get(id);
    pane?.scrollIntoView({ block: "nearest", inline: "nearest" });
    pane?.enter();
  };
  const mark = () => {
    for (const [id, pane] of panes.byKey || []) pane.classList.toggle("selected", id === selected);
    for (const [id, li] of list.byKey || []) attr(li.firstChild, "aria-current", id === selected ? "true" : null);
  };
  const rows = () => mine();
  let shownIds = new Set();
  const update = () => {
    const open = rows(), offered = open.filter(isOffer), worked = [...open.filter((r) => !isOffer(r)), ...ended.values()];
    keyed(offers, offered, (r) => r.id, offerCard);
    keyed(panes, worked, (r) => r.id, (r) => (r.channel === "chat" ? chatPane(r, chatOf(r.id)) : callPane(r)), (n, r) => n.update(r));
    keyed(list, worked, (r) => r.id, (r) => listItem(r, select), (li, r) => {
      text(li.who, nameOf(r));
      text(li.state, t("ix.state." + r.state));
      attr(li, "data-state", r.state);
    });
    const ids = new Set(worked.map((r) => r.id));
    const fresh = worked.find((r) => !shownIds.has(r.id));
    const typing = document.activeElement?.tagName === "TEXTAREA" && document.activeElement.value;
    shownIds = ids;
    if (fresh && !typing) select(fresh.id);
    else if (!ids.has(selected)) {
      selected = worked.at(-1)?.id ?? null;
      mark();
    }
    show(nothing, !worked.length);
    show(hint, !worked.length && !offered.length);
    text(hint, t(me.row?.state === "logged_out" ? "list.off" : me.row?.state === "not_ready" ? "list.not_ready" : "list.empty"));
    ring(offered.length > 0);
    document.title = (offered.length ? `● ${t("offer." + offered[0].channel)} – ` : "") + t("app.name");
    dial.update();
    unread();
  };
  const unread = () => {
    for (const [id, li] of list.byKey || []) {
      const n = ixs.get(id)?.channel === "chat" || ended.get(id)?.channel === "chat" ? chatOf(id).unread : 0;
      show(li.unread, n > 0);
      text(li.unread, String(n));
      attr(li.unread, "aria-label", t("pane.unread", { n }));
    }
  };
  on("ix", update);
  on("me", update);
  on("queue", update);
  on("chat", (ids) => {
    for (const id of ids) panes.byKey?.get(id)?.messages?.();
    unread();
  });
  on("second", () => {
    offers.byKey?.forEach((o) => o.tick());
    panes.byKey?.forEach((p) => p.tick());
  });
  // Alt+A takes the first offer, Alt+1 to Alt+9 go to a pane.
  node.keys = (e) => {
    if (!e.altKey || e.ctrlKey || e.metaKey || node.hidden) return;
    const pane = /^Digit[1-9]$/.test(e.code) ? [...panes.children][Number(e.code[5]) - 1] : null;
    if (pane) select(pane.dataset.id);
    else if (e.code === "KeyA") offers.querySelector("button.accept")?.click();
    else return;
    e.preventDefault();
  };
  onkeydown = node.keys;
  update();
  return { node };
}
