/** @import { Frame, Image, Measured, Point } from "./types.js" */

/** What is said of a kind of spacing whose image gives no note. @type {Record<string, string>} */
const NOTES = { "at-detector": "at the detector, not in the patient", none: "not calibrated" };
const OBLIQUE = 0.25; // a component this large (14.5 degrees off the axis) earns its letter

/**
 * Whether places on this frame are patient millimetres (LPS) and not pixels.
 *
 * @param {Image} image
 * @param {Frame} frame
 */
export function isPlaced(image, frame) {
  const { row, column } = image.spacing;
  return Boolean(frame.position && image.row_cosines && image.column_cosines && row && column);
}

/**
 * How far one column and one row lie apart, in the unit of this frame's places. Pixels that are
 * not square count in columns.
 *
 * @param {Image} image
 * @param {Frame} frame
 * @returns {[number, number]}
 */
export function stepOf(image, frame) {
  if (!isPlaced(image, frame)) return [1, image.pixel_aspect || 1];
  return [image.spacing.column ?? 1, image.spacing.row ?? 1];
}

/**
 * The place of a stored pixel; (0, 0) is the centre of the top-left one.
 * DICOM PS3.3 C.7.6.2.1.1.
 *
 * @param {Image} image
 * @param {Frame} frame
 * @param {number} column
 * @param {number} row
 * @returns {Point}
 */
export function pointOf(image, frame, column, row) {
  if (!isPlaced(image, frame)) return { unit: "px", x: column, y: row };
  const [dx, dy] = stepOf(image, frame);
  const [x, y, z] = [0, 1, 2].map(
    (i) =>
      /** @type {number[]} */ (frame.position)[i] +
      column * dx * /** @type {number[]} */ (image.row_cosines)[i] +
      row * dy * /** @type {number[]} */ (image.column_cosines)[i],
  );
  return { unit: "mm", x, y, z };
}

/**
 * The stored pixel at a place, projected along the normal; null when the place is in a unit
 * this frame does not have.
 *
 * @param {Image} image
 * @param {Frame} frame
 * @param {Point} point
 * @returns {[number, number]|null}
 */
export function pixelOf(image, frame, point) {
  if ((point.unit === "mm") !== isPlaced(image, frame)) return null;
  if (point.unit === "px") return [point.x, point.y];
  const [x, y, z] = /** @type {number[]} */ (frame.position);
  const offset = [point.x - x, point.y - y, point.z - z];
  const [dx, dy] = stepOf(image, frame);
  const along = dot(offset, /** @type {number[]} */ (image.row_cosines));
  return [along / dx, dot(offset, /** @type {number[]} */ (image.column_cosines)) / dy];
}

/**
 * The distance between two places, and how far to believe it. Millimetres only where the
 * spacing is truthful; otherwise pixels, which count in columns where they are not square.
 * Must agree with mdt/annotations/measure.py: both are run against tests/vectors/lengths.json.
 *
 * @param {Image} image
 * @param {Point} from
 * @param {Point} to
 * @returns {Measured}
 */
export function lengthOf(image, from, to) {
  const { kind, row, column } = image.spacing;
  const note = image.spacing.note || (NOTES[kind] ?? "");
  if (from.unit === "mm" && to.unit === "mm") {
    const value = Math.hypot(to.x - from.x, to.y - from.y, to.z - from.z);
    return { value: hundredths(value), unit: "mm", note };
  }
  const [dx, dy] = [to.x - from.x, to.y - from.y];
  if (kind === "none" || !row || !column) {
    const value = Math.hypot(dx, dy * (image.pixel_aspect || 1));
    return { value: hundredths(value), unit: "px", note };
  }
  return { value: hundredths(Math.hypot(dx * column, dy * row)), unit: "mm", note };
}

/** @param {number} value */
function hundredths(value) {
  return Math.round(value * 100) / 100;
}

/**
 * A direction in the patient as letters, the strongest first: A P L R H F, up to three of them.
 * DICOM PS3.3 C.7.6.1.1.1.
 *
 * @param {number[]} direction - LPS, length 1
 */
export function letters(direction) {
  const named = direction.map((size, axis) => ({
    letter: "LPH"[axis],
    opposite: "RAF"[axis],
    size,
  }));
  return named
    .sort((a, b) => Math.abs(b.size) - Math.abs(a.size))
    .filter(({ size }, place) => place === 0 || Math.abs(size) >= OBLIQUE)
    .map(({ letter, opposite, size }) => (size > 0 ? letter : opposite))
    .join("");
}

/**
 * The letters at the four edges of the pane; null where the image has no orientation.
 *
 * @param {Image} image
 * @param {{ rotation: number, flip: boolean }} view
 */
export function edgeLetters({ row_cosines: across, column_cosines: down }, { rotation, flip }) {
  if (!across || !down) return null;
  const [cos, sin] = turn(rotation);
  const side = flip ? -1 : 1;
  const right = across.map((value, i) => side * value * cos - down[i] * sin);
  const bottom = across.map((value, i) => side * value * sin + down[i] * cos);
  return {
    right: letters(right),
    left: letters(right.map(negated)),
    bottom: letters(bottom),
    top: letters(bottom.map(negated)),
  };
}

/**
 * Cosine and sine of a clockwise turn in degrees; exact for quarter turns.
 *
 * @param {number} degrees
 * @returns {[number, number]}
 */
export function turn(degrees) {
  const quarter = (((degrees % 360) + 360) % 360) / 90;
  const exact = /** @type {[number, number][]} */ ([
    [1, 0],
    [0, 1],
    [-1, 0],
    [0, -1],
  ])[quarter];
  const angle = (degrees * Math.PI) / 180;
  return exact ?? [Math.cos(angle), Math.sin(angle)];
}

/** @param {number} value */
function negated(value) {
  return -value;
}

/**
 * @param {number[]} a
 * @param {number[]} b
 */
function dot(a, b) {
  return a[0] * b[0] + a[1] * b[1] + a[2] * b[2];
}
