// What the model says of a photo, for people.

import { predict, stored } from "./api.js";
import { el, problem } from "./dom.js";
import { preview } from "./photos.js";
import { className, kind, percent, split, t } from "./words.js";

const SIGNS = { healthy: "✓", rotten: "✗", unsure: "?", failed: "!" };

/** `healthy`, `rotten`, `unsure` or `failed`; a label of the user's counts before the answer. */
export function verdict(result) {
  if (result.label) return split(result.label).state;
  if (result.status === "failed") return "failed";
  return result.recognised === false ? "unsure" : split(result.predicted_class_name).state;
}

/** The kind of produce in words, or that there is none. */
export function title(result) {
  if (["failed", "unsure"].includes(verdict(result))) return t("no_kind");
  return kind(split(result.label ?? result.predicted_class_name).kind);
}

/** A verdict with its sign and its word, so that it never hangs on colour alone. */
export function badge(state) {
  return el("span", { class: `badge ${state}` }, el("span", { "aria-hidden": "true" }, SIGNS[state]), ` ${t(state)}`);
}

/** One sentence that says all. */
export function sentence(result) {
  const state = verdict(result);
  if (state === "unsure") return t("said_unsure");
  return t("said", { kind: title(result), state: t(state), sure: percent(result.confidence) });
}

/** The three likeliest classes. */
export function topThree(result) {
  return el(
    "ol",
    { class: "top", "aria-label": t("top_three") },
    result.top.map((one) => {
      const text = className(one.predicted_class_name);
      return el(
        "li",
        {},
        el("span", {}, text),
        el("span", {}, percent(one.confidence, 1)),
        el("meter", { min: 0, max: 1, value: one.confidence, "aria-label": text }),
      );
    }),
  );
}

/** A photo, or a word in its place where this browser cannot show it: few can show a phone's HEIC. */
export function shown(address, alt) {
  const instead = el("p", { class: "instead" }, t("not_shown"));
  const image = el("img", { src: address, alt, loading: "lazy", error: () => image.replaceWith(instead) });
  return address ? image : instead;
}

/** A photo with a switch that lays over it where the model sees the class. `ask` brings the map when it is wanted. */
export function picture(address, alt, ask) {
  const canvas = el("canvas", { class: "overlay", hidden: true, "aria-hidden": "true" });
  const toggle = el("button", { type: "button", role: "switch", "aria-checked": "false", click: show }, t("where"));
  const figure = el("div", { class: "photo" }, el("div", {}, shown(address, alt), canvas));

  async function show() {
    const on = toggle.getAttribute("aria-checked") === "false";
    toggle.disabled = true;
    try {
      if (on && !canvas.dataset.drawn) draw(canvas, await ask());
      canvas.hidden = !on;
      toggle.setAttribute("aria-checked", String(on));
    } catch (error) {
      toggle.after(problem(error.message));
    } finally {
      toggle.disabled = false;
      toggle.focus();
    }
  }

  return { figure, toggle };
}

/** The map of a photo: that of its answer, or of one that is asked for now, without keeping anything. */
export async function mapOf(result, photo) {
  return result.map ?? (await predict((await preview(photo)) ?? photo)).map;
}

/** A photo of the archive. */
export async function archived(address) {
  return (await fetch(stored("archive", address))).blob();
}

function draw(canvas, rows) {
  canvas.height = rows.length;
  canvas.width = rows[0].length;
  const context = canvas.getContext("2d");
  const image = context.createImageData(canvas.width, canvas.height);
  rows.flat().forEach((value, index) => image.data.set([255, 40 + 180 * value, 0, 210 * value], 4 * index));
  context.putImageData(image, 0, 0);
  canvas.dataset.drawn = "yes";
}
