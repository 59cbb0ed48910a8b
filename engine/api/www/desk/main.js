// The page: signing in, the bar at the top, which view is shown.
import { who, signIn, signOut, supervises, whenSignedOut } from "./api.js";
import { el, text, show, attr, toast, button } from "./dom.js";
import { listen, stop } from "./feed.js";
import { apply, begin, changed, clear, chats } from "./store.js";
import { t, language } from "./strings.js";
import { stateBar } from "./state.js";
import { deskView } from "./desk.js";
import { boardView } from "./board.js";
import { recordingsView } from "./recordings.js";

const app = document.getElementById("app");
const LAST = "junctor.company";
document.documentElement.lang = language;

function signInPage(message) {
  const note = el("p", { class: "words", role: "alert" });
  const field = (name, type, auto, value) => {
    const input = el("input", { id: "signin-" + name, name, type, required: true, autocomplete: auto, value: value || "" });
    return [el("label", { for: input.id }, t("signin." + name)), input];
  };
  const send = el("button", { type: "submit", class: "main" }, t("signin.button"));
  const form = el("form", { class: "signin", "aria-labelledby": "signin-title" },
    el("h1", { id: "signin-title" }, el("img", { src: "/icon.svg", alt: "", width: 28, height: 28 }), t("app.name")),
    field("tenant", "text", "organization", localStorage.getItem(LAST)), field("name", "text", "username"),
    field("password", "password", "current-password"), note, send);
  form.addEventListener("submit", async (e) => {
    e.preventDefault();
    const f = new FormData(form);
    send.disabled = true;
    text(note, "");
    text(send, t("signin.wait"));
    try {
      await signIn(f.get("tenant").trim(), f.get("name").trim(), f.get("password"));
      localStorage.setItem(LAST, f.get("tenant").trim());
      work();
    } catch (problem) {
      text(note, problem.words || problem.message);
      form.elements.password.select();
    } finally {
      send.disabled = false;
      text(send, t("signin.button"));
    }
  });
  app.className = "out";
  app.replaceChildren(el("main", {}, form));
  text(note, message || "");
  (form.elements.tenant.value ? form.elements.name : form.elements.tenant).focus();
}

function work() {
  const views = { desk: deskView() };
  if (supervises()) Object.assign(views, { board: boardView(), recordings: recordingsView() });
  const lost = el("div", { class: "lost", role: "alert", hidden: true });
  const main = el("main", { id: "view", tabindex: "-1" }, Object.values(views).map((v) => v.node));
  const tabs = Object.keys(views).map((name) => el("button", { type: "button", onclick: () => open(name) }, t("nav." + name)));
  const open = (name) => {
    Object.entries(views).forEach(([n, v], i) => {
      show(v.node, n === name);
      attr(tabs[i], "aria-current", n === name ? "page" : null);
      v.shown?.(n === name);
    });
  };
  app.className = "in";
  app.replaceChildren(
    el("header", {},
      el("span", { class: "brand" }, el("img", { src: "/icon.svg", alt: "", width: 22, height: 22 }), t("app.name")),
      supervises() ? el("nav", { "aria-label": t("nav.label") }, tabs) : "",
      stateBar(),
      el("span", { class: "user" }, el("span", { class: "name" }, who().name), " ", el("span", { class: "of" }, who().tenant)),
      button(t("signout"), signOut, { class: "quiet" })),
    lost, main);
  open(supervises() ? "board" : "desk");

  let gone = false;
  const link = (up) => {
    if (up && gone) {
      text(lost, "");
      toast(t("link.back"), "good");
      for (const c of chats.values()) c.linkBack();
    } else if (!up) text(lost, t("link.gone"));
    gone = !up;
    show(lost, gone);
    app.classList.toggle("cut", gone);
  };
  begin().catch((e) => toast(e.words || String(e), "bad"));
  listen(apply, link);
}

whenSignedOut((message) => {
  stop();
  clear();
  signInPage(message);
});
addEventListener("beforeunload", (e) => {
  if ([...chats.values()].some((c) => c.pending.length || c.draft)) e.preventDefault();
});
// One clock for everything that counts seconds.
setInterval(() => changed("second", 0), 1000);
if (who()) work();
else signInPage("");
