import { HttpError } from "../shared/http.js";
import { whyNotDrawn } from "./drawable.js";
import { outward, runFrom } from "./fetch-order.js";
import { FrameFetch } from "./frame-fetch.js";
import { isUnmade } from "./frame-wants.js";
import { firstFrame } from "./view.js";
import { ViewGrant } from "./view-grant.js";

/** @import { Http, Options } from "../shared/http.js" */
/** @import { DecoderPool } from "./decoder-pool.js" */
/** @import { Shelf, Shelves } from "./shelf.js" */
/** @import { Turns } from "./turns.js" */
/** @import { Metadata } from "./types.js" */
/**
 * @typedef {{ series: string, version: number, caseId: string, http: Http, pool: DecoderPool,
 *   shelves: Shelves, turns: Turns }} Wanted
 */

const AROUND = 12; // frames fetched ahead beside the first
const AROUND_BYTES = 8 * 2 ** 20;

/**
 * A series made ready before anybody looks: its metadata and the frame it opens at, decoded, and a
 * few around that as they come. Only while nobody on this page waits for anything; begun again
 * after each interruption. Its grant says "prefetch" and is renewed while it stands: refused, all
 * of it goes. Never makes the server make frames.
 */
export class WarmSeries {
  #what;
  #url;
  #grant;
  /** @type {Shelf|null} */
  #shelf = null;
  #closed = new AbortController();

  /** @param {Wanted} what */
  constructor(what) {
    const { series, caseId, http } = what;
    this.#what = what;
    this.#url = `/imaging/series/${encodeURIComponent(series)}`;
    const onRefused = () => this.#refused();
    this.#grant = new ViewGrant({ url: this.#url, caseId, purpose: "prefetch", http, onRefused });
    /** Settles when there is no more to do, whatever came of it. */
    this.done = this.#make().catch((error) => this.#failed(error));
  }

  close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    this.#grant.close();
    if (this.#shelf) this.#what.shelves.release(this.#shelf);
    this.#shelf = null;
  }

  async #make() {
    const metadata = await this.#undisturbed((options) => this.#metadata(options));
    if (metadata.frames.length === 0) return;
    const { series, shelves, http, pool } = this.#what;
    const shelf = shelves.borrow(series, metadata);
    this.#shelf = shelf;
    const headers = () => this.#grant.headers();
    const fetch = new FrameFetch({ url: this.#url, http, pool, headers, shelf, metadata });
    const isHere = (/** @type {number} */ n) => shelf.hasWhole(n) || shelf.hasCoded(n);
    const first = firstFrame(metadata, {});
    if (canFetch(metadata, first) && !shelf.hasWhole(first)) {
      await this.#undisturbed(({ signal }) => fetch.one(first, signal));
    }
    for (const run of runsAround(metadata, first, isHere)) {
      await this.#undisturbed(({ signal }) => fetch.ahead(run, signal));
    }
  }

  /** @param {Options} options @returns {Promise<Metadata>} */
  async #metadata({ signal }) {
    const { series, version, shelves, http } = this.#what;
    const headers = await this.#grant.headers();
    const known = shelves.find(series, version)?.metadata;
    return known ?? http.getJson(`${this.#url}/metadata/${version}`, { headers, signal });
  }

  /**
   * @template T
   * @param {(options: { signal: AbortSignal }) => Promise<T>} act - done again after each interruption
   * @returns {Promise<T>}
   */
  async #undisturbed(act) {
    const closed = this.#closed.signal;
    for (;;) {
      const lull = await this.#what.turns.lull();
      closed.throwIfAborted();
      const signal = AbortSignal.any([lull, closed]);
      try {
        const done = await act({ signal });
        if (!signal.aborted) return done;
      } catch (error) {
        if (!signal.aborted) throw error;
      }
      closed.throwIfAborted();
    }
  }

  #refused() {
    this.close();
    this.#what.shelves.drop(this.#what.series);
  }

  /**
   * Nobody waits for it: what failed is fetched when somebody does. What was refused must not stay.
   *
   * @param {unknown} error
   */
  #failed(error) {
    if (this.#closed.signal.aborted) return;
    if (!(error instanceof HttpError)) throw error;
    if (!error.mayRetry) this.#refused();
  }
}

/** @param {Metadata} metadata @param {number} number */
function canFetch(metadata, number) {
  return !isUnmade(metadata.frames[number - 1]) && whyNotDrawn(metadata, number) === "";
}

/**
 * The frames beside the first, nearest first, in as few requests as may be.
 *
 * @param {Metadata} metadata
 * @param {number} first
 * @param {(number: number) => boolean} isHere
 */
function runsAround(metadata, first, isHere) {
  const { frames } = metadata;
  const near = outward(frames.length, first, 1)
    .slice(1, AROUND + 1)
    .filter((n) => canFetch(metadata, n) && !isHere(n));
  const left = new Set(fitting(metadata, near));
  const runs = [];
  for (const number of near) {
    if (!left.has(number)) continue;
    const run = runFrom(frames, number, number > first ? 1 : -1, (n) => left.has(n));
    for (const n of run) left.delete(n);
    runs.push(run);
  }
  return runs;
}

/**
 * As many of these, in their order, as may be fetched ahead.
 *
 * @param {Metadata} metadata
 * @param {number[]} numbers
 */
function fitting({ frames }, numbers) {
  let room = AROUND_BYTES;
  return numbers.filter((number) => {
    room -= frames[number - 1].length;
    return room >= 0;
  });
}
