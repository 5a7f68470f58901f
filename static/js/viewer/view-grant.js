import { HttpError } from "../shared/http.js";

/** @import { Http } from "../shared/http.js" */

const RENEW_AT = 0.6; // of its life
const RETRY_MS = 2000;
const RENEWABLE_MS = 4.5 * 60_000; // the server takes 5 minutes

/**
 * The audited word that this person may see one series in one case, asked for before the first
 * byte and renewed while the pane is open (D21).
 */
export class ViewGrant {
  #url;
  #body;
  #http;
  #onRefused;
  /** @type {Promise<string>|null} */
  #asked = null;
  #token = "";
  #until = 0;
  #askedAt = -Infinity;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #closed = new AbortController();

  /**
   * @param {{ url: string, caseId: string, purpose: "display"|"prefetch", http: Http,
   *   onRefused: (error: HttpError) => void }} options - `url` of the series
   */
  constructor({ url, caseId, purpose, http, onRefused }) {
    this.#url = `${url}/grant`;
    this.#body = { case: caseId, purpose };
    this.#http = http;
    this.#onRefused = onRefused;
  }

  /**
   * Headers with a token that is good now. Rejects with the HttpError of the refusal.
   *
   * @returns {Promise<Record<string, string>>}
   */
  async headers() {
    const isGood = performance.now() < this.#until;
    return { "X-View-Grant": isGood ? this.#token : await this.#ask() };
  }

  /** The server did not take the token: the next request asks again. */
  doubt() {
    this.#until = 0;
  }

  close() {
    clearTimeout(this.#timer);
    this.#closed.abort();
  }

  #ask() {
    this.#asked ??= this.#request().finally(() => {
      this.#asked = null;
    });
    return this.#asked;
  }

  async #request() {
    const isRenewable = performance.now() - this.#askedAt < RENEWABLE_MS;
    const body = isRenewable ? { ...this.#body, renew: this.#token } : this.#body;
    const { signal } = this.#closed;
    const { grant, seconds } = await this.#http.postJson(this.#url, body, { signal });
    this.#token = grant;
    this.#askedAt = performance.now();
    this.#until = this.#askedAt + seconds * 950;
    this.#renewIn(seconds * 1000 * RENEW_AT);
    return this.#token;
  }

  /** @param {number} ms */
  #renewIn(ms) {
    clearTimeout(this.#timer);
    if (this.#closed.signal.aborted) return;
    this.#timer = setTimeout(() => this.#ask().catch((error) => this.#failed(error)), ms);
  }

  /** @param {unknown} error */
  #failed(error) {
    if (!(error instanceof HttpError)) return;
    if (error.mayRetry) this.#renewIn(RETRY_MS);
    else this.#onRefused(error);
  }
}
