/** @typedef {{ signal?: AbortSignal, headers?: Record<string, string> }} Options */
/**
 * What a pane needs of the network; tests pass their own.
 *
 * @typedef {{
 *   getJson: (url: string, options?: Options) => Promise<any>,
 *   postJson: (url: string, body: object, options?: Options) => Promise<any>,
 *   getBytes: (url: string, from: number, to: number, options?: Options) => Promise<Uint8Array>,
 * }} Http
 */

const JSON_TYPE = "application/json";
/**
 * Nothing is kept on disk; and requests to one URL do not wait for each other, as they do on the
 * way through a browser's cache: the parts of a segment are fetched side by side.
 *
 * @type {RequestInit}
 */
const ALWAYS = { credentials: "same-origin", cache: "no-store" };

/** The server refused, or did not answer (`status` 0, code "network"). */
export class HttpError extends Error {
  /**
   * @param {number} status
   * @param {string} code
   * @param {string} message - a sentence for people
   */
  constructor(status, code, message) {
    super(message);
    this.status = status;
    this.code = code;
  }

  /** @returns {boolean} whether asking again later may help */
  get mayRetry() {
    return this.status === 0 || this.status >= 500 || this.status === 429;
  }
}

/**
 * @param {string} url
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function getJson(url, options = {}) {
  const headers = { Accept: JSON_TYPE, ...options.headers };
  return parsed(await ask(url, { headers, signal: options.signal }));
}

/**
 * POST with the CSRF token of the page's `<meta name="csrf-token">`. Null when the answer is empty.
 *
 * @param {string} url
 * @param {object} body
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function postJson(url, body, options = {}) {
  const headers = {
    Accept: JSON_TYPE,
    "Content-Type": JSON_TYPE,
    "X-CSRFToken": csrfToken(),
    ...options.headers,
  };
  const init = { method: "POST", headers, body: JSON.stringify(body), signal: options.signal };
  return parsed(await ask(url, init));
}

/**
 * POST bytes as they are, with the same token.
 *
 * @param {string} url
 * @param {Blob} bytes
 * @param {Options} [options]
 * @returns {Promise<any>}
 */
export async function postBytes(url, bytes, options = {}) {
  const headers = {
    Accept: JSON_TYPE,
    "Content-Type": "application/octet-stream",
    "X-CSRFToken": csrfToken(),
    ...options.headers,
  };
  const init = { method: "POST", headers, body: bytes, signal: options.signal };
  return parsed(await ask(url, init));
}

/**
 * The bytes `from` up to and without `to`.
 *
 * @param {string} url
 * @param {number} from
 * @param {number} to
 * @param {Options} [options]
 * @returns {Promise<Uint8Array>}
 */
export async function getBytes(url, from, to, options = {}) {
  const headers = { Range: `bytes=${from}-${to - 1}`, ...options.headers };
  const response = await ask(url, { headers, signal: options.signal });
  const all = new Uint8Array(await bodyOf(response));
  const bytes = response.status === 206 ? all : all.subarray(from, to);
  if (bytes.length === to - from) return bytes;
  throw new HttpError(0, "network.short", "Part of a picture did not arrive.");
}

function csrfToken() {
  return document.querySelector('meta[name="csrf-token"]')?.getAttribute("content") ?? "";
}

/**
 * @param {string} url
 * @param {RequestInit} init
 */
async function ask(url, init) {
  const response = await fetch(url, { ...ALWAYS, ...init }).catch(unanswered);
  if (response.ok) return response;
  throw await refusal(response);
}

/** @param {Response} response */
function bodyOf(response) {
  return response.arrayBuffer().catch(unanswered);
}

/**
 * An abort is the caller's own act and passes as it is.
 *
 * @param {unknown} failure
 * @returns {never}
 */
function unanswered(failure) {
  if (failure instanceof DOMException && failure.name === "AbortError") throw failure;
  throw new HttpError(0, "network", "The server does not answer.");
}

/** @param {Response} response */
async function refusal(response) {
  const said = isJson(response) ? await response.json().catch(() => null) : null;
  const code = said?.code ?? `http.${response.status}`;
  return new HttpError(response.status, code, said?.message ?? "The server refused.");
}

/** @param {Response} response */
async function parsed(response) {
  return isJson(response) ? response.json().catch(unanswered) : null;
}

/** @param {Response} response */
function isJson(response) {
  return (response.headers.get("Content-Type") ?? "").startsWith(JSON_TYPE);
}
