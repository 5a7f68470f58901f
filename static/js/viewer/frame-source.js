import { HttpError } from "../shared/http.js";
import { ByteCache } from "./cache.js";
import { DecodeError } from "./decoder-pool.js";
import { firstPart, outward, runFrom } from "./fetch-order.js";
import { FrameWants, isUnmade } from "./frame-wants.js";
import { ViewGrant } from "./view-grant.js";

/** @import { Http, Options } from "../shared/http.js" */
/** @import { DecoderPool } from "./decoder-pool.js" */
/** @import { Frame, Metadata, Picture } from "./types.js" */
/**
 * @typedef {{ series: string, caseId: string, purpose?: "display"|"prefetch", http: Http,
 *   pool: DecoderPool, memory?: number }} From
 */
/** @typedef {{ numbers: number[], stop: AbortController }} Task */

export const MEMORY = 192 * 2 ** 20; // decoded samples kept for one series
const AT_ONCE = 3;
const NEAR = 12; // tasks farther than this from the frame looked at are given up for it
const RETRY_MS = 1000;
const NOT_HERE_MS = [500, 1000, 2000, 4000];
const TRIES = 2;

/**
 * The frames of one version of one series: fetched in the order they are wanted, decoded,
 * checked, and kept in bounded memory.
 *
 * Events: "frame" {number} when a frame has become better or has failed; "trouble" {code, message}
 * when the server does not answer; "refused" {code, message} when the series may not be seen.
 */
export class FrameSource extends EventTarget {
  #url;
  #http;
  #pool;
  #grant;
  /** @type {Metadata|null} */
  #metadata = null;
  /** @type {FrameWants|null} */
  #wants = null;
  #memory;
  /** @type {ByteCache<number, Picture>} */
  #whole;
  /** @type {Map<number, Picture>} */
  #previews = new Map();
  /** @type {Map<number, string>} */
  #failed = new Map();
  /** @type {Map<number, number>} */
  #tries = new Map();
  /** @type {Set<Task>} */
  #tasks = new Set();
  /** @type {number[]} */
  #order = [];
  /** @type {1|-1} */
  #direction = 1;
  /** @type {ReturnType<typeof setTimeout>|undefined} */
  #retry;
  #refusals = 0;
  #closed = new AbortController();

  /** @param {From} from */
  constructor({ series, caseId, purpose = "display", http, pool, memory = MEMORY }) {
    super();
    this.#url = `/imaging/series/${encodeURIComponent(series)}`;
    this.#http = http;
    this.#pool = pool;
    this.#memory = memory;
    this.#whole = new ByteCache(memory);
    const onRefused = (/** @type {HttpError} */ error) => this.#refused(error);
    this.#grant = new ViewGrant({ url: this.#url, caseId, purpose, http, onRefused });
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
    /** @type {Metadata} */
    const metadata = await this.#patiently((options) => this.#http.getJson(url, options));
    this.#metadata = metadata;
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
    this.#direction = direction;
    this.#order = this.#fitting(outward(frames.length, number, direction));
    this.#keepNear();
    this.#giveUpFar(number);
    this.#pump();
    const unmade = this.#order.filter((n) => isUnmade(frames[n - 1]));
    this.#wants?.want(unmade);
  }

  /**
   * The best there is of a frame: the whole and checked one (`level` 0), a smaller preview, or
   * null.
   *
   * @param {number} number
   * @returns {Picture|null}
   */
  picture(number) {
    return this.#whole.get(number) ?? this.#previews.get(number) ?? null;
  }

  /**
   * Why a frame cannot be shown, as a code of words.js; "" while nothing is wrong.
   *
   * @param {number} number
   */
  codeOf(number) {
    return this.#failed.get(number) ?? this.#metadata?.frames[number - 1]?.code ?? "frame.missing";
  }

  /** The first picture is on the screen: tell the audit. */
  async displayed() {
    const url = `${this.#url}/displayed`;
    await this.#patiently((options) => this.#http.postJson(url, {}, options));
  }

