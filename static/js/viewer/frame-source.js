import { HttpError } from "../shared/http.js";
import { whyNotDrawn } from "./drawable.js";
import { Faults } from "./faults.js";
import { outward, runFrom } from "./fetch-order.js";
import { FrameFetch } from "./frame-fetch.js";
import { FrameWants, isUnmade } from "./frame-wants.js";
import { isRefusal, patiently } from "./patience.js";
import { MEMORY, Shelves } from "./shelf.js";
import { Turns } from "./turns.js";
import { ViewGrant } from "./view-grant.js";

/** @import { Http, Options } from "../shared/http.js" */
/** @import { DecoderPool } from "./decoder-pool.js" */
/** @import { Shelf } from "./shelf.js" */
/** @import { Metadata, Picture } from "./types.js" */
/**
 * `shelves` and `turns` are those of the page, where it has more than one pane.
 *
 * @typedef {{ series: string, caseId: string, http: Http, pool: DecoderPool, shelves?: Shelves,
 *   turns?: Turns, memory?: number }} From
 */
/** @typedef {{ numbers: number[], stop: AbortController }} Task */

const AT_ONCE = 3;
const NEAR = 12; // tasks farther than this from the frame looked at are given up for it
const RETRY_MS = 1000;

/**
 * The frames of one version of one series: fetched in the order they are wanted, decoded,
 * checked, and kept in bounded memory. What the page has of them already, whoever fetched it, is
 * shown as soon as there is a grant, and never before.
 *
 * Events: "frame" {number} when a frame has become better or has failed; "trouble" {code, message}
 * when the server does not answer; "refused" {code, message} when the series may not be seen.
 */
export class FrameSource extends EventTarget {
  #series;
  #url;
  #http;
  #pool;
  #grant;
  #shelves;
  #turns;
  #memory;
  #faults = new Faults();
  /** @type {Metadata|null} */
  #metadata = null;
  /** @type {Shelf|null} */
  #shelf = null;
  /** @type {FrameFetch|null} */
  #fetch = null;
  /** @type {FrameWants|null} */
  #wants = null;
  /** @type {Set<Task>} */
  #tasks = new Set();
  /** @type {number[]} */
  #order = [];
  /** @type {1|-1} */
  #direction = 1;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #retry;
  #closed = new AbortController();

  /** @param {From} from */
  constructor({ series, caseId, http, pool, shelves, turns, memory = MEMORY }) {
    super();
    this.#series = series;
    this.#url = `/imaging/series/${encodeURIComponent(series)}`;
    this.#http = http;
    this.#pool = pool;
    this.#shelves = shelves ?? new Shelves(0);
    this.#turns = turns ?? new Turns();
    this.#memory = memory;
    const onRefused = (/** @type {HttpError} */ error) => this.#refused(error);
    this.#grant = new ViewGrant({ url: this.#url, caseId, purpose: "display", http, onRefused });
  }

  /**
   * The metadata of `version`, or the newest; waits for the first when there is none yet.
   * Rejects with the HttpError of a refusal.
   *
   * @param {number} [version]
   * @returns {Promise<Metadata>}
   */
  async open(version) {
    const url = `${this.#url}/metadata${version ? `/${version}` : ""}`;
    const ask = async (/** @type {Options} */ options) =>
      this.#shelves.find(this.#series, version)?.metadata ?? this.#http.getJson(url, options);
    try {
      return this.#opened(await this.#patiently(ask));
    } catch (error) {
      if (isRefusal(error)) this.#shelves.drop(this.#series);
      throw error;
    }
  }

