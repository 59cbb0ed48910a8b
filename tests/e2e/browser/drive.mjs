// Headless Chromium for tests/e2e/browser.py: one JSON request a line on stdin, one JSON answer a line on stdout.
//   {"open": name, "url": u, "dark": b, "width": w, "height": h, "language": l}   a page in a context of its own
//   {"page": name, "frame": css or null, "find": css, "do": method, "args": [...]} a locator's method
//   {"page": name, "do": method, "args": [...]}                                    a page's method
//   argv: folder of playwright-core, the browser, further options of its command line
//   {"page": name, "problems": true}                                              what went wrong in it since asked last
import { createRequire } from "node:module";
import { createInterface } from "node:readline";

const { chromium } = createRequire(process.argv[2] + "/")("playwright-core");
const browser = await chromium.launch({
  executablePath: process.argv[3], headless: true,
  args: ["--no-sandbox", "--autoplay-policy=no-user-gesture-required", "--disable-gpu", "--disable-dev-shm-usage", ...process.argv.slice(4)],
});
const pages = new Map();

async function open(r) {
  const context = await browser.newContext({
    viewport: { width: r.width || 1280, height: r.height || 800 }, colorScheme: r.dark ? "dark" : "light", locale: r.language || "en-GB",
    reducedMotion: "reduce",
  });
  const page = await context.newPage(), problems = [];
  page.setDefaultTimeout(r.timeout || 20000);
  page.on("console", (m) => ["error", "warning"].includes(m.type()) && problems.push(`${m.type()}: ${m.text()} (${m.location().url})`));
  page.on("pageerror", (e) => problems.push("thrown: " + e.stack));
  page.on("dialog", (d) => {
    if (d.type() !== "beforeunload") problems.push("dialog: " + d.message());
    d.accept().catch(() => {});
  });
  const hosts = new Set();
  page.on("request", (q) => hosts.add(new URL(q.url()).host));
  await page.addInitScript(() => addEventListener("securitypolicyviolation", (e) => console.error(`CSP ${e.violatedDirective} ${e.blockedURI}`)));
  pages.set(r.open, { page, problems, hosts });
  await page.goto(r.url);
}
async function answer(r) {
  if (r.open) return open(r);
  const p = pages.get(r.page);
  if (r.problems) return p.problems.splice(0);
  if (r.hosts) return [...p.hosts].filter(Boolean);
  if (r.find) return (r.frame ? p.page.frameLocator(r.frame) : p.page).locator(r.find)[r.do](...(r.args || []));
  return p.page[r.do](...(r.args || []));
}

for await (const line of createInterface({ input: process.stdin })) {
  const out = {};
  try {
    const value = await answer(JSON.parse(line));
    out.value = value === undefined || typeof value === "object" && value && !Array.isArray(value) && value.constructor !== Object ? null : value;
  } catch (e) {
    out.error = String(e.message).split("\n").slice(0, 6).join(" | ");
  }
  process.stdout.write(JSON.stringify(out) + "\n");
}
await browser.close();
