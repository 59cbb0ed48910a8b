// The live board of supervisors: queues, agents, what is open. Rows are made once and written where they changed.
import { post, del, who } from "./api.js";
import { el, text, attr, show, button, keyed, duration, percent, seconds, icon } from "./dom.js";
import { ixs, queues, agents, watched, on, nowUs, longestWait } from "./store.js";
import { nameOf } from "./desk.js";
import { whyButton } from "./pane.js";
import { reasonWords } from "./state.js";
import { t } from "./strings.js";

const ROWS = 200; // of open interactions; the rest is counted

// A table whose columns are [key, words, value(row)]; numbers stand right.
function table(name, columns, label) {
  const body = el("tbody");
  const node = el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": label },
    el("table", { class: name }, el("thead", {}, el("tr", {}, columns.map(([key, words]) => el("th", { scope: "col", class: key }, words)))), body));
  const make = (row) => {
    const tr = el("tr", { "data-id": row.id });
    queueMicrotask(() => write(tr, row));
    tr.cells_ = columns.map(([key, , , special]) => {
      const td = el(special === "head" ? "th" : "td", { class: key, dir: "auto", ...(special === "head" ? { scope: "row" } : {}) });
      tr.append(td);
      return td;
    });
    return tr;
  };
  const write = (tr, row) => columns.forEach(([, , value], i) => {
    const v = value(row, tr.cells_[i], tr);
    if (v !== undefined) text(tr.cells_[i], v);
  });
  return { node, body, make, write };
}

// Buttons for calls that are up; the engine's news say who is in them and how.
function watchCell(row, td) {
  const live = row.channel === "voice" && !row.outside && (row.state === "connected" || row.state === "held");
  if (!live) {
    if (td.mark) td.replaceChildren();
    td.mark = null;
    return;
  }
  if (!td.mark) {
    const modes = ["listen", "whisper", "barge"].map((m) => [m, button(t("watch." + m), () => post(`/calls/${row.id}/supervise`, { mode: m }))]);
    const leave = button(t("watch.stop"), () => del(`/calls/${row.id}/supervise`), { class: "end" }), other = el("span", { class: "hint" });
    td.mark = () => {
      const w = watched.get(row.id), mine = w?.supervisor === who().name;
      for (const [m, b] of modes) {
        attr(b, "aria-pressed", mine && w.mode === m);
        show(b, !w || mine);
      }
      show(leave, mine);
      text(other, w && (!mine || w.state === "calling") ? t(mine ? "watch.calling" : "watch.other", { who: w.supervisor }) : "");
    };
    td.replaceChildren(el("span", { class: "seg", role: "group", "aria-label": t("watch.group", { who: nameOf(row) }) }, modes.map((m) => m[1]), leave), " ", other);
  }
  td.mark();
}

