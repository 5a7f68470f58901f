/** @typedef {[number, number]} At - CSS pixels from the pane's top left corner */
/** @typedef {{ x: number, y: number, width: number, height: number }} Box */
/**
 * The pane the words must lie in, and what they keep clear of: captions above all, and the words
 * of other marks where there is room.
 *
 * @typedef {{ width: number, height: number, taken: ReadonlyArray<Box>, others?: Box[] }} Around
 */

const MARGIN = 4; // CSS pixels between words and the pane's edge
const GAP = 10; // between an end and its words
const LONGEST = 320; // a longer line is hard to take in beside a picture
const SHORTEST = 220; // what a line may have of a small pane; of a larger one, its share
const SHARE = 0.6;
const NEAR = 80; // further from their mark words are not sent by those of another
const CUT = "…";

/**
 * The longest a line of words may be in a pane.
 *
 * @param {{ width: number }} pane
 */
export function longestLine({ width }) {
  const wished = Math.max(SHORTEST, Math.min(LONGEST, width * SHARE));
  return Math.max(1, Math.min(wished, width - 2 * MARGIN));
}

/**
 * How many lines of words a pane holds.
 *
 * @param {{ height: number }} pane
 * @param {number} line - height of one
 */
export function mostLines({ height }, line) {
  return Math.max(1, Math.floor((height - 2 * MARGIN) / line));
}

/**
 * Words in lines no longer than `longest`. Together they are the text, byte for byte, unless
 * there are more than `atMost`: then the last one ends in an ellipsis.
 *
 * @param {string} text
 * @param {{ longest: number, atMost: number }} room
 * @param {(text: string) => number} measure - CSS pixels
 * @returns {string[]}
 */
export function wrapped(text, { longest, atMost }, measure) {
  const fits = (/** @type {string} */ line) => measure(line.trimEnd()) <= longest;
  const lines = [""];
  for (const piece of pieces(text, fits)) {
    const last = lines[lines.length - 1];
    if (last === "" || fits(last + piece)) lines[lines.length - 1] = last + piece;
    else lines.push(piece);
  }
  if (lines.length <= atMost) return lines;
  return [...lines.slice(0, atMost - 1), cut(lines[atMost - 1], fits)];
}

/**
 * What a mark says and who says it. Where not all of it fits, the words are cut: never the name.
 *
 * @param {{ words: string, by: string }} said
 * @param {{ longest: number, atMost: number }} room
 * @param {(text: string) => number} measure - CSS pixels
 * @returns {string[]}
 */
export function saidInLines({ words, by }, room, measure) {
  const all = `${words} ${by}`.trim();
  const lines = wrapped(all, { ...room, atMost: Infinity }, measure);
  if (lines.length <= room.atMost) return lines;
  const name = wrapped(by, { ...room, atMost: 1 }, measure);
  const left = room.atMost - 1;
  return left > 0 ? [...wrapped(words, { ...room, atMost: left }, measure), ...name] : name;
}

/**
 * Words with the space behind them; one that is longer than a line, letter by letter.
 *
 * @param {string} text
 * @param {(line: string) => boolean} fits
 */
function pieces(text, fits) {
  const all = text.match(/\s*\S+\s*/g) ?? [text];
  return all.flatMap((word) => (fits(word) ? [word] : [...word]));
}

/**
 * @param {string} line
 * @param {(line: string) => boolean} fits
 */
function cut(line, fits) {
  const letters = [...line.trimEnd()];
  while (letters.length > 0 && !fits(letters.join("") + CUT)) letters.pop();
  return letters.join("") + CUT;
}

/**
 * Where the words of a line go: beside its first end, away from the line, and where that is not
 * whole within the pane or lies on a caption, at its other end or on another side. On a caption
 * only when no other place in the pane is free.
 *
 * @param {readonly [At, At]} ends - the one whose words they are comes first
 * @param {{ width: number, height: number }} size - of the words
 * @param {Around} around
 * @returns {At|null} their top left corner; null: no part of the line is in the pane
 */
export function labelPlace(ends, size, around) {
  const seen = clipped(ends, around);
  if (!seen) return null;
  const sides = beside(seen, size, around).filter((at) => isWhole(at, size, around));
  const first = sides[0] ?? inside(beside(seen, size, around)[0], size, around);
  const free = (/** @type {Around} */ clear, farthest = Infinity) =>
    sides.find((at) => isFree(at, size, clear)) ?? nearestFree(first, size, clear, farthest);
  const apart = { ...around, taken: [...around.taken, ...(around.others ?? [])] };
  return free(apart, NEAR) ?? free(around) ?? first;
}

