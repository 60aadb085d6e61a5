// Counts and rotten share, by kind and over time.

import { call } from "../api.js";
import { bars, line } from "../charts.js";
import { el, field, problem, select, table, tiles } from "../dom.js";
import { day, kind, percent, t } from "../words.js";

export function summary() {
  const place = el("div", {}, el("p", { role: "status" }, t("loading")));
  call("GET", "/inference/stats")
    .then(({ counts }) => place.replaceChildren(...(counts.length ? all(counts) : [el("p", {}, t("nothing"))])))
    .catch((error) => place.replaceChildren(problem(error.message)));
  return { view: el("div", {}, el("h1", {}, t("summary")), place) };
}

function all(counts) {
  const healthy = sum(counts, "healthy");
  const rotten = sum(counts, "rotten");
  const byKind = grouped(counts, "kind").map(([name, ...numbers]) => [kind(name), ...numbers]);
  const names = [...new Set(counts.map((one) => one.kind))].sort();
  const over = el("div");
  const chosen = select([["", t("all_kinds")], ...names.map((name) => [name, kind(name)])], "", { change: draw });

  function draw() {
    const days = grouped(counts.filter((one) => !chosen.value || one.kind === chosen.value), "day");
    const shares = days.map(([date, good, bad]) => [date, bad / (good + bad)]);
    const rows = days.map(([date, good, bad]) => [day(date), good, bad]);
    over.replaceChildren(line(shares, t("share_over_time")), asTable(t("day"), rows));
  }
  draw();

  return [
    tiles([
      [t("photos_judged"), healthy + rotten],
      [t("healthy"), healthy],
      [t("rotten"), rotten],
      [t("rotten_share"), percent(rotten / (healthy + rotten))],
    ]),
    el("h2", {}, t("by_kind")),
    el("p", {}, t("bars_hint")),
    bars(byKind, t("by_kind")),
    asTable(t("kind"), byKind),
    el("h2", {}, t("share_over_time")),
    field(t("kind"), chosen),
    over,
  ];
}

const sum = (counts, state) => counts.reduce((total, one) => total + one[state], 0);

function grouped(counts, by) {
  const names = [...new Set(counts.map((one) => one[by]))].sort();
  const those = (name) => counts.filter((one) => one[by] === name);
  return names.map((name) => [name, sum(those(name), "healthy"), sum(those(name), "rotten")]);
}

function asTable(first, rows) {
  const cell = (number) => el("td", {}, String(number));
  const row = ([name, ...numbers]) => el("tr", {}, el("th", { scope: "row" }, name), numbers.map(cell));
  const numbers = table([first, t("healthy"), t("rotten")], el("tbody", {}, rows.map(row)));
  return el("details", {}, el("summary", {}, t("as_table")), numbers);
}
