// The account: log out, or take everything away.

import { call } from "../api.js";
import { confirmed, el, problem } from "../dom.js";
import * as session from "../session.js";
import { t } from "../words.js";

export function account() {
  const { first_name: first, last_name: last, email } = session.me();
  const wrong = problem();

  async function attempt(act) {
    try {
      wrong.textContent = (await act()) === false ? t("error_unreachable") : "";
    } catch (error) {
      wrong.textContent = error.message;
    }
  }

  async function forget() {
    if (!(await confirmed(t("forget_question"), t("forget"), t("cancel")))) return;
    await call("DELETE", "/auth/me");
    session.end("out");
  }

  const view = el(
    "div",
    { class: "narrow" },
    el("h1", {}, t("account")),
    el("p", {}, `${first} ${last}`, el("br"), email),
    el("p", {}, el("button", { type: "button", click: () => attempt(session.logOut) }, t("log_out"))),
    wrong,
    el("h2", {}, t("forget")),
    el("p", {}, t("forget_hint")),
    el("button", { type: "button", class: "danger", click: () => attempt(forget) }, t("forget")),
  );
  return { view };
}
