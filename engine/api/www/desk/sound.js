// The ring of an offer: two soft tones, made here; no file is loaded. Off is remembered in this browser.
const KEY = "junctor.quiet";
let context = null, timer = 0;

export const quiet = () => localStorage.getItem(KEY) === "1";
export function setQuiet(on) {
  localStorage.setItem(KEY, on ? "1" : "0");
  if (on) ring(false);
}
function tone(at, hz) {
  const o = context.createOscillator(), g = context.createGain();
  o.frequency.value = hz;
  g.gain.setValueAtTime(0, at);
  g.gain.linearRampToValueAtTime(0.08, at + 0.03);
  g.gain.linearRampToValueAtTime(0, at + 0.28);
  o.connect(g).connect(context.destination);
  o.start(at);
  o.stop(at + 0.3);
}
function once() {
  try {
    context ??= new AudioContext();
    tone(context.currentTime, 660);
    tone(context.currentTime + 0.18, 880);
  } catch {
    // no sound device
  }
}
export function ring(on) {
  if (!on || quiet()) {
    clearInterval(timer);
    timer = 0;
  } else if (!timer) {
    once();
    timer = setInterval(once, 2000);
  }
}
