// Logging in and signing up.

import { el, field, problem } from "../dom.js";
import * as session from "../session.js";
import { t } from "../words.js";

export function login({ ended, signingUp = false, again }) {
  const wrong = problem();
  const email = el("input", { type: "email", name: "email", autocomplete: "username", required: true, maxlength: 254 });
  const password = el("input", {
    type: "password",
    name: "password",
    autocomplete: signingUp ? "new-password" : "current-password",
    required: true,
    minlength: signingUp ? 8 : 1,
    maxlength: 128,
  });
  const name = (id, autocomplete) => el("input", { name: id, autocomplete, required: true, maxlength: 100 });
  const [first, last] = [name("first_name", "given-name"), name("last_name", "family-name")];
  const send = el("button", { class: "primary" }, t(signingUp ? "sign_up" : "log_in"));

  async function submit(event) {
    event.preventDefault();
    send.disabled = true;
    wrong.textContent = "";
    try {
      wrong.textContent = await attempt();
    } catch {
      wrong.textContent = t("error_unreachable");
    } finally {
      send.disabled = false;
    }
  }

  async function attempt() {
    if (signingUp) {
      const account = { first_name: first.value, last_name: last.value, email: email.value, password: password.value };
      const answer = await session.signUp(account);
      if (!answer.ok) return why(answer);
    }
    const answer = await session.logIn(email.value, password.value);
    return answer.ok ? "" : why(answer);
  }

  const view = el(
    "div",
    { class: "narrow" },
    el("h1", {}, t(signingUp ? "sign_up" : "log_in")),
    el("p", {}, t("what_it_is")),
    ended && el("p", { class: "notice", role: "alert" }, t("session_ended")),
    el(
      "form",
      { submit },
      signingUp && [field(t("first_name"), first), field(t("last_name"), last)],
      field(t("email"), email),
      field(t("password"), password, signingUp && t("password_hint")),
      wrong,
      send,
    ),
    el(
      "p",
      {},
      el(
        "button",
        { type: "button", class: "plain", click: () => again({ signingUp: !signingUp }) },
        t(signingUp ? "have_account" : "no_account"),
      ),
    ),
  );
  return { view };
}

async function why(answer) {
  if (answer.status === 401) return t("error_login");
  if (answer.status === 403) return t("error_taken");
  if (answer.status === 429) return t("error_attempts", { seconds: answer.headers.get("Retry-After") });
  if (answer.status >= 500) return t("error_unreachable");
  return (await answer.json()).detail;
}