/**
 * Places for the words in the order they are tried. Beside an end they may slide up and down to
 * stay in the pane, above and below it to and fro: never onto the end itself.
 *
 * @param {readonly [At, At]} ends
 * @param {{ width: number, height: number }} size
 * @param {Around} around
 * @returns {At[]}
 */
function beside([a, b], { width, height }, around) {
  const out = a[0] < b[0] ? -1 : 1;
  const down = a[1] > b[1] ? 1 : -1;
  /** @type {(end: At, way: number) => At} */
  const across = ([x, y], way) => [
    way > 0 ? x + GAP : x - GAP - width,
    held(y - height / 2, around.height - height),
  ];
  /** @type {(end: At, way: number) => At} */
  const along = ([x, y], way) => [
    held(x - width / 2, around.width - width),
    way > 0 ? y + GAP : y - GAP - height,
  ];
  return [
    across(a, out),
    along(a, down),
    across(b, -out),
    along(b, -down),
    across(a, -out),
    across(b, out),
    along(a, -down),
    along(b, down),
  ];
}

/**
 * Every place in the pane that touches an edge of something or is level with `wanted` is looked
 * at: if there is a free place at all, one of these is.
 *
 * @param {At} wanted
 * @param {{ width: number, height: number }} size
 * @param {Around} around
 * @param {number} farthest - from `wanted`
 * @returns {At|null}
 */
function nearestFree(wanted, size, around, farthest) {
  const { width, height } = size;
  const xs = around.taken.flatMap((box) => [box.x + box.width, box.x - width]);
  const ys = around.taken.flatMap((box) => [box.y + box.height, box.y - height]);
  const far = [around.width, around.height];
  /** @type {At[]} */
  const all = [wanted[0], 0, far[0], ...xs].flatMap((x) =>
    [wanted[1], 0, far[1], ...ys].map((y) => inside([x, y], size, around)),
  );
  const distance = (/** @type {At} */ [x, y]) => Math.hypot(x - wanted[0], y - wanted[1]);
  const free = all.filter((at) => distance(at) <= farthest && isFree(at, size, around));
  return free.sort((one, other) => distance(one) - distance(other))[0] ?? null;
}

/**
 * @param {At} at
 * @param {{ width: number, height: number }} size
 * @param {Around} around
 */
function isWhole(at, size, around) {
  const [x, y] = inside(at, size, around);
  return x === at[0] && y === at[1];
}

/**
 * @param {At} at
 * @param {{ width: number, height: number }} size
 * @param {Around} around
 */
function isFree([x, y], { width, height }, { taken }) {
  return taken.every(
    (box) =>
      x >= box.x + box.width ||
      x + width <= box.x ||
      y >= box.y + box.height ||
      y + height <= box.y,
  );
}

/**
 * The nearest place that is whole within the pane.
 *
 * @param {At} at
 * @param {{ width: number, height: number }} size
 * @param {{ width: number, height: number }} pane
 * @returns {At}
 */
export function inside([x, y], size, pane) {
  return [held(x, pane.width - size.width), held(y, pane.height - size.height)];
}

/**
 * @param {number} value
 * @param {number} most
 */
function held(value, most) {
  return Math.max(MARGIN, Math.min(value, most - MARGIN));
}

/**
 * The part of a line that is in the pane (Liang and Barsky).
 *
 * @param {readonly [At, At]} ends
 * @param {{ width: number, height: number }} pane
 * @returns {[At, At]|null}
 */
function clipped([[x, y], [toX, toY]], { width, height }) {
  const [dx, dy] = [toX - x, toY - y];
  let [from, to] = [0, 1];
  for (const [step, room] of [
    [-dx, x],
    [dx, width - x],
    [-dy, y],
    [dy, height - y],
  ]) {
    if (step === 0 && room < 0) return null;
    if (step < 0) from = Math.max(from, room / step);
    if (step > 0) to = Math.min(to, room / step);
  }
  if (from > to) return null;
  return [
    [x + from * dx, y + from * dy],
    [x + to * dx, y + to * dy],
  ];
}
