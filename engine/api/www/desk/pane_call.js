// A call: who, for how long, and what can be done with it. The sound is on the phone.
import { post, supervises } from "./api.js";
import { el, text, show, attr, button, duration } from "./dom.js";
import { paneOf, fact, otherQueues, options, whyButton } from "./pane.js";
import { agents, isAsked, me } from "./store.js";
import { t } from "./strings.js";

let lists = 0;

export function callPane(row) {
  const out = row.direction === "out";
  const number = (out ? row.called : row.caller) || t("who.unknown");
  const path = (verb) => `/calls/${row.id}/${verb}`;
  const big = el("p", { class: "number" }, number), asked = el("p", { class: "hint", hidden: true });
  const hold = button(t("call.hold"), () => post(path("hold"))), resume = button(t("call.resume"), () => post(path("resume")), { class: "main" }),
    hang = button(t("call.hangup"), () => post(path("hangup")), { class: "end" });
  const kind = el("select", { "aria-label": t("call.target") }, ["queue", "agent", ...(me.row?.may_call_out ? ["number"] : [])].map((k) => el("option", { value: k }, t("call.kind." + k))));
  const queue = el("select", { "aria-label": t("call.kind.queue") });
  const known = el("datalist", { id: "agents-" + ++lists });
  const to = el("input", { type: "text", "aria-label": t("call.to"), placeholder: t("call.to"), autocomplete: "off", hidden: true });
  const target = () => {
    const value = kind.value === "queue" ? queue.value : to.value.trim();
    if (!value) {
      (kind.value === "queue" ? queue : to).focus();
      return null;
    }
    return { [kind.value]: value };
  };
  const go = (verb) => async () => {
    const body = target();
    if (body) await post(path(verb), body);
  };
  // A number outside that is asked stands in no row: that it was asked is remembered here.
  let outside = null;
  const forget = (verb) => async () => {
    try {
      await post(path(verb));
    } finally {
      outside = null;
      node.update(node.row);
    }
  };
  const transfer = button(t("call.transfer"), go("transfer")), consult = button(t("call.consult"), async () => {
    const body = target();
    if (!body) return;
    await post(path("consult"), body);
    outside = body.number || body.queue || body.agent;
    node.update(node.row);
  });
  const complete = button(t("call.complete"), forget("consult/complete"), { class: "main" }), cancel = button(t("call.cancel"), forget("consult/cancel"));
  const main = el("div", { class: "tools" }, hold, resume, complete, cancel, el("span", { class: "gap" }), hang);
  const give = el("div", { class: "tools give" }, kind, queue, to, known, transfer, consult);
  const facts = el("dl", { class: "facts" }, fact(t("pane.queue"), row.queue), fact(t("pane.client"), row.tenant),
    fact(t("pane.called"), out ? null : row.called), fact(t("pane.waited"), row.answered_us ? duration(row.wait_ms / 1000) : null), whyButton(row.id));
  const node = paneOf(row, out ? t("call.out") : t("call.in"), facts, el("div", { class: "call" }, big, asked), el("div", { class: "foot" }, main, give));

  kind.addEventListener("change", () => {
    show(queue, kind.value === "queue");
    show(to, kind.value !== "queue");
    attr(to, "list", kind.value === "agent" ? known.id : null);
    to.value = "";
  });
  node.update = (r) => {
    const asked_ = isAsked(r), up = (r.state === "connected" || r.state === "held") && !asked_;
    if (!up || (node.row.consult && !r.consult)) outside = null;
    const asking = up && !!(r.consult || outside);
    node.share(r);
    text(big, (out ? r.called : r.caller) || t("who.unknown"));
    text(asked, asked_ ? t("call.asked", { who: r.agent }) : asking ? t("call.consulting", { who: r.consult || outside }) : "");
    show(asked, asking || asked_);
    show(main, up || (out && r.state === "offered"));
    show(hold, r.state === "connected" && !asking);
    show(resume, r.state === "held" && !asking);
    show(complete, asking);
    show(cancel, asking);
    show(give, up && !asking);
    options(queue, otherQueues("voice", null));
    if (supervises()) known.replaceChildren(...[...agents.values()].map((a) => el("option", { value: a.name })));
  };
  node.update(row);
  return node;
}
