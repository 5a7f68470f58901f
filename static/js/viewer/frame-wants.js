/** @import { Http } from "../shared/http.js" */
/** @import { Frame, Metadata } from "./types.js" */
/** @import { ViewGrant } from "./view-grant.js" */

const AT_MOST = 64;
const FIRST_MS = 250;
const SLOWEST_MS = 2000;

/**
 * Frames the server has not made yet: asks for them, then asks the newest metadata until they
 * have a place. The pane keeps its own version and order; places are matched by frame key.
 */
export class FrameWants {
  #url;
  #grant;
  #http;
  #frames;
  #onPlaced;
  /** @type {Map<string, number>} frame key to its number in the newest version */
  #newest;
  /** @type {number[]} */
  #wanted = [];
  #asked = "";
  #pause = FIRST_MS;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #timer;
  #closed = new AbortController();

  /**
   * @param {{ url: string, grant: ViewGrant, http: Http, frames: Frame[],
   *   onPlaced: () => void }} options - `frames` of the pane's version; places are written there
   */
  constructor({ url, grant, http, frames, onPlaced }) {
    this.#url = url;
    this.#grant = grant;
    this.#http = http;
    this.#frames = frames;
    this.#onPlaced = onPlaced;
    this.#newest = numbersByKey(frames);
  }

  /**
   * Replaces what was wanted before.
   *
   * @param {number[]} numbers - in the pane's version, most wanted first
   */
  want(numbers) {
    this.#wanted = numbers.slice(0, AT_MOST);
    if (this.#wanted.length === 0 || this.#timer) return;
    this.#pause = FIRST_MS;
    this.#again(0);
  }

  close() {
    clearTimeout(this.#timer);
    this.#closed.abort();
  }

  /** @param {number} ms */
  #again(ms) {
    this.#timer = setTimeout(() => this.#round(), ms);
  }

  async #round() {
    await this.#ask().catch(() => undefined); // the next round asks again
    this.#timer = undefined;
    if (this.#closed.signal.aborted || !this.#isWaiting()) return;
    this.#again(this.#pause);
    this.#pause = Math.min(SLOWEST_MS, this.#pause * 1.5);
  }

  #isWaiting() {
    return this.#wanted.some((number) => isUnmade(this.#frames[number - 1]));
  }

  async #ask() {
    const options = { headers: await this.#grant.headers(), signal: this.#closed.signal };
    const frames = this.#wanted
      .filter((number) => isUnmade(this.#frames[number - 1]))
      .map((number) => this.#newest.get(this.#frames[number - 1].key))
      .filter((number) => number !== undefined);
    const asked = frames.join();
    if (asked && asked !== this.#asked) {
      await this.#http.postJson(`${this.#url}/want`, { frames }, options);
      this.#asked = asked;
    }
    this.#learn(await this.#http.getJson(`${this.#url}/metadata`, options));
  }

  /** @param {Metadata} newest */
  #learn({ frames }) {
    this.#newest = numbersByKey(frames);
    let isNews = false;
    for (const [i, frame] of this.#frames.entries()) {
      const made = frames[(this.#newest.get(frame.key) ?? 0) - 1];
      if (!made || !isUnmade(frame) || isUnmade(made)) continue;
      this.#frames[i] = placed(frame, made);
      isNews = true;
    }
    if (isNews) this.#onPlaced();
  }
}

/**
 * @param {Frame} frame
 * @param {Frame} made
 * @returns {Frame}
 */
function placed(frame, { segment, offset, length, ends, crc32, code }) {
  return { ...frame, segment, offset, length, ends, crc32, code };
}

/** @param {Frame} frame */
export function isUnmade({ segment, code }) {
  return segment === null && code === "";
}

/** @param {Frame[]} frames */
function numbersByKey(frames) {
  return new Map(frames.map(({ key }, i) => [key, i + 1]));
}
