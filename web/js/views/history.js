// The photos that were kept: a list that goes on as long as there are any.

import { call, stored } from "../api.js";
import { el, field, say, select } from "../dom.js";
import { badge, shown, title, verdict } from "../result.js";
import { kind, kinds, moment, t } from "../words.js";

const PATH = "/inference/predictions";
const AT_ONCE = 20;
const EXPORTED_AT_ONCE = 100;
const STATES = ["", "healthy", "rotten", "unsure", "failed"];
const ANSWER = ["predicted_class_name", "confidence", "recognised"];
const COLUMNS = ["uid", "created_at", "status", ...ANSWER, "label", "model_version", "reason"];

export function history() {
  let wanted = {};
  let cursor = null;
  let loading = null;
  const list = el("ul", { class: "entries", "aria-label": t("history") });
  const end = el("p", { class: "end", role: "status" });
  const more = el("button", { type: "button", click: load }, t("more"));
  const watcher = new IntersectionObserver(([{ isIntersecting }]) => isIntersecting && load(), { rootMargin: "600px" });

  const kindOf = select([["", t("all_kinds")], ...kinds().map((name) => [name, kind(name)])], "", { name: "kind" });
  const stateOf = select(STATES.map((one) => [one, t(one || "all_states")]), "", { name: "state" });
  const since = el("input", { type: "date", name: "since" });
  const until = el("input", { type: "date", name: "until" });
  const form = el(
    "form",
    { class: "filters", change: start, submit: (event) => event.preventDefault(), "aria-label": t("filter") },
    field(t("kind"), kindOf),
    field(t("state"), stateOf),
    field(t("since"), since),
    field(t("until"), until),
    el("button", { type: "button", click: (event) => save(event.target) }, t("csv")),
  );

  function start() {
    const state = stateOf.value;
    wanted = {
      kind: kindOf.value,
      ...(state === "failed" ? { status: "failed" } : { state }),
      since: since.value && midnight(since.value, 0),
      until: until.value && midnight(until.value, 1),
    };
    list.replaceChildren();
    cursor = "";
    loading = null;
    return load();
  }

  function load() {
    if (cursor !== null) loading ??= page(wanted);
    return loading;
  }

  async function page(asked) {
    watcher.unobserve(more); // so that a failure is not asked for again by itself, and a success is looked at anew
    more.hidden = true;
    end.textContent = t("loading");
    try {
      const found = await call("GET", PATH, { query: { ...asked, cursor, limit: AT_ONCE, images: true } });
      if (asked !== wanted) return; // the filter was changed meanwhile
      list.append(...found.predictions.map(entry));
      cursor = found.next_cursor;
      end.textContent = cursor ? "" : t(list.childElementCount ? "no_more" : "nothing");
      if (cursor) watcher.observe(more);
    } catch (error) {
      end.textContent = error.message;
    } finally {
      if (asked === wanted) {
        loading = null;
        more.hidden = cursor === null;
      }
    }
  }

  async function save(button) {
    button.disabled = true;
    try {
      const rows = [];
      for (let next = ""; next !== null; ) {
        const found = await call("GET", PATH, { query: { ...wanted, cursor: next, limit: EXPORTED_AT_ONCE } });
        rows.push(...found.predictions);
        next = found.next_cursor;
      }
      download(csv(rows), "rottenbot.csv");
      say(t("csv_saved"));
    } catch (error) {
      end.textContent = error.message;
    } finally {
      button.disabled = false;
    }
  }

  start();
  const view = el("div", {}, el("h1", {}, t("history")), form, list, end, more);
  return { view, leave: () => watcher.disconnect() };
}

function entry(record) {
  return el(
    "li",
    {},
    el(
      "a",
      { href: `#/history/${record.uid}` },
      shown(stored("archive", record.image_url), ""),
      el("span", {}, badge(verdict(record)), " ", el("strong", {}, title(record))),
      el("time", { datetime: record.created_at }, moment(record.created_at)),
    ),
  );
}

const midnight = (date, days) => {
  const [year, month, day] = date.split("-").map(Number);
  return new Date(year, month - 1, day + days).toISOString();
};

function csv(rows) {
  // A cell that begins like a formula would be run by a spreadsheet.
  const cell = (value) => `"${String(value ?? "").replace(/^[=+\-@]/, "'$&").replaceAll('"', '""')}"`;
  const lines = [COLUMNS, ...rows.map((row) => COLUMNS.map((column) => row[column]))];
  return lines.map((line) => line.map(cell).join()).join("\r\n");
}

function download(text, name) {
  const address = URL.createObjectURL(new Blob(["\ufeff", text], { type: "text/csv" }));
  el("a", { href: address, download: name }).click();
  setTimeout(() => URL.revokeObjectURL(address), 10_000);
}
