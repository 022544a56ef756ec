// Requests to the service that this page came from, and to no other.

import { failure } from "./words.js";

const TRIES = 4; // of a busy service
const LONGEST_WAIT_S = 10;

let token = "";
let askForToken = async () => "";

/** Say who asks the reader for a token: a function that gives it, or "" where none is given. */
export function onUnauthorised(ask) {
  askForToken = ask;
}

export class ServiceError extends Error {
  constructor(status, detail, reason) {
    const [title, advice] = failure(status, reason);
    super(title);
    Object.assign(this, { status, title, advice, detail });
  }
}

async function request(path, options = {}) {
  for (let attempt = 1; ; attempt += 1) {
    const headers = token ? { Authorization: `Bearer ${token}` } : {};
    let response;
    try {
      response = await fetch(path, { ...options, headers });
    } catch (error) {
      throw new ServiceError(0, String(error.message ?? error));
    }
    if (response.status === 401 && (token = await askForToken())) continue;
    const isBusy = response.status === 429 || (response.status === 503 && response.headers.has("Retry-After"));
    if (!isBusy || attempt === TRIES) return response;
    const seconds = Math.min(Number(response.headers.get("Retry-After")) || attempt, LONGEST_WAIT_S);
    await new Promise((resume) => setTimeout(resume, 1000 * seconds));
  }
}

/** The body of an answer; a refusal of single files (422 with results) is an answer, too. */
async function body(response, key) {
  const values = await response.json().catch(() => ({}));
  if (response.ok || (key && values[key])) return values;
  const { detail = response.statusText, reason } = values.error ?? {};
  throw new ServiceError(response.status, detail, reason);
}

function form(files) {
  const data = new FormData();
  for (const file of files) data.append("file", file, file.name);
  return data;
}

const IMAGES = "map=true&image=true";

export const predict = async (file) =>
  body(await request(`predict?${IMAGES}`, { method: "POST", body: form([file]) }), "results");

export const study = async (files) =>
  body(await request(`studies?${IMAGES}`, { method: "POST", body: form(files) }), "studies");

export const get = async (path) => body(await request(path));

export const bytes = async (path) => (await request(path)).blob();

export async function sendReading(file, reading) {
  const data = form([file]);
  data.append("reading", JSON.stringify(reading));
  return body(await request("feedback", { method: "POST", body: data }));
}
