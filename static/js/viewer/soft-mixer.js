import { TABLE_SIZE, VALUE_BITS } from "./window.js";

/** @import { Axes } from "./axes.js" */
/** @import { Picture } from "./types.js" */
/** @import { GreyTable } from "./window.js" */
/**
 * From an interpolated value to a grey: through a table of greys or a VOI LUT of the 65,536
 * stored values. `flip` is 255 for an inverted picture, else 0: 255 - grey is grey ^ 255.
 *
 * @typedef {{ table: GreyTable, flip: number }|{ lut: Uint8Array, flip: number }} Tone
 */

const HALF = 2 ** (VALUE_BITS - 1);
const LAST = TABLE_SIZE - 1;

/**
 * What the upright shader of shaders.js computes, in the same whole numbers, in script. Each
 * stored row is mixed along the canvas' columns once, however many canvas rows read it: two
 * canvas rows that follow each other read mostly the same two.
 */
export class SoftMixer {
  /** Stored rows, mixed: the even ones in the first, the odd ones in the second. */
  #mixed = [new Int32Array(0), new Int32Array(0)];
  #held = [-1, -1];

  /**
   * @param {Picture} picture
   * @param {Axes} axes
   * @param {Tone} tone
   * @param {Uint8Array} greys - filled with what is covered, the lowest canvas row first
   */
  mix(picture, { length, entries, covered }, tone, greys) {
    const [left, right] = covered.x;
    const [top, end] = covered.y;
    const width = right - left;
    const across = entries.subarray(4 * left, 4 * right);
    this.#begin(width);
    const sign = "table" in tone ? tone.table.sign : 1;
    for (let j = top; j < end; j++) {
      const at = 4 * (length + j);
      const above = this.#row(picture, entries[at], across, sign);
      const below = this.#row(picture, entries[at + 1], across, sign);
      const row = greys.subarray((end - 1 - j) * width, (end - j) * width);
      if ("table" in tone) throughTable(above, below, entries[at + 2], tone.table, tone.flip, row);
      else throughLut(above, below, entries[at + 2], tone.lut, tone.flip, row);
    }
  }

  /** @param {number} width */
  #begin(width) {
    this.#held.fill(-1);
    if (this.#mixed[0].length >= width) return;
    this.#mixed = [new Int32Array(width), new Int32Array(width)];
  }

  /**
   * @param {Picture} picture
   * @param {number} row
   * @param {Int16Array} across
   * @param {number} sign
   */
  #row({ samples, columns }, row, across, sign) {
    const slot = row & 1;
    if (this.#held[slot] !== row) {
      const line = samples.subarray(row * columns, (row + 1) * columns);
      mixAcross(line, across, sign, this.#mixed[slot]);
      this.#held[slot] = row;
    }
    return this.#mixed[slot];
  }
}

/**
 * One stored row at the canvas' columns, with 7 bits of fraction.
 *
 * @param {Picture["samples"]} line
 * @param {Int16Array} across - four numbers a column, as axes.js has them
 * @param {number} sign
 * @param {Int32Array} mixed
 */
function mixAcross(line, across, sign, mixed) {
  for (let i = 0, at = 0; at < across.length; i++, at += 4) {
    const first = line[across[at]];
    const value = (first << 7) + Math.imul(line[across[at + 1]] - first, across[at + 2]);
    mixed[i] = Math.imul(value, sign);
  }
}

/**
 * @param {Int32Array} above
 * @param {Int32Array} below
 * @param {number} weight - of the row below, of 128
 * @param {GreyTable} table - its sign is in the rows already
 * @param {number} flip
 * @param {Uint8Array} greys
 */
function throughTable(above, below, weight, { from, shift, entries }, flip, greys) {
  for (let i = 0; i < greys.length; i++) {
    const first = above[i];
    const sum = (first << 7) + Math.imul(below[i] - first, weight);
    if (sum < from) {
      greys[i] = flip;
      continue;
    }
    const entry = 2 * Math.min((sum - from) >>> shift, LAST);
    const grey = entries[entry] + (sum >= entries[entry + 1] ? 1 : 0);
    greys[i] = grey ^ flip;
  }
}

/**
 * @param {Int32Array} above
 * @param {Int32Array} below
 * @param {number} weight
 * @param {Uint8Array} lut
 * @param {number} flip
 * @param {Uint8Array} greys
 */
function throughLut(above, below, weight, lut, flip, greys) {
  for (let i = 0; i < greys.length; i++) {
    const first = above[i];
    const sum = (first << 7) + Math.imul(below[i] - first, weight);
    greys[i] = lut[((sum + HALF) >> VALUE_BITS) & 0xffff] ^ flip;
  }
}
