import { ByteCache } from "./cache.js";

/** @import { Metadata, Picture } from "./types.js" */

const MB = 2 ** 20;
export const MEMORY = 192 * MB; // decoded samples of one series while somebody looks at it
const CODED = 24 * MB; // frames as they came, of one series
const PREVIEWS = 12;
const DESCRIBED = 500; // bytes of metadata for one frame, about
const IDLE_EACH = 48 * MB; // what is kept of a series nobody looks at
const IDLE_ALL = 96 * MB;

/**
 * What is here of one version of one series: decoded frames, and frames fetched ahead that are not
 * decoded yet. Holds no right to see any of it: who takes a picture has a grant of their own.
 *
 * Event: "frame" {number} when a frame has become better.
 */
export class Shelf extends EventTarget {
  users = 0;
  #memory;
  /** @type {ByteCache<number, Picture>} */
  #whole;
  /** @type {ByteCache<number, Uint8Array>} */
  #coded = new ByteCache(CODED);
  /** @type {Map<number, Picture>} */
  #previews = new Map();

  /** @param {Metadata} metadata - as the server has it @param {number} memory - bytes */
  constructor(metadata, memory) {
    super();
    this.metadata = metadata;
    this.#memory = memory;
    this.#whole = new ByteCache(memory);
  }

  get bytes() {
    const described = this.metadata.frames.length * DESCRIBED;
    return this.#whole.bytes + this.#coded.bytes + described;
  }

  /** @returns {boolean} whether something will soon be given up for what comes */
  get isFilling() {
    return this.#whole.bytes >= this.#memory * 0.75;
  }

  /**
   * The best there is: the whole and checked one (`level` 0), a smaller preview, or null.
   *
   * @param {number} number
   * @returns {Picture|null}
   */
  picture(number) {
    return this.#whole.get(number) ?? this.#previews.get(number) ?? null;
  }

  /** @param {number} number */
  hasWhole(number) {
    return this.#whole.has(number);
  }

  /** @param {number} number */
  hasPreview(number) {
    return this.#previews.has(number);
  }

  /** @param {number} number @param {Picture} picture - a preview never takes a whole one's place */
  put(number, picture) {
    if (this.#whole.has(number)) return;
    if (picture.level > 0) this.#previews.set(number, picture);
    else {
      this.#previews.delete(number);
      this.#whole.put(number, picture, picture.samples.byteLength);
    }
    for (const n of this.#previews.keys()) {
      if (this.#previews.size > PREVIEWS) this.#previews.delete(n);
    }
    this.dispatchEvent(new CustomEvent("frame", { detail: { number } }));
  }

  /** @param {number} number - what its preview was made of cannot be believed */
  forgetPreview(number) {
    this.#previews.delete(number);
  }

  /** @param {number} number */
  hasCoded(number) {
    return this.#coded.has(number);
  }

  /** @param {number} number @param {Uint8Array} bytes - the whole frame as it came */
  keepCoded(number, bytes) {
    this.#coded.put(number, bytes, bytes.byteLength);
  }

  /** @param {number} number @returns {Uint8Array|undefined} given away: decoding uses it up */
  takeCoded(number) {
    const bytes = this.#coded.get(number);
    this.#coded.delete(number);
    return bytes;
  }

  /** @param {number[]} numbers - these count as just used, the first most of all */
  touch(numbers) {
    for (let i = numbers.length - 1; i >= 0; i--) this.#whole.get(numbers[i]);
  }

  /** @param {number} bytes - at most so many stay */
  trim(bytes) {
    this.#previews.clear();
    this.#coded.trim(bytes);
    this.#whole.trim(bytes - this.#coded.bytes);
  }

  clear() {
    this.#whole.clear();
    this.#coded.clear();
    this.#previews.clear();
  }
}

/**
 * The shelves of a page, one for each version of a series, shared by its panes and by what is made
 * ready. Bounded: a shelf in use by its own memory; all that are not, together.
 */
export class Shelves {
  #idle;
  /** @type {Map<string, { series: string, shelf: Shelf }>} the last released comes last */
  #held = new Map();

  /** @param {number} [idle] - bytes kept of all series nobody looks at */
  constructor(idle = IDLE_ALL) {
    this.#idle = idle;
  }

  /** @param {string} series @param {number} [version] */
  find(series, version) {
    return this.#held.get(`${series}/${version}`)?.shelf ?? null;
  }

  /**
   * The shelf of this version; each borrower gives it back with `release`. Another version of the
   * series that nobody looks at is dropped.
   *
   * @param {string} series
   * @param {Metadata} metadata
   * @param {number} [memory]
   */
  borrow(series, metadata, memory = MEMORY) {
    const key = `${series}/${metadata.version}`;
    const shelf = this.#held.get(key)?.shelf ?? new Shelf(metadata, memory);
    this.#held.set(key, { series, shelf });
    shelf.users++;
    for (const [other, one] of this.#held) {
      if (one.series === series && one.shelf.users === 0) this.#held.delete(other);
    }
    return shelf;
  }

  /** @param {Shelf} shelf */
  release(shelf) {
    if (--shelf.users > 0) return;
    shelf.trim(Math.min(IDLE_EACH, this.#idle));
    const held = [...this.#held].find(([, one]) => one.shelf === shelf);
    if (!held) return shelf.clear(); // dropped meanwhile
    this.#held.delete(held[0]);
    this.#held.set(...held);
    this.#giveUpIdle();
  }

  /**
   * Nothing of a series stays for those to come: it was taken back, or is another one now. Who has
   * it on the screen has a grant of their own, and loses it by that.
   *
   * @param {string} series
   */
  drop(series) {
    for (const [key, one] of this.#held) {
      if (one.series !== series) continue;
      this.#held.delete(key);
      if (one.shelf.users === 0) one.shelf.clear();
    }
  }

  clear() {
    for (const { series } of [...this.#held.values()]) this.drop(series);
  }

  /** Those released first go first. */
  #giveUpIdle() {
    const idle = [...this.#held].filter(([, { shelf }]) => shelf.users === 0);
    let bytes = idle.reduce((sum, [, { shelf }]) => sum + shelf.bytes, 0);
    for (const [key, { shelf }] of idle) {
      if (bytes <= this.#idle) return;
      bytes -= shelf.bytes;
      this.#held.delete(key);
    }
  }
}
