// A chat: its messages, what is on its way, and the box to write in.
import { post } from "./api.js";
import { el, text, show, attr, button, keyed, clock, icon } from "./dom.js";
import { paneOf, fact, otherQueues, options, whyButton } from "./pane.js";
import { t } from "./strings.js";

function bubble(m, of) {
  return el("li", { class: "message " + m.from },
    el("span", { class: "unseen" }, (m.from === "customer" ? of : t("chat.from." + m.from)) + ": "),
    el("span", { class: "text", dir: "auto" }, m.text), el("time", { datetime: new Date(m.at_us / 1000).toISOString() }, clock(m.at_us)));
}
function onItsWay(p, chat) {
  const state = el("span", { class: "sending" });
  const buttons = el("span", { class: "buttons" }, button(t("chat.retry"), () => chat.again(p)), button(t("chat.drop"), () => chat.drop(p), { class: "quiet" }));
  const node = el("li", { class: "message agent pending" }, el("span", { class: "text", dir: "auto" }, p.text), state, buttons);
  node.update = () => {
    const failed = p.state === "failed";
    node.classList.toggle("failed", failed);
    text(state, failed ? t("chat.failed", { why: p.why }) : t("chat.sending"));
    show(buttons, failed);
  };
  return node;
}

export function chatPane(row, chat) {
  const customer = row.customer || t("who.guest");
  const log = el("ol", { class: "log", role: "log", "aria-label": t("chat.log"), tabindex: "0" });
  const box = el("textarea", { rows: 2, dir: "auto", "aria-label": t("chat.write", { who: customer }), placeholder: t("chat.placeholder"), maxlength: "8000" });
  const send = el("button", { type: "button", class: "main send", "aria-label": t("chat.send"), title: t("chat.send") }, icon("send"));
  const queue = el("select", { "aria-label": t("chat.transfer_pick") });
  const end = button(t("chat.end"), () => post(`/interactions/${row.id}/end`), { class: "end" });
  const move = button(t("chat.transfer"), () => queue.value && post(`/interactions/${row.id}/requeue`, { queue: queue.value }));
  const write = el("div", { class: "write" }, box, send), tools = el("div", { class: "tools" }, queue, move, el("span", { class: "gap" }), end);
  const facts = el("dl", { class: "facts" }, fact(t("pane.queue"), row.queue), fact(t("pane.client"), row.tenant), fact(t("pane.intent"), row.intent),
    fact(t("pane.language"), row.language), fact(t("pane.labels"), (row.labels || []).join(", ")), whyButton(row.id));
  const node = paneOf(row, customer, facts, log, el("div", { class: "foot" }, write, tools));

  const sendNow = () => {
    const words = box.value.trim();
    if (!words) return;
    box.value = chat.draft = "";
    fit();
    chat.send(words);
    log.scrollTop = log.scrollHeight;
  };
  const fit = () => {
    box.style.height = "auto";
    box.style.height = Math.min(box.scrollHeight + 2, 160) + "px";
  };
  send.addEventListener("click", () => (sendNow(), box.focus()));
  box.addEventListener("input", () => {
    chat.draft = box.value;
    fit();
  });
  box.addEventListener("keydown", (e) => {
    // While an input method composes (Korean, Chinese, Japanese), Enter belongs to it.
    if (e.key !== "Enter" || e.shiftKey || e.isComposing || e.keyCode === 229) return;
    e.preventDefault();
    sendNow();
  });
  const read = () => {
    if (chat.unread && document.hasFocus() && node.contains(document.activeElement)) {
      chat.unread = 0;
      chat.onChange();
    }
  };
  node.addEventListener("focusin", read);
  node.addEventListener("click", read);
  node.enter = () => (write.hidden ? node : box).focus({ preventScroll: true });
  node.messages = () => {
    const low = log.scrollHeight - log.scrollTop - log.clientHeight < 60;
    keyed(log, [...chat.messages, ...chat.pending], (m) => m.n ?? m.key, (m) => (m.n ? bubble(m, customer) : onItsWay(m, chat)), (li) => li.update?.());
    node.classList.toggle("has-unread", chat.unread > 0);
    if (low) log.scrollTop = log.scrollHeight;
    read();
  };
  node.update = (r) => {
    const open = r.state === "connected" || r.state === "held";
    node.share(r);
    show(write, open);
    show(tools, open);
    options(queue, otherQueues("chat", r.queue), t("chat.transfer_pick"));
    show(queue, queue.options.length > 1);
    show(move, queue.options.length > 1);
    attr(box, "disabled", open ? null : true);
  };
  node.update(row);
  node.messages();
  return node;
}
