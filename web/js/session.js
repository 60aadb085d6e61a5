// Who is logged in. The access token lives in this tab's memory, the refresh token in a cookie that no script can read.

const API = "/api/v1/auth";
const KEPT = "logged-in"; // whether asking for a token makes sense
const EARLY = 60_000;

export const changes = new EventTarget();
const otherTabs = new BroadcastChannel("session");

let token = null;
let user = null;
let timer;

otherTabs.onmessage = ({ data }) => {
  if (data === "out" && user) forget("out");
  if (data === "in" && !user) takeUp().catch(() => {});
};
document.addEventListener("visibilitychange", () => {
  if (user && !document.hidden && !isFresh()) renew().catch(() => {}); // a laptop that slept past the timer
});

export const me = () => user;
export const accessToken = () => token;

/** Take up the log-in of an earlier visit; false when there is none. Throws when the server cannot be reached. */
export async function restore() {
  return Boolean(localStorage.getItem(KEPT)) && takeUp();
}

async function takeUp() {
  if (!(await renew())) return false;
  const answer = await fetch(`${API}/me`, { headers: { Authorization: `Bearer ${token}` } });
  if (!answer.ok) throw new TypeError("the account could not be read");
  user = await answer.json();
  changes.dispatchEvent(new Event("in"));
  return true;
}

/** Log in. Returns the answer; the session has begun if it is ok. */
export async function logIn(email, password) {
  const answer = await post("login", { email, password });
  if (!answer.ok) return answer;
  const { access_token: given, user: account } = await answer.json();
  take(given);
  user = account;
  localStorage.setItem(KEPT, "1");
  otherTabs.postMessage("in");
  changes.dispatchEvent(new Event("in"));
  return answer;
}

export async function signUp(account) {
  return post("signup", account);
}

export async function logOut() {
  const answer = await post("logout");
  if (answer.ok || answer.status === 401) end("out");
  return answer.ok;
}

/** Get a new access token; false when the log-in has ended. One tab at a time, for each renewal replaces the cookie. */
export function renew() {
  const used = token;
  return navigator.locks.request("renew", async () => {
    if (token !== used) return true; // somebody in this tab was faster
    const answer = await post("refresh_token");
    if (answer.ok) {
      take((await answer.json()).access_token);
      return true;
    }
    if (answer.status !== 401) throw new TypeError("the session could not be renewed");
    end(user ? "ended" : "out");
    return false;
  });
}

/** End the session in this tab and the others; `why` is `out`, or `ended` when nobody asked for it. */
export function end(why) {
  localStorage.removeItem(KEPT);
  otherTabs.postMessage("out");
  forget(why);
}

function post(path, json) {
  const headers = { "X-Session": "cookie", ...(json && { "Content-Type": "application/json" }) };
  if (token) headers.Authorization = `Bearer ${token}`;
  return fetch(`${API}/${path}`, { method: "POST", headers, body: json && JSON.stringify(json) });
}

function forget(why) {
  clearTimeout(timer);
  token = user = null;
  changes.dispatchEvent(new CustomEvent("out", { detail: why }));
}

function take(given) {
  token = given;
  clearTimeout(timer);
  timer = setTimeout(() => renew().catch(() => {}), Math.max(expiry() - Date.now() - EARLY, 1000));
}

const isFresh = () => expiry() - Date.now() > EARLY;
const expiry = () => JSON.parse(atob(token.split(".")[1].replace(/-/g, "+").replace(/_/g, "/"))).exp * 1000;
