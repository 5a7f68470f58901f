import { Kept } from "./kept.js";

/** @import { Image, Picture, Size } from "./types.js" */
/** @import { Grid } from "./transform.js" */
/**
 * What each canvas column and row of an upright picture reads: four numbers each (first sample,
 * second sample, weight of the second of 128, unused), columns first, then rows from the top.
 * Outside `covered` (canvas pixels, the ends not included) nothing is read.
 *
 * @typedef {{ length: number, entries: Int16Array, covered: { x: Span, y: Span } }} Axes
 */
/** @typedef {[number, number]} Span */
/** @typedef {{ grid: Grid, taps: number }} Placed */
/** @typedef {{ start: number, step: number, count: number, frame: number, last: number, level: number, isNearest: boolean }} Axis */

const PLACE = 65536;
const FRACTION = 4096;
const WEIGHT = 512; // of a place's fraction: 128 weights

/** The axes of what was drawn last: scrolling changes nothing in them. */
export class AxesKeeper {
  /** @type {Kept<Axes>} */
  #kept = new Kept();

  /**
   * @param {Placed} plan - of an upright picture
   * @param {Image} image
   * @param {Picture} picture
   * @param {Size} canvas
   * @returns {Axes} the same object while nothing changes
   */
  get({ grid, taps }, image, picture, canvas) {
    const shape = [image.columns, image.rows, picture.columns, picture.rows, picture.level];
    const key = [grid.start, grid.steps, shape, canvas.width, canvas.height, taps].join();
    return this.#kept.get(key, () => axesOf(grid, image, picture, canvas, taps === 0));
  }
}

/**
 * The places of `gridOf`, worked out once for each column and each row where they do not depend
 * on each other: most pictures are upright, and every product counts without a graphics card.
 *
 * @param {Grid} grid
 * @param {Image} image
 * @param {Picture} picture
 * @param {Size} canvas
 * @param {boolean} isNearest
 * @returns {Axes}
 */
export function axesOf({ start, steps }, image, picture, canvas, isNearest) {
  const length = Math.max(canvas.width, canvas.height);
  const entries = new Int16Array(length * 8);
  const common = { level: picture.level, isNearest };
  const [across, down] = [entries.subarray(0, length * 4), entries.subarray(length * 4)];
  const x = fill(across, {
    ...common,
    start: start[0],
    step: steps[0],
    count: canvas.width,
    frame: image.columns,
    last: picture.columns - 1,
  });
  const y = fill(down, {
    ...common,
    start: start[1],
    step: steps[3],
    count: canvas.height,
    frame: image.rows,
    last: picture.rows - 1,
  });
  return { length, entries, covered: { x, y } };
}

/**
 * @param {Int16Array} entries
 * @param {Axis} axis
 * @returns {Span} which of them lie on the frame
 */
function fill(entries, { start, step, count, frame, last, level, isNearest }) {
  let [from, to] = [count, 0];
  for (let i = 0; i < count; i++) {
    const whole = start + Math.floor((i * step) / FRACTION);
    const nearest = Math.floor((whole + PLACE / 2) / PLACE);
    if (nearest < 0 || nearest >= frame) continue;
    [from, to] = [Math.min(from, i), i + 1];
    const place = Math.floor(whole / 2 ** level) + (isNearest ? PLACE / 2 : 0);
    const cell = Math.floor(place / PLACE);
    entries[4 * i] = Math.min(last, Math.max(0, cell));
    entries[4 * i + 1] = Math.min(last, Math.max(0, cell + 1));
    if (isNearest) continue; // the first alone: the second weighs nothing
    entries[4 * i + 2] = Math.floor((place - cell * PLACE + WEIGHT / 2) / WEIGHT);
  }
  return from < to ? [from, to] : [0, 0];
}
