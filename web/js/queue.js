// Photos on their way to an answer, a few at a time.

import { ApiError, predict, Unreachable, upload } from "./api.js";
import * as photos from "./photos.js";
import * as session from "./session.js";
import { t } from "./words.js";

const AT_ONCE = 3;
const TRIES = 5;
const FIRST_PAUSE = 1000;

/**
 * One photo: `state` is `done` with a `result`, `failed` with a `problem`, or on the way: `waiting`, `preparing`,
 * `sending`, `looking` or `pausing`.
 */
class Item extends EventTarget {
  state = "waiting";
  progress = 0;
  result = null;
  problem = "";
  canRetry = false;
  preview = null;
  key = crypto.randomUUID();

  constructor(photo, { keep, smaller }) {
    super();
    Object.assign(this, { photo, keep, smaller, name: photo.name || t("photo") });
  }

  set(changed) {
    Object.assign(this, changed);
    this.dispatchEvent(new Event("change"));
    queue.dispatchEvent(new Event("change"));
  }

  get isOnItsWay() {
    return this.state !== "done" && this.state !== "failed";
  }
}

class Queue extends EventTarget {
  items = [];
  #owner = null;
  #running = 0;

  constructor() {
    super();
    session.changes.addEventListener("out", ({ detail }) => detail === "out" && this.clear());
    session.changes.addEventListener("in", () => {
      if (this.#owner && this.#owner !== session.me().uid) this.clear();
      this.#next();
    });
    window.addEventListener("beforeunload", (event) => this.isBusy && event.preventDefault());
  }

  get isBusy() {
    return this.items.some((item) => item.isOnItsWay);
  }

  add(files, options) {
    this.#owner = session.me().uid;
    const added = Array.from(files, (file) => new Item(file, options));
    this.items.push(...added);
    this.dispatchEvent(new CustomEvent("added", { detail: added }));
    this.#next();
  }

  retry(item) {
    item.set({ state: "waiting", problem: "" });
    this.#next();
  }

  remove(item) {
    this.items = this.items.filter((one) => one !== item);
    item.dispatchEvent(new Event("removed"));
    this.dispatchEvent(new Event("change"));
  }

  clear() {
    for (const item of this.items) this.remove(item);
    this.#owner = null;
  }

  #next() {
    while (this.#running < AT_ONCE && session.me()) {
      const item = this.items.find(({ state }) => state === "waiting");
      if (!item) return;
      item.set({ state: "preparing", progress: 0 });
      this.#running += 1;
      this.#work(item).finally(() => {
        this.#running -= 1;
        this.#next();
      });
    }
  }

  async #work(item) {
    try {
      item.preview ??= await photos.preview(item.photo);
      const photo = await photos.toSend(item.photo, { smaller: item.smaller, mustFit: !item.keep });
      const result = await persistently(item, () => answer(item, photo));
      item.set({ state: "done", result });
    } catch (error) {
      if (error.status === 401) item.set({ state: "waiting" }); // until somebody has logged in again
      else if (error instanceof ApiError || error instanceof Unreachable)
        item.set({ state: "failed", problem: sentence(error), canRetry: Boolean(error.passes) });
      else {
        item.set({ state: "failed", problem: t("error_page"), canRetry: true });
        throw error;
      }
    }
  }
}

export const queue = new Queue();

async function answer(item, photo) {
  if (!queue.items.includes(item)) throw new ApiError(401); // whoever is logged in now did not add it
  if (photo.size > photos.INLINE_BYTES && !item.keep) throw new ApiError(413, t("error_large"));
  item.set({ state: "sending", progress: 0 });
  const sent = () => item.set({ state: "looking" });
  const progress = (share) => (share < 1 ? item.set({ progress: share }) : sent());
  if (photo.size <= photos.INLINE_BYTES) return predict(photo, { keep: item.keep, key: item.key, progress });
  const record = await upload(photo, { key: item.key, progress: (share) => item.set({ progress: share }), sent });
  if (record.status === "failed") throw new ApiError(422, record.reason);
  return { ...record, prediction_uid: record.uid };
}

/** Again and again while it may help, later each time, and at once when the network is back. */
async function persistently(item, attempt) {
  for (let tried = 1; ; tried += 1) {
    try {
      return await attempt();
    } catch (error) {
      if (!error.passes || tried === TRIES) throw error;
      item.set({ state: "pausing", problem: error.reason ? sentence(error) : "" });
      await back(FIRST_PAUSE * 2 ** (tried - 1));
    }
  }
}

function back(milliseconds) {
  return new Promise((resolve) => {
    if (navigator.onLine) setTimeout(resolve, milliseconds);
    window.addEventListener("online", resolve, { once: true });
  });
}

function sentence(error) {
  if (error.status === 422) return `${t("error_unreadable")} ${error.message}`;
  if (error.status === 429) return t("error_busy");
  return error.passes && !error.reason ? t("error_unreachable") : error.message;
}
