import { DecodeError } from "./decoder-pool.js";
import { firstPart } from "./fetch-order.js";

/** @import { Http } from "../shared/http.js" */
/** @import { DecoderPool } from "./decoder-pool.js" */
/** @import { Shelf } from "./shelf.js" */
/** @import { Frame, Metadata } from "./types.js" */
/**
 * @typedef {object} Fetching
 * @property {string} url - of the series
 * @property {Http} http
 * @property {DecoderPool} pool
 * @property {() => Promise<Record<string, string>>} headers - with a grant that is good now
 * @property {Shelf} shelf - where pictures go
 * @property {Metadata} metadata
 * @property {(number: number) => boolean} [isFirst] - whether it is looked at now
 * @property {(number: number, code: string) => void} [damaged]
 */

/** Brings frames of one series: bytes, decoded, checked, onto its shelf. */
export class FrameFetch {
  #from;

  /** @param {Fetching} from */
  constructor(from) {
    this.#from = from;
  }

  /**
   * One frame: a small picture of it first, unless it is small itself or was fetched ahead.
   *
   * @param {number} number - from 1
   * @param {AbortSignal} signal
   */
  async one(number, signal) {
    const kept = this.#from.shelf.takeCoded(number);
    if (kept) return this.#decode(number, kept, 0, signal);
    const frame = this.#from.metadata.frames[number - 1];
    const part = firstPart(frame);
    const end = part < 0 || this.#from.shelf.hasPreview(number) ? 0 : frame.ends[part];
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
   * Frames that lie side by side, in one request.
   *
   * @param {number[]} numbers
   * @param {AbortSignal} signal
   */
  async run(numbers, signal) {
    const parts = await this.#parts(numbers, signal);
    await Promise.all(parts.map((part, i) => this.#decode(numbers[i], part, 0, signal)));
  }

  /**
   * As `run`, and decoded only when somebody looks: the processor is left alone.
   *
   * @param {number[]} numbers
   * @param {AbortSignal} signal
   */
  async ahead(numbers, signal) {
    const parts = await this.#parts(numbers, signal);
    for (const [i, part] of parts.entries()) this.#from.shelf.keepCoded(numbers[i], part);
  }

  /**
   * @param {number[]} numbers
   * @param {AbortSignal} signal
   */
  async #parts(numbers, signal) {
    const run = numbers.map((number) => this.#from.metadata.frames[number - 1]);
    const from = Math.min(...run.map(({ offset }) => offset));
    const to = Math.max(...run.map(({ offset, length }) => offset + length));
    const bytes = await this.#bytes({ ...run[0], offset: from }, 0, to - from, signal);
    return run.map(({ offset, length }) => bytes.slice(offset - from, offset - from + length));
  }

  /**
   * @param {Frame} frame
   * @param {number} from - within the frame
   * @param {number} to
   * @param {AbortSignal} signal
   */
  async #bytes({ segment, offset }, from, to, signal) {
    const { url, http, headers } = this.#from;
    const options = { headers: await headers(), signal };
    return http.getBytes(`${url}/segments/${segment}`, offset + from, offset + to, options);
  }

  /**
   * @param {number} number
   * @param {Uint8Array} bytes
   * @param {number} level
   * @param {AbortSignal} signal
   */
  async #decode(number, bytes, level, signal) {
    if (signal.aborted) return;
    const { metadata, pool, shelf, isFirst, damaged } = this.#from;
    const frame = metadata.frames[number - 1];
    try {
      const wish = { signal, isFirst: isFirst?.(number) ?? false };
      const picture = await pool.decode(bytes, metadata.images[frame.image], frame, level, wish);
      shelf.put(number, picture);
    } catch (error) {
      if (!(error instanceof DecodeError)) throw error;
      damaged?.(number, error.code);
    }
  }
}