export function boardView() {
  const names = ["waiting", "longest", "level", "ready", "busy", "not_ready", "open_now"];
  const tiles = Object.fromEntries(names.map((k) => [k, el("dd")]));
  const top = el("dl", { class: "tiles" }, names.map((k) => el("div", { class: "tile " + k }, el("dt", {}, t("board." + k)), tiles[k])));
  const queueTable = table("queues", [
    ["name", t("col.queue"), (q) => q.name, "head"], ["channels", t("col.channels"), (q) => q.channels.map((c) => t("channel." + c)).join(", ")],
    ["num waiting", t("col.waiting"), (q, td) => (td.classList.toggle("warm", q.waiting > 0), String(q.waiting))],
    ["num longest", t("col.longest"), (q, td) => {
      const s = longestWait(q);
      td.classList.toggle("late", q.target_s > 0 && s > q.target_s);
      return q.waiting ? duration(s) : "–";
    }],
    ["num", t("col.ringing"), (q) => String(q.offered_now)], ["num", t("col.talking"), (q) => String(q.talking)],
    ["num", t("col.offered"), (q) => String(q.offered)], ["num", t("col.answered"), (q) => String(q.answered)],
    ["num", t("col.abandoned"), (q) => String(q.abandoned)],
    ["num level", t("col.level"), (q, td) => (td.classList.toggle("late", q.service_level !== null && q.service_level < 0.8), percent(q.service_level))],
    ["num", t("col.asa"), (q) => seconds(q.asa_s)], ["num", t("col.aht"), (q) => seconds(q.aht_s)]], t("board.queues"));
  const agentTable = table("agents", [
    ["name", t("col.agent"), (a) => a.display || a.name, "head"],
    ["state", t("col.state"), (a, td, tr) => (attr(tr, "data-state", a.state), t("state." + a.state))],
    ["num since", t("col.since"), (a) => (a.since_us ? duration((nowUs() - a.since_us) / 1e6) : "–")],
    ["reason", t("col.reason"), (a) => (a.state === "not_ready" && a.reason ? reasonWords(a.reason) : "")],
    ["num", t("col.load"), (a) => `${a.load.voice}/${a.capacity.voice} · ${a.load.chat}/${a.capacity.chat}`],
    ["phone", t("col.phone"), (a) => (a.capacity.voice ? t(a.phone ? "yes" : "no") : "–")]], t("board.agents"));
  const openTable = table("open", [
    ["channel", t("col.channel"), (r, td) => void (td.firstChild || td.append(icon(r.channel), " " + t("channel." + r.channel)))],
    ["name", t("col.customer"), nameOf, "head"], ["queue", t("col.queue"), (r) => r.queue || "–"],
    ["state", t("col.state"), (r, td, tr) => (attr(tr, "data-state", r.state), t("ix.state." + r.state))],
    ["agent", t("col.agent"), (r) => r.agent || "–"],
    ["num time", t("col.time"), (r) => duration((nowUs() - (r.state === "wrap_up" ? r.ended_us : r.answered_us || r.arrived_us)) / 1e6)],
    ["supervise", t("col.listen"), (r, td) => void watchCell(r, td)],
    ["why", "", (r, td) => void (td.firstChild || !r.agent || td.append(whyButton(r.id)))]], t("board.open"));
  const more = el("p", { class: "empty" });
  const node = el("div", { class: "board", hidden: true }, el("h2", { class: "unseen" }, t("board.title")), top,
    el("section", {}, el("h2", {}, t("board.queues")), queueTable.node), el("section", {}, el("h2", {}, t("board.agents")), agentTable.node),
    el("section", {}, el("h2", {}, t("board.open")), openTable.node, more));

  const byName = (a, b) => (a.name || "").localeCompare(b.name || "");
  const order = { on_interaction: 0, wrap_up: 1, ready: 2, not_ready: 3, logged_out: 4 };
  const summary = () => {
    const all = [...queues.values()], people = [...agents.values()];
    const sum = (k) => all.reduce((n, q) => n + q[k], 0);
    const longest = Math.max(0, ...all.map(longestWait)), done = sum("answered") + sum("abandoned");
    const count = (...states) => String(people.filter((a) => states.includes(a.state)).length);
    text(tiles.waiting, String(sum("waiting")));
    text(tiles.longest, sum("waiting") ? duration(longest) : "–");
    text(tiles.level, percent(done ? sum("in_target") / done : null));
    text(tiles.ready, count("ready"));
    text(tiles.busy, count("on_interaction", "wrap_up"));
    text(tiles.not_ready, count("not_ready"));
    text(tiles.open_now, String(ixs.size));
  };
  const drawQueues = () => keyed(queueTable.body, [...queues.values()].sort(byName), (q) => q.id, queueTable.make);
  const drawAgents = () => keyed(agentTable.body, [...agents.values()].sort((a, b) => order[a.state] - order[b.state] || byName(a, b)), (a) => a.id, agentTable.make);
  const drawOpen = () => {
    const rows = [...ixs.values()].sort((a, b) => a.arrived_us - b.arrived_us);
    keyed(openTable.body, rows.slice(0, ROWS), (r) => r.id, openTable.make);
    text(more, rows.length > ROWS ? t("board.more", { n: rows.length - ROWS }) : rows.length ? "" : t("board.none"));
    show(more, !rows.length || rows.length > ROWS);
  };
  const write = (table_, map, ids) => {
    for (const id of ids) {
      const tr = table_.body.byKey?.get(id);
      if (tr && map.has(id)) table_.write(tr, map.get(id));
    }
  };
  const parts = { queue: [queueTable, queues, drawQueues], agent: [agentTable, agents, drawAgents], ix: [openTable, ixs, drawOpen] };
  for (const [kind, [table_, map, draw]] of Object.entries(parts))
    on(kind, (ids) => {
      if (node.hidden) return;
      draw();
      write(table_, map, ids);
      summary();
    });
  const all = () => {
    for (const [table_, map, draw] of Object.values(parts)) {
      draw();
      write(table_, map, map.keys());
    }
    summary();
  };
  on("second", () => {
    if (node.hidden) return;
    for (const [table_, map] of Object.values(parts)) write(table_, map, map.keys());
    summary();
  });
  return { node, shown: (yes) => yes && all() };
}
