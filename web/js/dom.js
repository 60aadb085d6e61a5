// Elements without markup in strings, so that nothing that anybody typed can become markup.

const SVG = "http://www.w3.org/2000/svg";

/**
 * An HTML element. Attributes that are functions listen to the event of their name; those that are false, null or
 * undefined are left out.
 */
export const el = (tag, attributes, ...children) => fill(document.createElement(tag), attributes, children);

/** The same for SVG. */
export const svg = (tag, attributes, ...children) => fill(document.createElementNS(SVG, tag), attributes, children);

function fill(element, attributes = {}, children = []) {
  for (const [name, value] of Object.entries(attributes)) {
    if (typeof value === "function") element.addEventListener(name, value);
    else if (value === true) element.setAttribute(name, "");
    else if (value !== false && value != null) element.setAttribute(name, value);
  }
  element.append(...children.flat().filter((child) => child != null && child !== false));
  return element;
}

/** Tell people who do not see the page. */
export function say(text) {
  document.getElementById("said").textContent = text;
}

/** What went wrong, for everybody to notice. */
export const problem = (text = "") => el("p", { class: "problem", role: "alert" }, text);

/** Figures with their names, from [name, figure] pairs. */
export function tiles(pairs) {
  const tile = ([name, figure]) => el("div", {}, el("dt", {}, name), el("dd", {}, String(figure)));
  return el("dl", { class: "tiles" }, pairs.map(tile));
}

/** A table with these columns over the rows of a `tbody`. */
export function table(columns, body) {
  const head = el("tr", {}, columns.map((name) => el("th", { scope: "col" }, name)));
  return el("table", {}, el("thead", {}, head), body);
}

let fields = 0;

/** A labelled field of a form. */
export function field(label, input, hint) {
  const id = `field-${++fields}`;
  input.id = id;
  if (hint) input.setAttribute("aria-describedby", `${id}-hint`);
  return el(
    "div",
    { class: "field" },
    el("label", { for: id }, label),
    input,
    hint && el("small", { id: `${id}-hint` }, hint),
  );
}

/** A drop-down list of [value, text] pairs. */
export function select(pairs, chosen, attributes = {}) {
  return el(
    "select",
    attributes,
    pairs.map(([value, text]) => el("option", { value, selected: value === chosen }, text)),
  );
}

/** Ask before something that cannot be taken back; resolves to whether the answer was yes. */
export function confirmed(question, yes, no) {
  return new Promise((resolve) => {
    const dialog = el(
      "dialog",
      { "aria-label": question, close: () => (resolve(dialog.returnValue === "yes"), dialog.remove()) },
      el("p", {}, question),
      el(
        "div",
        { class: "row" },
        el("button", { type: "button", click: () => dialog.close("no") }, no),
        el("button", { type: "button", class: "danger", click: () => dialog.close("yes") }, yes),
      ),
    );
    document.body.append(dialog);
    dialog.showModal();
  });
}
