// Requests to the API, and through it to the stores.

import * as session from "./session.js";
import { t } from "./words.js";

const API = "/api/v1";
const PENDING = { first: 250, most: 3000 };

/** An answer that is an error; `reason` is the server's sentence, if it gave one. */
export class ApiError extends Error {
  constructor(status, reason) {
    super(reason ?? t("error_other", { status }));
    Object.assign(this, { status, reason });
  }

  /** Whether the same request may succeed in a while. */
  get passes() {
    return this.status === 429 || this.status >= 500;
  }
}

/** No answer at all. */
export class Unreachable extends Error {
  passes = true;
}

/** A request with JSON in and out; `query` leaves out what is empty. */
export async function call(method, path, { json, query = {}, headers = {} } = {}) {
  const body = json && JSON.stringify(json);
  const given = Object.entries(query).filter(([, value]) => value);
  const address = `${API}${path}${given.length ? `?${new URLSearchParams(given)}` : ""}`;
  const kind = json ? { "Content-Type": "application/json" } : {};
  return authorised((token) => send(method, address, { body, headers: { ...kind, ...headers, ...token } }));
}

/** Classify a photo in a request; `progress` is told the share that was sent. */
export async function predict(photo, { keep, key, progress } = {}) {
  const form = new FormData();
  form.append("file", photo, "photo");
  const query = new URLSearchParams({ map: true, ...(keep && { save_prediction: true }) });
  const headers = key ? { "Idempotency-Key": key } : {};
  return authorised((token) =>
    send("POST", `${API}/inference/predict?${query}`, { body: form, headers: { ...headers, ...token }, progress }),
  );
}

/** Upload a photo that is too large for a request, and wait for its record. Its type is told by its content: what a
 * device says of it is often wrong, or nothing. */
export async function upload(photo, { key, progress, sent }) {
  const upload = await call("POST", "/inference/uploads", {
    json: {},
    headers: { "Idempotency-Key": key },
  });
  const form = new FormData();
  for (const [name, value] of Object.entries(upload.fields)) form.append(name, value);
  form.append("file", photo);
  await send("POST", stored("events", upload.url), { body: form, progress });
  sent();
  return record(upload.prediction_uid);
}

/** The record of a saved photo, waited for while it is on its way; null when nobody waits any more. */
export async function record(uid, isWanted = () => true) {
  for (let pause = PENDING.first; ; pause = Math.min(pause * 1.5, PENDING.most)) {
    const found = await call("GET", `/inference/predictions/${uid}`);
    if (!isWanted()) return null;
    if (found.status !== "pending") return found;
    await new Promise((resolve) => setTimeout(resolve, pause));
  }
}

/** What a store's address is called under this page's own: a page asks nobody else. */
export function stored(store, address) {
  const { pathname, search } = new URL(address);
  return `/storage/${store}${pathname}${search}`;
}

async function authorised(request) {
  const user = session.me()?.uid;
  try {
    return await request(bearer());
  } catch (error) {
    const isSame = user && user === session.me()?.uid;
    if (error.status !== 401 || !isSame || !(await renewed())) throw error;
    return request(bearer());
  }
}

const bearer = () => ({ Authorization: `Bearer ${session.accessToken()}` });

async function renewed() {
  try {
    return await session.renew();
  } catch {
    throw new Unreachable(t("error_unreachable"));
  }
}

/** XMLHttpRequest, because fetch does not tell how much of a body was sent. */
function send(method, address, { body = null, headers = {}, progress }) {
  return new Promise((resolve, reject) => {
    const request = new XMLHttpRequest();
    request.open(method, address);
    for (const [name, value] of Object.entries(headers)) request.setRequestHeader(name, value);
    if (progress) request.upload.onprogress = ({ loaded, total }) => progress(loaded / total);
    request.onload = () => {
      const answer = read(request.responseText, request.getResponseHeader("Content-Type"));
      if (request.status < 400) resolve(answer);
      else reject(new ApiError(request.status, answer?.detail));
    };
    request.onerror = request.onabort = () => reject(new Unreachable(t("error_unreachable")));
    request.send(body);
  });
}

/** What the API said, or the reason that a store gave, which speaks XML. */
function read(text, type) {
  if (!type?.includes("json")) return { detail: text.match(/<Message>([^<]*)<\/Message>/)?.[1] };
  try {
    return JSON.parse(text);
  } catch {
    return null;
  }
}
