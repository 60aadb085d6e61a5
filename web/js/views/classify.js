// Photos in, verdicts out.

import { el, problem, say } from "../dom.js";
import { CHOSEN, onSlowLink } from "../photos.js";
import { queue } from "../queue.js";
import { badge, mapOf, picture, sentence, title, topThree, verdict } from "../result.js";
import { count, percent, t } from "../words.js";

const wishes = { keep: true, smaller: onSlowLink() };

export function classify() {
  const list = el("ul", { class: "cards", "aria-label": t("results") });
  const tally = el("p", { class: "tally" });
  const listening = new AbortController();

  const add = (files) => files.length && queue.add(files, { ...wishes });
  const take = ({ target }) => {
    add(target.files);
    target.value = "";
  };
  const file = (id, asked) => el("input", { type: "file", id, class: "unseen", change: take, ...asked });
  const picker = file("picker", { accept: CHOSEN, multiple: true });
  const camera = file("camera", { accept: "image/*", capture: "environment" });
  const wish = (name) =>
    el(
      "label",
      { class: "wish" },
      el("input", { type: "checkbox", checked: wishes[name], change: ({ target }) => (wishes[name] = target.checked) }),
      el("span", {}, t(name), el("small", {}, t(`${name}_hint`))),
    );

  const place = el(
    "section",
    { class: "drop", "aria-label": t("add_photos") },
    el("img", { src: "/icons/icon.svg", alt: "", width: 48, height: 48 }),
    el("p", {}, t("drop_here")),
    el(
      "div",
      { class: "row" },
      picker,
      el("label", { for: "picker", class: "button primary" }, t("choose")),
      camera,
      el("label", { for: "camera", class: "button" }, t("camera")),
    ),
    el("div", { class: "wishes" }, wish("keep"), wish("smaller")),
  );

  const listen = (target, name, act) => target.addEventListener(name, act, { signal: listening.signal });
  listen(window, "dragover", (event) => {
    event.preventDefault();
    place.classList.add("over");
  });
  listen(window, "dragleave", () => place.classList.remove("over"));
  listen(window, "drop", (event) => {
    event.preventDefault();
    place.classList.remove("over");
    add(event.dataTransfer.files);
  });
  listen(window, "paste", ({ clipboardData }) => add(clipboardData.files));

  const show = (items) => list.prepend(...items.map((item) => card(item, listening.signal)).reverse());
  const sum = () => (tally.textContent = summary());
  listen(queue, "added", ({ detail }) => show(detail));
  listen(queue, "change", sum);
  show(queue.items);
  sum();

  const view = el("div", {}, el("h1", {}, t("classify")), place, tally, list);
  return { view, leave: () => listening.abort() };
}

function summary() {
  const done = queue.items.filter(({ state }) => state === "done").map(({ result }) => verdict(result));
  const number = (state) => done.filter((one) => one === state).length;
  if (!queue.items.length) return "";
  const states = ["healthy", "rotten", "unsure"].filter(number).map((state) => `${number(state)} ${t(state)}`);
  const failed = queue.items.filter(({ state }) => state === "failed").length;
  const left = queue.items.filter(({ isOnItsWay }) => isOnItsWay).length;
  return [
    count("photos", queue.items.length),
    ...states,
    ...(failed ? [`${failed} ${t("failed")}`] : []),
    ...(left ? [t("left", { left })] : []),
  ].join(" · ");
}

function card(item, signal) {
  const place = el("li", { class: "card" });
  let address = null;
  let shown = null;

  const change = () => {
    if (item.preview && !address) address = URL.createObjectURL(item.preview);
    if (item.state === shown && item.state === "sending") {
      place.querySelector("progress").value = item.progress;
      return;
    }
    shown = item.state;
    if (item.state === "done") say(sentence(item.result));
    const content = { done, failed }[item.state] ?? waiting;
    place.replaceChildren(...content(item, address));
  };
  item.addEventListener("change", change, { signal });
  item.addEventListener("removed", () => place.remove(), { signal });
  for (const [target, name] of [[item, "removed"], [signal, "abort"]])
    target.addEventListener(name, () => URL.revokeObjectURL(address), { once: true });
  change();
  return place;
}

function thumbnail(address) {
  if (!address) return el("div", { class: "photo empty" });
  return el("div", { class: "photo" }, el("img", { src: address, alt: "" }));
}

function waiting(item, address) {
  const known = item.state === "sending";
  const because = item.state === "pausing" && item.problem;
  return [
    thumbnail(address),
    el("h2", { class: "name" }, item.name),
    el("progress", { "aria-label": t(`state_${item.state}`), max: 1, ...(known && { value: item.progress }) }),
    el("p", {}, because ? t("state_refused", { because }) : t(`state_${item.state}`)),
  ];
}

function done(item, address) {
  const { result } = item;
  const state = verdict(result);
  const { figure, toggle } = picture(address, item.name, () => mapOf(result, item.photo));
  return [
    figure,
    el("h2", {}, badge(state), " ", title(result)),
    state === "unsure"
      ? el("p", {}, t("unsure_hint"))
      : el("p", {}, t("sure", { sure: percent(result.confidence) })),
    topThree(result),
    el(
      "div",
      { class: "row" },
      toggle,
      result.prediction_uid && el("a", { class: "button", href: `#/history/${result.prediction_uid}` }, t("open")),
    ),
  ];
}

function failed(item, address) {
  return [
    thumbnail(address),
    el("h2", { class: "name" }, badge("failed"), " ", item.name),
    problem(item.problem),
    el(
      "div",
      { class: "row" },
      item.canRetry && el("button", { type: "button", click: () => queue.retry(item) }, t("retry")),
      el("button", { type: "button", click: () => queue.remove(item) }, t("remove")),
    ),
  ];
}
