import { pixelOf, stepOf, turn } from "./geometry.js";

/** @import { Frame, Image, Size, StackView } from "./types.js" */
/**
 * From canvas pixels to stored pixels: column = a x + b y + c, row = d x + e y + f. Canvas
 * pixels count from the canvas' top left corner, stored ones from the centre of the first.
 *
 * @typedef {{ a: number, b: number, c: number, d: number, e: number, f: number }} Affine
 */
/**
 * The same in whole numbers, for the centre of canvas pixel (i, j):
 * column * 2^16 = start[0] + ((i * steps[0] + j * steps[1]) >> 12), row likewise with [1] and
 * [2], [3]. Whole numbers come out the same on every graphics card and in tests/vectors.
 *
 * @typedef {{ start: [number, number], steps: [number, number, number, number] }} Grid
 */

export const PLACE_BITS = 16;
const STEP_BITS = 28;
const FARTHEST = 2 ** 31 - 1; // of a start: 32,768 stored pixels
const LONGEST = 2 ** 40; // of a step: 4,096 stored pixels to a canvas pixel

/**
 * @param {StackView} view
 * @param {Image} image
 * @param {Frame} frame
 * @param {Size} canvas - in canvas pixels
 * @returns {Affine}
 */
export function affineOf(view, image, frame, canvas) {
  const [dx, dy] = stepOf(image, frame);
  const [column, row] = pixelOf(image, frame, view.centre) ?? middleOf(image);
  const unit = view.height / canvas.height;
  const [cos, sin] = turn(view.rotation);
  const side = view.flip ? -1 : 1;
  const a = (side * cos * unit) / dx;
  const b = (side * sin * unit) / dx;
  const d = (-sin * unit) / dy;
  const e = (cos * unit) / dy;
  const [x, y] = [canvas.width / 2, canvas.height / 2];
  return { a, b, c: column - a * x - b * y, d, e, f: row - d * x - e * y };
}

/**
 * @param {Affine} affine
 * @returns {Grid}
 */
export function gridOf({ a, b, c, d, e, f }) {
  const place = 2 ** PLACE_BITS;
  const step = 2 ** STEP_BITS;
  const [column, row] = [c + (a + b) / 2, f + (d + e) / 2];
  return {
    start: [whole(column * place, FARTHEST), whole(row * place, FARTHEST)],
    steps: [
      whole(a * step, LONGEST),
      whole(b * step, LONGEST),
      whole(d * step, LONGEST),
      whole(e * step, LONGEST),
    ],
  };
}

/**
 * Stored pixel under a canvas place.
 *
 * @param {Affine} affine
 * @param {number} x
 * @param {number} y
 * @returns {[number, number]} column, row
 */
export function toPixel({ a, b, c, d, e, f }, x, y) {
  return [a * x + b * y + c, d * x + e * y + f];
}

/**
 * Canvas place of a stored pixel.
 *
 * @param {Affine} affine
 * @param {number} column
 * @param {number} row
 * @returns {[number, number]} x, y
 */
export function toCanvas({ a, b, c, d, e, f }, column, row) {
  const determinant = a * e - b * d;
  const [u, v] = [column - c, row - f];
  return [(e * u - b * v) / determinant, (a * v - d * u) / determinant];
}

/**
 * How many samples are read for one canvas pixel: 0 the nearest one, 1 the four around it,
 * 2 and 4 the mean of 2 x 2 and 4 x 4 spread over it, so that a fine structure is not skipped
 * in a picture larger than the canvas.
 *
 * @param {Affine} affine
 * @param {"linear"|"nearest"} interp
 * @param {number} level - how often the samples at hand were halved
 * @returns {0|1|2|4}
 */
export function tapsOf({ a, b, d, e }, interp, level) {
  const step = Math.sqrt(Math.abs(a * e - b * d)) / 2 ** level;
  if (interp === "nearest") return 0;
  if (step > 3) return 4;
  return step > 1.5 ? 2 : 1;
}

/**
 * @param {Image} image
 * @returns {[number, number]} column, row
 */
export function middleOf({ columns, rows }) {
  return [(columns - 1) / 2, (rows - 1) / 2];
}

/**
 * @param {number} value
 * @param {number} limit
 */
function whole(value, limit) {
  return Math.min(limit, Math.max(-limit, Math.floor(value + 0.5)));
}
