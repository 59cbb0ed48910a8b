// The agent's own state: what it is, since when, and the three words that change it.
import { post } from "./api.js";
import { el, text, attr, show, button, duration, icon } from "./dom.js";
import { me, on, nowUs } from "./store.js";
import { quiet, setQuiet } from "./sound.js";
import { t, has } from "./strings.js";

const REASONS = ["break", "lunch", "training", "meeting", "office"];
export const reasonWords = (r) => (has("reason." + r) ? t("reason." + r) : r);

async function notReady(reason) {
  if (me.row?.state === "logged_out") await post("/agents/me/login");
  await post("/agents/me/not-ready", { reason });
}
async function ready() {
  if (me.row?.state === "logged_out") await post("/agents/me/login");
  await post("/agents/me/ready");
}

export function stateBar() {
  const pill = el("span", { class: "pill", role: "status" });
  const since = el("span", { class: "since", "aria-hidden": "true" });
  const phone = el("span", { class: "phone", role: "img" }, icon("voice"));
  const reason = el("select", { "aria-label": t("reason.label") }, REASONS.map((r) => el("option", { value: r }, t("reason." + r))));
  const toReady = button(t("act.ready"), ready), toNot = button(t("act.not_ready"), () => notReady(reason.value)),
    toOff = button(t("act.off"), () => post("/agents/me/logout"));
  const bell = el("button", { type: "button", class: "quiet bell", onclick: () => (setQuiet(!quiet()), bellText()) });
  const bellText = () => {
    bell.replaceChildren(icon(quiet() ? "bell-off" : "bell"));
    attr(bell, "aria-label", t(quiet() ? "sound.off" : "sound.on"));
    attr(bell, "title", t(quiet() ? "sound.off" : "sound.on"));
  };
  bellText();
  const node = el("div", { class: "mine", role: "group", "aria-label": t("state.label") }, pill, since, phone,
    el("span", { class: "seg" }, toReady, toNot, reason, toOff), bell);
  const update = () => {
    const row = me.row;
    show(node, !!row);
    if (!row) return;
    attr(node, "data-state", row.state);
    text(pill, t("state." + row.state) + (row.state === "not_ready" && row.reason ? ": " + reasonWords(row.reason) : ""));
    attr(toReady, "aria-pressed", row.state === "ready");
    attr(toNot, "aria-pressed", row.state === "not_ready");
    attr(toOff, "aria-pressed", row.state === "logged_out");
    show(phone, row.capacity.voice > 0);
    attr(phone, "data-on", row.phone);
    attr(phone, "title", t(row.phone ? "phone.on" : "phone.off"));
    attr(phone, "aria-label", t(row.phone ? "phone.on" : "phone.off"));
    tick();
  };
  const tick = () => text(since, me.row?.since_us ? duration((nowUs() - me.row.since_us) / 1e6) : "");
  on("me", update);
  on("second", tick);
  update();
  return node;
}
