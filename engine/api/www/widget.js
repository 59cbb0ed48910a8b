// Junctor's chat for any web page:
//   <script src="https://desk.example.com/widget.js" data-tenant="acme" data-queue="chat" defer></script>
// A button in a shadow root; the chat itself is a frame of the engine's own origin, so the page's scripts cannot read it.
// data-queue, data-lang and data-color may be left out. The page's origin must be among api.origins.
(() => {
  const script = document.currentScript;
  if (!script || window.junctorChat) return;
  const base = new URL(script.src).origin, data = script.dataset, KEY = "junctor.widget:" + data.tenant;
  const lang = data.lang || document.documentElement.lang || navigator.language || "en";
  const label = { en: "Chat with us", ko: "채팅 상담", zh: "在线咨询", ru: "Написать в чат" };
  const words = label[lang.slice(0, 2).toLowerCase()] || label.en;
  const remember = (v) => {
    try {
      v ? sessionStorage.setItem(KEY, v) : sessionStorage.removeItem(KEY);
    } catch {}
  };
  const recall = () => {
    try {
      return sessionStorage.getItem(KEY);
    } catch {}
  };

  const host = document.createElement("div"), root = host.attachShadow({ mode: "open" }), style = new CSSStyleSheet();
  const color = /^#[0-9a-f]{3,8}$/i.test(data.color || "") ? data.color : "#3257d6";
  style.replaceSync(`
    button { position: fixed; inset-block-end: 20px; inset-inline-end: 20px; z-index: 2147483000; height: 48px; padding: 0 20px; border: 0;
      border-radius: 24px; background: ${color}; color: #fff; font: 600 15px system-ui, sans-serif; cursor: pointer; box-shadow: 0 4px 16px #0004; }
    button:focus-visible { outline: 3px solid ${color}; outline-offset: 3px; }
    b { background: #fff; color: ${color}; border-radius: 10px; padding: 1px 7px; margin-inline-start: 8px; font-size: 13px; }
    [hidden] { display: none; }
    iframe { position: fixed; inset-block-end: 80px; inset-inline-end: 20px; z-index: 2147483000; width: 360px; height: min(560px, calc(100dvh - 100px));
      border: 0; border-radius: 14px; box-shadow: 0 8px 32px #0005; color-scheme: normal; background: Canvas; }
    @media (max-width: 480px) { iframe { inset: 0 0 76px 0; width: 100%; height: calc(100dvh - 76px); border-radius: 0; } }`);
  root.adoptedStyleSheets = [style];
  const button = document.createElement("button"), badge = document.createElement("b");
  button.type = "button";
  badge.hidden = true;
  button.append(words, badge);
  root.append(button);
  let frame = null, active = false;

  const load = () => {
    if (frame) return;
    frame = document.createElement("iframe");
    frame.title = words;
    frame.hidden = true;
    const query = new URLSearchParams({ tenant: data.tenant || "", lang });
    if (data.queue) query.set("queue", data.queue);
    frame.src = `${base}/widget/?${query}`;
    root.prepend(frame);
  };
  const keep = () => remember(!frame || frame.hidden ? (active ? "active" : "") : "open");
  const tell = () => frame.contentWindow.postMessage({ junctor: "shown", shown: !frame.hidden }, base);
  const toggle = (open) => {
    load();
    frame.hidden = !open;
    button.setAttribute("aria-expanded", String(open));
    keep();
    tell();
    if (open) frame.focus();
    else button.focus();
  };
  button.setAttribute("aria-expanded", "false");
  button.addEventListener("click", () => toggle(!frame || frame.hidden));
  addEventListener("message", (e) => {
    if (!frame || e.source !== frame.contentWindow || e.origin !== base || e.data?.junctor !== "chat") return;
    active = e.data.active;
    badge.hidden = !e.data.unread;
    badge.textContent = e.data.unread;
    if (e.data.close) toggle(false);
    else if (e.data.hello) tell();
    keep();
  });
  window.junctorChat = { open: () => toggle(true), close: () => toggle(false) };
  document.body.append(host);
  // After a reload: what was open is open again, and a chat that goes on is listened to.
  const before = recall();
  if (before === "open") toggle(true);
  else if (before) load();
})();
