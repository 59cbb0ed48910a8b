// What panes of chats and calls share: the head with facts, the timer, wrap-up, the end, "why this agent".
import { get, post, supervises } from "./api.js";
import { el, text, show, attr, button, duration, toast, icon, when } from "./dom.js";
import { nowUs, queueNamed, dismiss, queues } from "./store.js";
import { t, because } from "./strings.js";

export function fact(label, value) {
  return value ? el("div", {}, el("dt", {}, label), el("dd", { dir: "auto" }, value)) : null;
}

// One decision of the router: what it says itself, and whom it had to choose from.
const words = (k) => k.replaceAll("_", " ");
function decision(d) {
  const columns = Object.keys(d.candidates?.[0] || {});
  return el("section", {}, el("h3", {}, [d.at_us && when(d.at_us), d.agent, d.queue].filter(Boolean).join(" · ")), el("p", {}, d.text || ""),
    columns.length > 0 && el("div", { class: "scroll", role: "region", tabindex: "0", "aria-label": t("why.candidates") }, el("table", {}, el("thead", {}, el("tr", {}, columns.map((c) => el("th", { scope: "col" }, words(c))))),
      el("tbody", {}, d.candidates.map((x) => el("tr", {}, columns.map((c) => el("td", {}, String(x[c])))))))));
}
function explanation(answer) {
  return [...(answer.decisions || []).map(decision),
    el("details", {}, el("summary", {}, t("why.whole")), el("pre", {}, JSON.stringify(answer, null, 2)))];
}

// For supervisors; nothing for others.
export function whyButton(id) {
  if (!supervises()) return null;
  const node = button(t("pane.why"), async () => {
    try {
      const answer = await get(`/interactions/${id}/why`);
      const box = el("dialog", { class: "why", "aria-label": t("why.title") }, el("h2", {}, t("why.title")),
        explanation(answer),
        el("form", { method: "dialog" }, el("button", { autofocus: true }, t("pane.close"))));
      box.addEventListener("close", () => box.remove());
      document.body.append(box);
      box.showModal();
    } catch (e) {
      if (e.status !== 404) throw e;
      show(node, false);
      toast(t("why.none"));
    }
  }, { class: "quiet" });
  return node;
}

// A pane with the parts that every one has; body and foot are the channel's own.
export function paneOf(row, title, facts, body, foot) {
  const timer = el("span", { class: "timer", role: "timer" }), state = el("span", { class: "pill" });
  const name = el("h3", { dir: "auto" }, title);
  const over = el("p", { class: "over", hidden: true }), wrapped = el("span");
  const wrap = el("div", { class: "wrap", hidden: true }, wrapped, button(t("wrap.done"), () => post(`/interactions/${row.id}/wrap-done`), { class: "main" }));
  const close = el("button", { type: "button", class: "quiet close", "aria-label": t("pane.close"), title: t("pane.close"), onclick: () => dismiss(row.id) }, icon("close"));
  const node = el("article", { class: "pane", tabindex: "-1", "data-id": row.id, "data-channel": row.channel,
    "aria-label": t("pane.region", { what: t("channel." + row.channel), who: title }) },
    el("div", { class: "head" }, icon(row.channel), name, state, timer, close), facts, body, over, wrap, foot);
  node.row = row;
  node.name = name;
  node.tick = () => {
    const r = node.row;
    const from = r.state === "wrap_up" ? r.ended_us : r.answered_us || r.offered_us || r.arrived_us, to = r.state === "done" ? r.ended_us || r.closed_us : nowUs();
    text(timer, from && to ? duration((to - from) / 1e6) : "");
    const limit = queueNamed(r.queue)?.wrap_up_s;
    text(wrapped, r.state === "wrap_up" && limit ? t("wrap.left", { s: Math.max(0, Math.ceil(limit - (nowUs() - r.ended_us) / 1e6)) }) : t("wrap.over"));
  };
  node.share = (r) => {
    node.row = r;
    const done = r.state === "done";
    text(state, t("ix.state." + r.state));
    attr(node, "data-state", r.state);
    show(close, done);
    show(wrap, r.state === "wrap_up");
    show(over, done || r.state === "wrap_up");
    text(over, r.why && r.why !== "none" ? t("pane.ended", { why: because(r.why) }) : t("pane.ended_plain"));
    node.tick();
  };
  node.enter = () => node.focus({ preventScroll: true });
  return node;
}

// Names of the queues that take that channel, but the one it is in.
export const otherQueues = (channel, but) =>
  [...queues.values()].filter((q) => q.channels.includes(channel) && q.name !== but).map((q) => q.name).sort();
export const options = (select, names, first) => {
  if (select.names === names.join("\n")) return;
  select.names = names.join("\n");
  select.replaceChildren(...(first ? [el("option", { value: "" }, first)] : []), ...names.map((n) => el("option", { value: n }, n)));
};
