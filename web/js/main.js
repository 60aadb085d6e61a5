// Which view is shown, and what stands around it.

import { el, select } from "./dom.js";
import * as session from "./session.js";
import { account } from "./views/account.js";
import { admin } from "./views/admin.js";
import { classify } from "./views/classify.js";
import { history } from "./views/history.js";
import { login } from "./views/login.js";
import { record } from "./views/record.js";
import { summary } from "./views/summary.js";
import { choose, current, languages, t } from "./words.js";

const VIEWS = { classify, history, summary, account, admin };

const main = document.getElementById("main");
let leave = () => {};

function show(view, title) {
  leave();
  leave = view.leave ?? (() => {});
  main.replaceChildren(view.view);
  document.title = `${title} · RottenBot`;
}

function route({ focus = true } = {}) {
  header();
  if (!session.me()) return;
  const [, name = "", uid] = location.hash.split("/");
  const known = name in VIEWS && (name !== "admin" || session.me().role === "admin") ? name : "classify";
  show(known === "history" && uid ? record(uid) : VIEWS[known](), t(known));
  if (focus) main.focus();
  window.scrollTo(0, 0);
}

function showLogin(how = {}) {
  header();
  show(login({ ...how, again: showLogin }), t(how.signingUp ? "sign_up" : "log_in"));
  main.focus();
}

function header() {
  const here = location.hash.split("/")[1] || "classify";
  const me = session.me();
  const names = Object.keys(VIEWS).filter((name) => name !== "admin" || me?.role === "admin");
  const link = (name) => el("a", { href: `#/${name}`, "aria-current": name === here && "page" }, t(name));
  const language = select(languages(), current(), {
    "aria-label": t("language"),
    change: ({ target }) => speak(target.value),
  });
  const icon = el("img", { src: "/icons/icon.svg", alt: "", width: 32, height: 32 });
  document.getElementById("header").replaceChildren(
    el("button", { type: "button", class: "skip", click: () => main.focus() }, t("skip")),
    el("a", { class: "brand", href: "#/classify" }, icon, "RottenBot"),
    ...(me ? [el("nav", { "aria-label": t("menu") }, names.map(link))] : []),
    language,
  );
  document.getElementById("offline").textContent = t("offline");
}

function speak(tag) {
  choose(tag);
  if (session.me()) route({ focus: false });
  else showLogin();
  document.querySelector("header select").focus();
}

function online() {
  document.getElementById("offline").hidden = navigator.onLine;
}

async function start() {
  online();
  try {
    if (!(await session.restore())) showLogin();
  } catch {
    header();
    const retry = el("button", { type: "button", class: "primary", click: start }, t("retry"));
    const hint = el("p", {}, t("not_there_hint"));
    show({ view: el("div", { class: "narrow" }, el("h1", {}, t("not_there")), hint, retry) }, t("not_there"));
  }
}

/** Keep all that the page is made of, so that it starts without a network. */
async function keep() {
  if (!("serviceWorker" in navigator)) return;
  await navigator.serviceWorker.register("/sw.js");
  const cache = await caches.open("page");
  const loaded = performance.getEntriesByType("resource").map(({ name }) => new URL(name).pathname);
  await cache.addAll(["/", ...new Set(loaded.filter((path) => !/^\/(api|storage)\//.test(path)))]);
}

session.changes.addEventListener("in", () => route());
session.changes.addEventListener("out", ({ detail }) => showLogin({ ended: detail === "ended" }));
window.addEventListener("hashchange", () => route());
window.addEventListener("online", online);
window.addEventListener("offline", online);
start();
keep().catch(() => {}); // without it, the page only needs the network
