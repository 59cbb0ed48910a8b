// Junctor's chat for any web page whose origin is among api.origins; data-queue, -lang and -color may be left out:
//   <script src="https://ENGINE/widget.js" data-tenant="acme" data-queue="chat" defer></script>
(() => {
  const script = document.currentScript;
  if (!script || window.junctorChat) return;
  const base = new URL(script.src).origin, data = script.dataset, KEY = "junctor.widget:" + data.tenant;
  const lang = data.lang || document.documentElement.lang || navigator.language || "en";
  const label = { en: "Chat with us", ko: "채팅 상담", zh: "在线咨询", ru: "Написать в чат" };
  const words = label[lang.slice(0, 2).toLowerCase()] || label.en;
  const remember = (v, of = KEY) => {
    try {
      v ? sessionStorage.setItem(of, v) : sessionStorage.removeItem(of);
    } catch {}
  };
  const recall = (of = KEY) => {
    try {
      return sessionStorage.getItem(of);
    } catch {}
  };

  const host = document.createElement("div"), root = host.attachShadow({ mode: "open" }), style = new CSSStyleSheet();
  const color = /^#[0-9a-f]{3,8}$/i.test(data.color || "") ? data.color : "#3257d6";
  style.replaceSync(`
    button, iframe { position: fixed; inset: auto 20px 20px auto; z-index: 2147483000; border: 0; box-shadow: 0 4px 20px #0004; }
    button { height: 48px; padding: 0 20px; border-radius: 24px; background: ${color}; color: #fff; font: 600 15px system-ui, sans-serif; cursor: pointer; }
    button:focus-visible { outline: 3px solid ${color}; outline-offset: 3px; }
    b { background: #fff; color: ${color}; border-radius: 10px; padding: 1px 7px; margin-inline-start: 8px; }
    [hidden] { display: none; }
    iframe { bottom: 80px; width: 360px; height: min(560px, calc(100dvh - 100px)); border-radius: 14px; background: Canvas; }
    @media (max-width: 480px) { iframe { inset: 0 0 76px 0; width: 100%; height: calc(100dvh - 76px); border-radius: 0; } }`);
  root.adoptedStyleSheets = [style];
  const button = document.createElement("button"), badge = document.createElement("b");
  button.type = "button";
  badge.hidden = true;
  button.append(words, badge);
  root.append(button);
  let frame = null, active = false, ready = false;

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
  // kept: the chat's token, in browsers that give a frame of another origin no storage of its own.
  const tell = () => ready && frame.contentWindow.postMessage({ junctor: "shown", shown: !frame.hidden, kept: recall(KEY + ":chat") }, base);
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
    if ("keep" in e.data) return remember(e.data.keep, KEY + ":chat");
    active = e.data.active;
    badge.hidden = !e.data.unread;
    badge.textContent = e.data.unread;
    if (e.data.close) toggle(false);
    else if (e.data.hello) {
      ready = true;
      tell();
    }
    keep();
  });
  window.junctorChat = { open: () => toggle(true), close: () => toggle(false) };
  document.body.append(host);
  // After a reload: open again, or only listening.
  const before = recall();
  if (before === "open") toggle(true);
  else if (before) load();
})();
