// One photo that was kept: look at it, correct it, delete it.

import { call, record as recordOf, stored } from "../api.js";
import { confirmed, el, field, problem, say, select } from "../dom.js";
import { archived, badge, mapOf, picture, sentence, title, topThree, verdict } from "../result.js";
import { className, kind, kinds, moment, percent, split, t } from "../words.js";

export function record(uid) {
  let left = false;
  const place = el("div", { class: "record" }, el("p", { role: "status" }, t("loading")));
  show().catch((error) => {
    place.replaceChildren(problem(error.status === 404 ? t("error_gone") : error.message));
  });

  async function show() {
    const found = await recordOf(uid, () => !left);
    if (!found) return;
    const { figure, toggle } = picture(stored("archive", found.image_url), title(found), async () =>
      mapOf(found, await archived(found.image_url)),
    );
    const failed = found.status === "failed";
    place.replaceChildren(
      figure,
      el(
        "div",
        {},
        el("h2", {}, badge(verdict(found)), " ", title(found)),
        el("p", {}, moment(found.created_at)),
        failed && el("p", { class: "problem" }, `${t("error_unreadable")} ${found.reason}`),
        found.label && el("p", {}, t("labelled"), " ", t("model_said", { answer: answer(found) })),
        !failed && !found.label && el("p", {}, sentence(found)),
        !failed && topThree(found),
        el(
          "div",
          { class: "row" },
          !failed && toggle,
          el("button", { type: "button", class: "danger", click: remove }, t("delete")),
        ),
        !failed && correction(found),
        el("p", {}, el("small", {}, t("by_model", { version: found.model_version }))),
      ),
    );
  }

  function correction(found) {
    const { kind: name, state } = split(found.label ?? found.predicted_class_name);
    const kindOf = select(kinds().map((one) => [one, kind(one)]), name);
    const stateOf = select(["healthy", "rotten"].map((one) => [one, t(one)]), state);
    const share = el("input", { type: "checkbox", checked: found.shared });
    const wrong = problem();
    const submit = async (event) => {
      event.preventDefault();
      const ending = stateOf.value === "healthy" ? "Healthy" : "Rotten";
      try {
        const json = { class_name: `${kindOf.value}__${ending}`, share: share.checked };
        await call("PUT", `/inference/predictions/${uid}/label`, { json });
        await show();
        say(t("correction_kept"));
      } catch (error) {
        wrong.textContent = error.message;
      }
    };
    return el(
      "details",
      { open: Boolean(found.label) },
      el("summary", {}, t("correct")),
      el(
        "form",
        { submit },
        field(t("kind"), kindOf),
        field(t("state"), stateOf),
        el("label", { class: "wish" }, share, el("span", {}, t("share"), el("small", {}, t("share_hint")))),
        wrong,
        el("button", { class: "primary" }, t("keep_correction")),
      ),
    );
  }

  async function remove(event) {
    if (!(await confirmed(t("delete_question"), t("delete"), t("cancel")))) return;
    try {
      await call("DELETE", `/inference/predictions/${uid}`);
      say(t("deleted"));
      location.hash = "#/history";
    } catch (error) {
      event.target.after(problem(error.message));
    }
  }

  const back = el("p", {}, el("a", { href: "#/history" }, t("back")));
  const view = el("div", {}, el("h1", {}, t("one_photo")), place, back);
  return { view, leave: () => (left = true) };
}

const answer = (found) => `${className(found.predicted_class_name)} (${percent(found.confidence)})`;
