// What the page says, in the language of the reader.

import de from "./words/de.js";
import en from "./words/en.js";

const LANGUAGES = { en, de };
const KEPT = "language";

let language = [localStorage.getItem(KEPT), ...navigator.languages.map((tag) => tag.slice(0, 2)), "en"].find(
  (one) => one in LANGUAGES,
);
document.documentElement.lang = language;

/** A sentence of the dictionary; `{name}` in it becomes the value of that name. */
export function t(key, values = {}) {
  return LANGUAGES[language][key].replace(/\{(\w+)\}/g, (_, name) => values[name]);
}

/** The sentence for a number: the one of `key` with its plural form (`one` or `other`) after it. */
export function count(key, number) {
  return t(`${key}_${new Intl.PluralRules(language).select(number)}`, { number: number.toLocaleString(language) });
}

export const kinds = () => Object.keys(en.kinds);
export const kind = (name) => LANGUAGES[language].kinds[name] ?? name;
export const percent = (share, digits = 0) =>
  share.toLocaleString(language, { style: "percent", maximumFractionDigits: digits });
export const moment = (iso) =>
  new Date(iso).toLocaleString(language, { dateStyle: "medium", timeStyle: "short" });
export const day = (iso) => new Date(iso).toLocaleDateString(language, { day: "numeric", month: "short" });

/** The classes of the model are called `<kind>__<state>`. */
export function split(className) {
  const [name, state] = className.split("__");
  return { kind: name, state: state.toLowerCase() };
}

/** A class in words. */
export function className(name) {
  const { kind: of, state } = split(name);
  return `${kind(of)}, ${t(state)}`;
}

export const languages = () => Object.entries(LANGUAGES).map(([tag, words]) => [tag, words.this_language]);
export const current = () => language;

export function choose(tag) {
  language = tag;
  localStorage.setItem(KEPT, tag);
  document.documentElement.lang = tag;
}
