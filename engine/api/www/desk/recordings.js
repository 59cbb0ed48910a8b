// Recordings: the list, and one player. The sound is fetched with the token and played from memory, so seeking is free.
import { get, blob } from "./api.js";
import { el, text, show, attr, button, keyed, duration, when } from "./dom.js";
import { whyButton } from "./pane.js";
import { t } from "./strings.js";

const ROWS = 200;

export function recordingsView() {
  const body = el("tbody"), none = el("p", { class: "empty" }), words = el("p", { class: "empty", role: "status" }, t("rec.none_chosen"));
  const find = el("input", { type: "search", "aria-label": t("rec.find"), placeholder: t("rec.find") });
  const audio = el("audio", { controls: true, preload: "auto", hidden: true });
  const speed = el("select", { "aria-label": t("rec.faster"), hidden: true }, ["1", "1.25", "1.5", "2"].map((s) => el("option", { value: s }, s + "×")));
  let url = null, all = [], playing = null;

  const play = async (r) => {
    text(words, t("rec.loading"));
    const sound = await blob(`/recordings/${r.id}/audio`);
    if (url) URL.revokeObjectURL(url);
    audio.src = url = URL.createObjectURL(sound);
    attr(audio, "aria-label", t("rec.player", { id: r.id }));
    audio.playbackRate = Number(speed.value);
    playing = r.id;
    show(audio, true);
    show(speed, true);
    text(words, `${when(r.first_us)} · ${t("rec.left")}`);
    draw();
    await audio.play().catch(() => {}); // a browser that wants a click has the controls
    audio.focus();
  };
  speed.addEventListener("change", () => (audio.playbackRate = Number(speed.value)));
  const make = (r) => {
    const gaps = r.network_gaps.some(Boolean) || r.overflow || r.bad_records;
    const go = button(t("rec.play"), async () => {
      try {
        await play(r);
      } catch (e) {
        text(words, "");
        throw e;
      }
    }, { "aria-label": t("rec.player", { id: r.id }) });
    return el("tr", { "data-id": r.id }, el("th", { scope: "row" }, when(r.first_us)), el("td", { class: "num" }, duration((r.last_us - r.first_us) / 1e6)),
      el("td", { class: "id" }, r.id), el("td", {}, t(gaps ? "rec.gaps" : "rec.complete")), el("td", { class: "supervise" }, go, whyButton(r.id)));
  };
  const draw = () => {
    const wanted = find.value.trim().toUpperCase(), rows = all.filter((r) => !wanted || r.id.includes(wanted));
    keyed(body, rows.slice(0, ROWS), (r) => r.id, make, (tr, r) => attr(tr, "aria-selected", r.id === playing ? "true" : null));
    text(none, rows.length > ROWS ? t("board.more", { n: rows.length - ROWS }) : rows.length ? "" : t("rec.none"));
    show(none, !rows.length || rows.length > ROWS);
  };
  const refresh = async () => {
    all = (await get("/recordings")).recordings.sort((a, b) => b.first_us - a.first_us);
    draw();
  };
  find.addEventListener("input", draw);
  const again = button(t("rec.refresh"), refresh);
  const node = el("div", { class: "recordings", hidden: true },
    el("section", {}, el("div", { class: "line" }, el("h2", {}, t("rec.title")), find, again),
      el("div", { class: "player" }, words, el("div", { class: "line" }, audio, speed)),
      el("div", { class: "scroll", tabindex: "0", role: "region", "aria-label": t("rec.title") }, el("table", {}, el("thead", {}, el("tr", {},
        ["when", "length", "recording", "whole", "play"].map((k) => el("th", { scope: "col", class: k === "length" ? "num" : "" }, t("col." + k))))), body)), none));
  return { node, shown: (yes) => (yes ? again.click() : audio.pause()) };
}