  /** @param {Metadata} found */
  #opened(found) {
    this.#closed.signal.throwIfAborted();
    const { signal } = this.#closed;
    const shelf = this.#shelves.borrow(this.#series, found, this.#memory);
    const metadata = { ...found, frames: [...found.frames] }; // places are learnt by each pane
    const heard = (/** @type {Event} */ event) =>
      this.#tell("frame", /** @type {CustomEvent} */ (event).detail);
    shelf.addEventListener("frame", heard, { signal });
    this.#shelf = shelf;
    this.#metadata = metadata;
    this.#fetch = new FrameFetch({
      url: this.#url,
      http: this.#http,
      pool: this.#pool,
      headers: () => this.#headers(),
      shelf,
      metadata,
      isFirst: (number) => number === this.#order[0],
      damaged: (number, code) => this.#damaged(number, code),
    });
    this.#wants = new FrameWants({
      url: this.#url,
      grant: this.#grant,
      http: this.#http,
      frames: metadata.frames,
      onPlaced: () => this.#placed(),
    });
    return metadata;
  }

  /**
   * Bring this frame first, then those around it in the direction of travel. Overtakes what was
   * asked for before.
   *
   * @param {number} number - from 1
   * @param {1|-1} direction
   */
  look(number, direction) {
    const { frames } = /** @type {Metadata} */ (this.#metadata);
    if (number !== this.#order[0]) this.#faults.forgive(frames[number - 1].segment);
    this.#direction = direction;
    this.#order = this.#fitting(outward(frames.length, number, direction));
    this.#turns.begin(this);
    if (this.#shelf?.isFilling) this.#shelf.touch(this.#order);
    this.#giveUpFar(number);
    this.#pump();
    this.#wants?.want(this.#order.filter((n) => isUnmade(frames[n - 1]) && !this.#isDone(n)));
    this.#turns.end(this);
  }

  /**
   * The best there is of a frame: the whole and checked one (`level` 0), a smaller preview, or
   * null.
   *
   * @param {number} number
   * @returns {Picture|null}
   */
  picture(number) {
    return this.#shelf?.picture(number) ?? null;
  }

  /**
   * Why a frame cannot be shown, as a code of words.js; "" while nothing is wrong.
   *
   * @param {number} number
   */
  codeOf(number) {
    const metadata = this.#metadata;
    if (!metadata?.frames[number - 1]) return "frame.missing";
    return this.#faults.codeOf(number, this.#segmentOf(number)) || whyNotDrawn(metadata, number);
  }

  /** The first picture is on the screen: tell the audit. */
  async displayed() {
    const url = `${this.#url}/displayed`;
    await this.#patiently((options) => this.#http.postJson(url, {}, options));
  }

  close() {
    if (this.#closed.signal.aborted) return;
    this.#closed.abort();
    clearTimeout(this.#retry);
    this.#grant.close();
    this.#wants?.close();
    for (const task of this.#tasks) this.#stop(task);
    if (this.#shelf) this.#shelves.release(this.#shelf);
    this.#shelf = null;
  }

  /**
   * A grant that is refused takes all of the series off the screen.
   *
   * @returns {Promise<Record<string, string>>}
   */
  async #headers() {
    try {
      return await this.#grant.headers();
    } catch (error) {
      if (isRefusal(error) && !this.#closed.signal.aborted) this.#refused(error);
      throw error;
    }
  }

  /**
   * @template T
   * @param {(options: Options) => Promise<T>} ask
   */
  #patiently(ask) {
    const { signal } = this.#closed;
    const trouble = (/** @type {HttpError} */ { code, message }) =>
      this.#tell("trouble", { code, message });
    const granted = async () => ask({ headers: await this.#grant.headers(), signal });
    return patiently(granted, { signal, turns: this.#turns, trouble });
  }

  #placed() {
    const [number] = this.#order;
    if (!number) return;
    this.#faults.forgiveAll();
    this.#tell("frame", { number });
    this.look(number, this.#direction);
  }

  /**
   * As many of these as memory holds: one more would be given up for the next, and so for ever.
   *
   * @param {number[]} order
   */
  #fitting(order) {
    let room = this.#memory;
    return order.filter((number, rank) => {
      room -= this.#sizeOf(number);
      return rank === 0 || room >= 0;
    });
  }

  /** @param {number} number */
  #sizeOf(number) {
    const { images, frames } = /** @type {Metadata} */ (this.#metadata);
    const { rows, columns, kind } = images[frames[number - 1].image];
    return rows * columns * (kind === "rgb8" ? 3 : 2);
  }

  /** @param {number} number */
  #giveUpFar(number) {
    const near = new Set(this.#order.slice(0, NEAR));
    const isHere = this.#isDone(number);
    for (const task of this.#tasks) {
      const isFar = !task.numbers.some((n) => near.has(n));
      const holdsItUp = !isHere && task.numbers.length > 1 && task.numbers.includes(number);
      if (isFar || holdsItUp) this.#stop(task);
    }
  }

  /** @param {Task} task */
  #stop(task) {
    task.stop.abort();
    this.#ended(task);
  }

  /** @param {Task} task */
  #ended(task) {
    this.#tasks.delete(task);
    this.#turns.end(task);
  }

  #pump() {
    if (this.#closed.signal.aborted) return;
    const busy = new Set([...this.#tasks].flatMap(({ numbers }) => numbers));
    const isNeeded = (/** @type {number} */ n) => !busy.has(n) && this.#canFetch(n);
    for (const [rank, number] of this.#order.entries()) {
      if (this.#tasks.size >= AT_ONCE && rank > 0) return;
      if (!isNeeded(number)) continue;
      const isAlone = rank === 0 || this.#shelf?.hasCoded(number);
      const numbers = isAlone ? [number] : this.#run(number, isNeeded);
      for (const n of numbers) busy.add(n);
      void this.#start(numbers);
    }
  }

  /**
   * @param {number} number
   * @param {(n: number) => boolean} isNeeded
   */
  #run(number, isNeeded) {
    const wanted = new Set(this.#order);
    const { frames } = /** @type {Metadata} */ (this.#metadata);
    const outwards = number >= this.#order[0] ? 1 : -1;
    const isInRun = (/** @type {number} */ n) =>
      wanted.has(n) && isNeeded(n) && !this.#shelf?.hasCoded(n);
    return runFrom(frames, number, outwards, isInRun);
  }

  /** @param {number} number */
  #isDone(number) {
    return this.#shelf?.hasWhole(number) ?? false;
  }

  /** @param {number} number */
  #canFetch(number) {
    const metadata = /** @type {Metadata} */ (this.#metadata);
    const segment = this.#segmentOf(number);
    if (segment === null || whyNotDrawn(metadata, number) || this.#isDone(number)) return false;
    return !this.#faults.holdsBack(number, segment);
  }

  /** @param {number[]} numbers - side by side in one segment */
  async #start(numbers) {
    const task = { numbers, stop: new AbortController() };
    const { signal } = task.stop;
    this.#tasks.add(task);
    this.#turns.begin(task);
    try {
      if (numbers.length === 1) await this.#fetch?.one(numbers[0], signal);
      else await this.#fetch?.run(numbers, signal);
      this.#faults.came(this.#segmentOf(numbers[0]));
    } catch (error) {
      if (!signal.aborted) this.#stumbled(error, numbers[0]);
    } finally {
      this.#ended(task);
    }
    if (!this.#retry) this.#pump();
  }

  /** @param {number} number */
  #segmentOf(number) {
    return this.#metadata?.frames[number - 1].segment ?? null;
  }

  /**
   * Damaged on the way or where it lies: fetched once more, then said in words. Nothing of it
   * stays on the screen, for what the preview was made of cannot be believed either.
   *
   * @param {number} number
   * @param {string} code
   */
  #damaged(number, code) {
    this.#faults.damaged(number, code);
    this.#shelf?.forgetPreview(number);
    this.#tell("frame", { number });
  }

  /**
   * @param {unknown} error
   * @param {number} number - the first of what was asked for
   */
  #stumbled(error, number) {
    if (!(error instanceof HttpError)) throw error;
    if (isOfOne(error)) return this.#notServed(number);
    this.#tell("trouble", { code: error.code, message: error.message });
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#pump();
    }, RETRY_MS);
  }

  /**
   * The server gives this segment to nobody, or not on this token: asked again on a new one, then
   * left alone. The frames of other segments are none the worse.
   *
   * @param {number} number - a frame in it
   */
  #notServed(number) {
    const segment = this.#segmentOf(number);
    if (segment === null) return;
    const answer = this.#faults.refused(segment);
    if (answer === "given up") this.#giveUp(segment);
    if (answer !== "begins to rest") return;
    this.#grant.doubt();
    setTimeout(() => {
      this.#faults.rested(segment);
      this.#pump();
    }, RETRY_MS);
  }

  /** @param {number} segment */
  #giveUp(segment) {
    const [looked] = this.#order;
    if (this.#segmentOf(looked) !== segment) return;
    this.#shelf?.forgetPreview(looked);
    this.#tell("frame", { number: looked });
  }

  /** @param {HttpError} error */
  #refused({ code, message }) {
    this.close();
    this.#shelves.drop(this.#series);
    this.#tell("refused", { code, message });
  }

  /**
   * @param {string} type
   * @param {object} detail
   */
  #tell(type, detail) {
    this.dispatchEvent(new CustomEvent(type, { detail }));
  }
}

/** Whether it is about what was asked for, and not the server as a whole. @param {HttpError} error */
function isOfOne({ mayRetry, status }) {
  return !mayRetry || status === 500;
}
