// What admins see: the model, everybody's recent photos as far as they are shared, and the accounts.

import { call, stored } from "../api.js";
import { el, problem, table, tiles } from "../dom.js";
import { badge, shown, title, verdict } from "../result.js";
import { className, moment, percent, t } from "../words.js";

export function admin() {
  const corrected = el("input", { type: "checkbox", change: () => reviews.start() });
  const reviews = pages(
    [t("when"), t("answer"), t("label"), t("user"), t("photo")],
    (cursor) => call("GET", "/inference/reviews", { query: { cursor, corrected: corrected.checked } }),
    ({ predictions }) => predictions.map(review),
    t("recent"),
  );
  const users = pages(
    [t("when"), t("name"), t("email"), t("role")],
    (cursor) => call("GET", "/auth/users", { query: { cursor } }),
    (page) => page.users.map(user),
    t("users"),
  );
  const model = el("div", {}, el("p", { role: "status" }, t("loading")));
  call("GET", "/inference/model").then(
    (found) => model.replaceChildren(...described(found)),
    (error) => model.replaceChildren(problem(error.message)),
  );
  reviews.start();
  users.start();
  const view = el(
    "div",
    {},
    el("h1", {}, t("admin")),
    el("h2", {}, t("recent")),
    el("label", { class: "wish" }, corrected, el("span", {}, t("only_corrected"))),
    reviews.view,
    el("h2", {}, t("users")),
    users.view,
    el("h2", {}, t("model")),
    model,
  );
  return { view };
}

/** A table that grows page by page. `ask` brings the page after a cursor, `rows` makes table rows of it. */
function pages(columns, ask, rows, label) {
  let cursor = "";
  let asked = 0;
  const body = el("tbody");
  const status = el("p", { role: "status" });
  const more = el("button", { type: "button", click: load, hidden: true }, t("more"));

  async function load() {
    const mine = ++asked;
    status.textContent = t("loading");
    more.hidden = true;
    try {
      const page = await ask(cursor);
      if (mine !== asked) return;
      body.append(...rows(page));
      cursor = page.next_cursor;
      status.textContent = body.childElementCount ? "" : t("nothing");
      more.hidden = !cursor;
    } catch (error) {
      status.textContent = error.message;
    }
  }

  function start() {
    cursor = "";
    body.replaceChildren();
    return load();
  }

  return { start, view: el("div", {}, wide(columns, body, label), status, more) };
}

function wide(columns, body, label) {
  return el("div", { class: "wide", tabindex: 0, role: "region", "aria-label": label }, table(columns, body));
}

const row = (...cells) => el("tr", {}, cells.map((cell) => el("td", {}, cell)));

function review(one) {
  const label = one.label ? className(one.label) : "";
  const photo = one.image_url ? shown(stored("archive", one.image_url), title(one)) : t("not_shared");
  const name = one.predicted_class_name;
  const answer = name ? `${className(name)} ${percent(one.confidence)}` : one.reason;
  const said = el("span", {}, badge(verdict({ ...one, label: null })), ` ${answer}`);
  return row(moment(one.created_at), said, label, one.user_uid.slice(0, 8), photo);
}

const user = (one) => row(moment(one.created_at), `${one.first_name} ${one.last_name}`, one.email, one.role);

function described({ version, trained_on: trained, test_photos: photos, test, per_class: classes }) {
  const figures = ["accuracy", "macro_f1", "state_accuracy", "kind_accuracy", "rotten_called_healthy"];
  const shares = ({ precision, recall, f1 }) => [precision, recall, f1].map((share) => percent(share, 1));
  const rows = classes.map((one) =>
    row(className(one.class_name), String(one.photos), ...shares(one)),
  );
  return [
    el("p", {}, t("model_is", { version, trained, photos })),
    tiles(figures.map((name) => [t(name), percent(test[name], 1)])),
    wide([t("class"), t("photos_tested"), t("precision"), t("recall"), t("f1")], el("tbody", {}, rows), t("model")),
  ];
}