  close() {
    this.#closed.abort();
    clearTimeout(this.#retry);
    this.#grant.close();
    this.#wants?.close();
    for (const { stop } of this.#tasks) stop.abort();
    this.#whole.clear();
    this.#previews.clear();
  }

  /**
   * Asked again and again, ever more slowly, while the server is away.
   *
   * @param {(options: Options) => Promise<any>} ask
   */
  async #patiently(ask) {
    for (let round = 0; ; round++) {
      try {
        const options = { headers: await this.#grant.headers(), signal: this.#closed.signal };
        return await ask(options);
      } catch (error) {
        if (!(error instanceof HttpError)) throw error;
        if (!error.mayRetry && error.code !== "series.not_here") throw error;
        this.#tell("trouble", { code: error.code, message: error.message });
      }
      const ms = NOT_HERE_MS[Math.min(round, NOT_HERE_MS.length - 1)];
      await new Promise((resolve) => setTimeout(resolve, ms));
      this.#closed.signal.throwIfAborted();
    }
  }

  #placed() {
    const [number] = this.#order;
    if (!number) return;
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

  /** The least recently used go first; near the frame looked at counts as used. */
  #keepNear() {
    if (this.#whole.bytes < this.#memory * 0.75) return;
    for (let i = this.#order.length - 1; i >= 0; i--) this.#whole.get(this.#order[i]);
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
    this.#tasks.delete(task);
  }

  #pump() {
    if (this.#closed.signal.aborted) return;
    const busy = new Set([...this.#tasks].flatMap(({ numbers }) => numbers));
    const isNeeded = (/** @type {number} */ n) => !busy.has(n) && this.#canFetch(n);
    for (const [rank, number] of this.#order.entries()) {
      if (this.#tasks.size >= AT_ONCE && rank > 0) return;
      if (!isNeeded(number)) continue;
      const numbers = rank === 0 ? [number] : this.#run(number, isNeeded);
      for (const n of numbers) busy.add(n);
      this.#start(numbers, rank === 0);
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
    return runFrom(frames, number, outwards, (n) => wanted.has(n) && isNeeded(n));
  }

  /** @param {number} number */
  #isDone(number) {
    return this.#whole.has(number) || this.#failed.has(number);
  }

  /** @param {number} number */
  #canFetch(number) {
    const frame = /** @type {Metadata} */ (this.#metadata).frames[number - 1];
    return frame.segment !== null && frame.code === "" && !this.#isDone(number);
  }

  /**
   * @param {number[]} numbers
   * @param {boolean} isFirst - the frame looked at: a small picture of it comes first
   */
  async #start(numbers, isFirst) {
    const task = { numbers, stop: new AbortController() };
    this.#tasks.add(task);
    try {
      if (isFirst) await this.#fetchOne(numbers[0], task.stop.signal);
      else await this.#fetchRun(numbers, task.stop.signal);
      this.#refusals = 0;
    } catch (error) {
      if (!task.stop.signal.aborted) this.#stumbled(error);
    } finally {
      this.#tasks.delete(task);
    }
    if (!this.#retry) this.#pump();
  }

  /**
   * @param {number} number
   * @param {AbortSignal} signal
   */
  async #fetchOne(number, signal) {
    const frame = /** @type {Metadata} */ (this.#metadata).frames[number - 1];
    const part = firstPart(frame);
    const end = part < 0 || this.#previews.has(number) ? 0 : frame.ends[part];
    const small = end > 0 && this.#bytes(frame, 0, end, signal);
    const rest = this.#bytes(frame, end, frame.length, signal);
    if (!small) return this.#decode(number, await rest, 0, signal);
    rest.catch(() => undefined); // awaited below; must not count as unhandled meanwhile
    const first = await small;
    const preview = this.#decode(number, first.slice(), frame.ends.length - 1 - part, signal);
    const bytes = new Uint8Array(frame.length);
    bytes.set(first);
    bytes.set(await rest, end);
    await preview;
    await this.#decode(number, bytes, 0, signal);
  }

  /**
   * @param {number[]} numbers
   * @param {AbortSignal} signal
   */
  async #fetchRun(numbers, signal) {
    const { frames } = /** @type {Metadata} */ (this.#metadata);
    const run = numbers.map((number) => frames[number - 1]);
    const from = Math.min(...run.map(({ offset }) => offset));
    const to = Math.max(...run.map(({ offset, length }) => offset + length));
    const bytes = await this.#bytes({ ...run[0], offset: from }, 0, to - from, signal);
    const parts = run.map(({ offset, length }) => {
      return bytes.slice(offset - from, offset - from + length);
    });
    await Promise.all(parts.map((part, i) => this.#decode(numbers[i], part, 0, signal)));
  }

  /**
   * @param {Frame} frame
   * @param {number} from - within the frame
   * @param {number} to
   * @param {AbortSignal} signal
   */
  async #bytes({ segment, offset }, from, to, signal) {
    const options = { headers: await this.#grant.headers(), signal };
    const url = `${this.#url}/segments/${segment}`;
    return this.#http.getBytes(url, offset + from, offset + to, options);
  }

  /**
   * @param {number} number
   * @param {Uint8Array} bytes
   * @param {number} level
   * @param {AbortSignal} signal
   */
  async #decode(number, bytes, level, signal) {
    if (signal.aborted) return;
    const { images, frames } = /** @type {Metadata} */ (this.#metadata);
    const frame = frames[number - 1];
    try {
      const wish = { signal, isFirst: number === this.#order[0] };
      const picture = await this.#pool.decode(bytes, images[frame.image], frame, level, wish);
      if (!this.#closed.signal.aborted) this.#arrived(number, picture);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      this.#damaged(number, error.code);
    }
  }

  /**
   * @param {number} number
   * @param {Picture} picture
   */
  #arrived(number, picture) {
    if (this.#isDone(number)) return;
    if (picture.level > 0) this.#previews.set(number, picture);
    else {
      this.#previews.delete(number);
      this.#whole.put(number, picture, picture.samples.byteLength);
    }
    for (const n of this.#previews.keys()) if (this.#previews.size > NEAR) this.#previews.delete(n);
    this.#tell("frame", { number });
  }

  /**
   * Damaged on the way or where it lies: fetched once more, then said in words. Nothing of it
   * stays on the screen, for what the preview was made of cannot be believed either.
   *
   * @param {number} number
   * @param {string} code
   */
  #damaged(number, code) {
    const tries = (this.#tries.get(number) ?? 0) + 1;
    this.#tries.set(number, tries);
    this.#previews.delete(number);
    if (tries >= TRIES || code === "decoder.missing") this.#failed.set(number, code);
    this.#tell("frame", { number });
  }

  /** @param {unknown} error */
  #stumbled(error) {
    if (!(error instanceof HttpError)) throw error;
    const isAnew = !error.mayRetry && !this.#retry;
    if (isAnew && ++this.#refusals > TRIES) return this.#refused(error);
    if (error.mayRetry) this.#tell("trouble", { code: error.code, message: error.message });
    else this.#grant.doubt();
    this.#retry ??= setTimeout(() => {
      this.#retry = undefined;
      this.#pump();
    }, RETRY_MS);
  }

  /** @param {HttpError} error */
  #refused({ code, message }) {
    this.close();
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
