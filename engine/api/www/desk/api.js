// The API: who is signed in, requests, and refusals in words. The token stays in this tab and never goes into a URL.
import { t, because } from "./strings.js";

const KEY = "junctor.session";
let session = read();
let onEnd = () => {};

function read() {
  try {
    return JSON.parse(sessionStorage.getItem(KEY));
  } catch {
    return null;
  }
}
export const who = () => session;
export const supervises = () => session && session.role !== "agent";
export function whenSignedOut(f) {
  onEnd = f;
}

export class Refusal extends Error {
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
    const why = /(?:^|the router )refused: (\w+)|^(no_route): /.exec(message);
    this.words = why ? t("refused", { why: because(why[1] || why[2]) }) : code === "busy" ? t("refused.busy") : message;
  }
}

async function request(method, path, body, token) {
  const headers = token ? { Authorization: "Bearer " + token } : {};
  if (body !== undefined) headers["Content-Type"] = "application/json";
  let answer;
  try {
    answer = await fetch("/api/v1" + path, {
      method, headers, body: body === undefined ? undefined : JSON.stringify(body), cache: "no-store", credentials: "omit",
    });
  } catch {
    throw new Refusal(0, "unreachable", t("link.unreachable"));
  }
  if (answer.ok) return answer;
  const error = (await answer.json().catch(() => ({}))).error || {};
  if (answer.status === 401 && token && session && token === session.token) forget(t("signin.again"));
  throw new Refusal(answer.status, error.code || "", error.message || answer.statusText);
}

async function ask(method, path, body) {
  return (await request(method, path, body, session?.token)).json();
}
export const get = (path) => ask("GET", path);
export const post = (path, body) => ask("POST", path, body);
export const del = (path) => ask("DELETE", path);
export const blob = async (path) => (await request("GET", path, undefined, session?.token)).blob();

export async function signIn(tenant, name, password) {
  const answer = await (await request("POST", "/login", { tenant, name, password })).json();
  session = { token: answer.token, agent: answer.agent, name: answer.name, role: answer.role, tenant };
  sessionStorage.setItem(KEY, JSON.stringify(session));
}
export function forget(message) {
  session = null;
  sessionStorage.removeItem(KEY);
  onEnd(message);
}
export async function signOut() {
  try {
    await post("/logout");
  } catch {
    // the token ends by itself
  }
  if (session) forget("");
}

// A key for one message: who repeats it with the same key stores it once. (randomUUID wants a secure context.)
export function freshKey() {
  return Array.from(crypto.getRandomValues(new Uint8Array(16)), (b) => b.toString(16).padStart(2, "0")).join("");
}
