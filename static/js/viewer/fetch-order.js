/** @import { Frame } from "./types.js" */

const SMALL = 32 * 1024; // bytes: a frame this small is fetched at once
const RUN_BYTES = 2 * 2 ** 20;
const RUN_FRAMES = 8;

/**
 * Frame numbers in the order they are wanted: the one looked at, then outward, two ahead in the
 * direction of travel for each one behind.
 *
 * @param {number} count - frames of the series
 * @param {number} at - from 1
 * @param {1|-1} direction
 * @returns {number[]}
 */
export function outward(count, at, direction) {
  const order = [at];
  const isThere = (/** @type {number} */ n) => n >= 1 && n <= count;
  for (let ahead = 1, behind = 1; order.length < count; behind++) {
    const next = [at + direction * ahead, at + direction * (ahead + 1), at - direction * behind];
    order.push(...next.filter(isThere));
    ahead += 2;
  }
  return order;
}

/**
 * Which resolution a frame is first fetched at: a quarter of its width and height (about 7 % of
 * the bytes hold it); -1 where the whole is small enough to come at once.
 *
 * @param {Pick<Frame, "ends"|"length">} frame
 */
export function firstPart({ ends, length }) {
  return length <= SMALL || ends.length < 3 ? -1 : ends.length - 3;
}

/**
 * Frames that one request can bring: from `number` on in the direction of travel, side by side
 * in one segment, all needed.
 *
 * @param {ReadonlyArray<Frame>} frames
 * @param {number} number - from 1
 * @param {1|-1} direction
 * @param {(number: number) => boolean} isNeeded
 * @returns {number[]} as asked: `number` first
 */
export function runFrom(frames, number, direction, isNeeded) {
  const run = [number];
  let bytes = frames[number - 1].length;
  for (let n = number + direction; run.length < RUN_FRAMES && frames[n - 1]; n += direction) {
    const [last, next] = [frames[n - direction - 1], frames[n - 1]];
    bytes += next.length;
    const [first, second] = direction === 1 ? [last, next] : [next, last];
    if (!isNeeded(n) || bytes > RUN_BYTES || !isBeside(first, second)) break;
    run.push(n);
  }
  return run;
}

/**
 * @param {Frame} first
 * @param {Frame} second
 */
function isBeside(first, second) {
  return first.segment === second.segment && first.offset + first.length === second.offset;
}
