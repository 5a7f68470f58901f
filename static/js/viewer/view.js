import { pixelOf, pointOf, stepOf, turn } from "./geometry.js";
import { affineOf, middleOf, toPixel } from "./transform.js";
import { windowOfLut } from "./window.js";
import { short } from "./words.js";

/** @import { Frame, Image, Metadata, Size, StackView, Voi } from "./types.js" */
/** @typedef {{ frame?: number, key?: string }} Wish - by number, from 1, or by what marks name */
/** @typedef {{ image: Image, frame: Frame, canvas: Size }} Seen - what a view is a view of */

const NARROWEST = 4; // stored rows: zooming in ends here
const WIDEST = 4; // times the fitting height: zooming out ends here
/** DICOM PS3.3 C.11.2.1.2 and C.11.2.1.3: any width above 0 but for LINEAR; one that has steps. */
const NARROWEST_WINDOW = { LINEAR: 1, LINEAR_EXACT: 1e-12, SIGMOID: 1e-12 };
const DRAG_FULL = 300; // canvas pixels of a drag that are worth one window width

/** The window of a key and its name in the menu. @typedef {Voi & { name: string }} Preset */
/** @type {readonly Preset[]} in Hounsfield units: no other picture has these */
const OF_CT = Object.freeze([
  { name: "soft tissue", width: 400, centre: 40, function: "LINEAR" },
  { name: "lung", width: 1500, centre: -600, function: "LINEAR" },
  { name: "bone", width: 2500, centre: 480, function: "LINEAR" },
  { name: "brain", width: 80, centre: 40, function: "LINEAR" },
  { name: "liver", width: 150, centre: 90, function: "LINEAR" },
]);

/**
 * The windows of the keys 1 to 5, of one picture: on CT those everybody knows, elsewhere the
 * header's own in its order. None of colour.
 *
 * @param {Image} image
 * @returns {readonly Preset[]}
 */
export function presetsOf({ kind, unit, voi, voi_lut: lut }) {
  if (kind === "rgb8") return [];
  if (unit === "HU") return OF_CT;
  const table = lut && { ...windowOfLut(lut), name: lut.name || "the header's table" };
  const windows = voi.map((one) => ({ ...inOneWindow(one), name: nameOf(one) }));
  return (table ? [table, ...windows] : windows).slice(0, OF_CT.length);
}

/** Why a picture has no such window, as a code of words.js. @param {Image} image */
export function noPreset({ kind }) {
  return kind === "rgb8" ? "viewer.no_window" : "viewer.no_preset";
}

/** @param {Image["voi"][number]} window */
function nameOf({ name, centre, width }) {
  const numbers = `W ${short(width)} C ${short(centre)}`;
  if (!name) return numbers;
  return `${name === "computed" ? "from the stored values" : name} (${numbers})`;
}

/**
 * @param {Metadata} metadata
 * @param {number} frame - from 1
 * @param {Size} canvas
 * @returns {Seen}
 */
export function seen(metadata, frame, canvas) {
  const found = metadata.frames[frame - 1];
  return { image: metadata.images[found.image], frame: found, canvas };
}

/**
 * The frame to begin with: the one wished for, else the middle of a stack.
 *
 * @param {Metadata} metadata
 * @param {Wish} wish - a key that is not there is no wish
 */
export function firstFrame({ frames, geometry }, { frame, key }) {
  const isStack = geometry.kind === "volume" || geometry.kind === "stack";
  const keyed = frames.findIndex((one) => one.key === key) + 1;
  const wished = keyed || frame || (isStack ? Math.ceil(frames.length / 2) : 1);
  return clamp(wished, 1, frames.length);
}

/**
 * The whole frame, upright, in the first window of its header.
 *
 * @param {Seen} what
 * @param {number} frame
 * @returns {StackView}
 */
export function initialView(what, frame) {
  const { image } = what;
  /** @type {StackView} */
  const view = {
    kind: "stack",
    frame,
    centre: { unit: "px", x: 0, y: 0 },
    height: 1,
    rotation: 0,
    flip: false,
    voi: initialVoi(image),
    invert: false,
    interp: "linear",
  };
  return fitted(view, what);
}

/**
 * @param {Image} image
 * @returns {Voi}
 */
export function initialVoi({ voi, voi_lut: lut }) {
  const [first] = voi;
  if (lut && (!first || first.name === "computed")) return windowOfLut(lut);
  if (!first) return { centre: 128, width: 256, function: "LINEAR" };
  return inOneWindow(first);
}

/**
 * Centred, and as large as the canvas allows at the view's rotation.
 *
 * @param {StackView} view
 * @param {Seen} what
 * @returns {StackView}
 */
export function fitted(view, { image, frame, canvas }) {
  const centre = pointOf(image, frame, ...middleOf(image));
  return { ...view, centre, height: fittingHeight(view.rotation, { image, frame, canvas }) };
}

/**
 * @param {number} rotation
 * @param {Seen} what
 */
function fittingHeight(rotation, { image, frame, canvas }) {
  const [dx, dy] = stepOf(image, frame);
  const [cos, sin] = turn(rotation).map(Math.abs);
  const [width, height] = [image.columns * dx, image.rows * dy];
  const [across, down] = [width * cos + height * sin, width * sin + height * cos];
  return Math.max(down, (across * canvas.height) / canvas.width);
}

/**
 * The picture moved by a drag, in canvas pixels. Its centre stays on the picture.
 *
 * @param {StackView} view
 * @param {Seen} what
 * @param {number} dx
 * @param {number} dy
 */
export function panned(view, what, dx, dy) {
  const { width, height } = what.canvas;
  return centredOn(view, what, width / 2 - dx, height / 2 - dy);
}

/**
 * Larger by `factor`, around a canvas place that stays where it is.
 *
 * @param {StackView} view
 * @param {Seen} what
 * @param {number} factor
 * @param {[number, number]} [around]
 */
export function zoomed(view, what, factor, around) {
  const { width, height } = what.canvas;
  const [x, y] = around ?? [width / 2, height / 2];
  const next = { ...view, height: limited(view.height / factor, view.rotation, what) };
  const share = next.height / view.height;
  const middle = [x + (width / 2 - x) * share, y + (height / 2 - y) * share];
  return { ...centredOn(view, what, middle[0], middle[1]), height: next.height };
}

/**
 * @param {StackView} view
 * @param {Seen} what
 * @param {number} x - canvas place that becomes the centre
 * @param {number} y
 * @returns {StackView}
 */
function centredOn(view, { image, frame, canvas }, x, y) {
  const [column, row] = toPixel(affineOf(view, image, frame, canvas), x, y);
  const inside = [clamp(column, 0, image.columns - 1), clamp(row, 0, image.rows - 1)];
  return { ...view, centre: pointOf(image, frame, inside[0], inside[1]) };
}

/**
 * @param {number} height
 * @param {number} rotation
 * @param {Seen} what
 */
function limited(height, rotation, what) {
  const narrowest = NARROWEST * stepOf(what.image, what.frame)[1];
  return clamp(height, narrowest, WIDEST * fittingHeight(rotation, what));
}

/**
 * @param {StackView} view
 * @param {number} degrees - clockwise on the screen
 * @returns {StackView}
 */
export function rotated(view, degrees) {
  return { ...view, rotation: upright(view.rotation + degrees) };
}

/**
 * Left and right change places on the screen.
 *
 * @param {StackView} view
 * @returns {StackView}
 */
export function flippedHorizontally(view) {
  return { ...view, rotation: upright(-view.rotation), flip: !view.flip };
}

/**
 * Top and bottom change places on the screen: a mirror and half a turn.
 *
 * @param {StackView} view
 * @returns {StackView}
 */
export function flippedVertically(view) {
  return rotated(flippedHorizontally(view), 180);
}

/**
 * The same place, size and window on another frame; the whole frame where it is another kind
 * of picture.
 *
 * @param {StackView} view
 * @param {Metadata} metadata
 * @param {number} to - a frame, from 1
 * @param {Size} canvas
 * @returns {StackView}
 */
export function scrolledTo(view, metadata, to, canvas) {
  const frame = clamp(Math.round(to), 1, metadata.frames.length);
  const [old, next] = [seen(metadata, view.frame, canvas), seen(metadata, frame, canvas)];
  const pixel = pixelOf(old.image, old.frame, view.centre);
  const moved = { ...view, frame };
  if (!pixel || !isAlike(old, next))
    return fitted({ ...moved, voi: voiFor(view, old, next) }, next);
  return { ...moved, centre: pointOf(next.image, next.frame, pixel[0], pixel[1]) };
}

/**
 * @param {Seen} a
 * @param {Seen} b
 */
function isAlike(a, b) {
  const [old, next] = [stepOf(a.image, a.frame), stepOf(b.image, b.frame)];
  const isSameSize = a.image.rows === b.image.rows && a.image.columns === b.image.columns;
  const isSameUnit = Boolean(a.frame.position) === Boolean(b.frame.position);
  return isSameSize && isSameUnit && old[0] === next[0] && old[1] === next[1];
}

/**
 * @param {StackView} view
 * @param {Seen} old
 * @param {Seen} next
 */
function voiFor(view, { image: a }, { image: b }) {
  return a.kind === b.kind && a.unit === b.unit ? view.voi : initialVoi(b);
}

/**
 * The window after a drag: right is wider, down is a higher centre (darker).
 *
 * @param {StackView} view
 * @param {number} dx - canvas pixels
 * @param {number} dy
 * @returns {StackView}
 */
export function windowed(view, dx, dy) {
  const { centre, width, function: name } = view.voi;
  const wider = clamp(width * Math.exp(dx / DRAG_FULL), NARROWEST_WINDOW[name], 65536);
  const tidied = tidy(wider, Math.min(wider, width));
  const voi = { ...view.voi, width: tidied, centre: centre + (dy * width) / DRAG_FULL };
  return { ...view, voi: { ...voi, centre: tidy(voi.centre, width) } };
}

/**
 * @param {StackView} view
 * @param {Voi} voi
 * @returns {StackView}
 */
export function inWindow(view, voi) {
  return { ...view, voi: inOneWindow(voi) };
}

/** @param {Voi} voi @returns {Voi} as wide as a window is at least, and nothing else with it */
function inOneWindow({ centre, width, function: name }) {
  return { centre, width: Math.max(NARROWEST_WINDOW[name], width), function: name };
}

/**
 * A number as people write it: a thousandth of the window is the finest step that shows.
 *
 * @param {number} value
 * @param {number} width
 */
function tidy(value, width) {
  const digits = clamp(3 - Math.floor(Math.log10(width)), 0, 100);
  return Number(value.toFixed(digits));
}

/** @param {number} degrees */
function upright(degrees) {
  return ((degrees % 360) + 360) % 360;
}

/**
 * @param {number} value
 * @param {number} low
 * @param {number} high
 */
export function clamp(value, low, high) {
  return Math.min(high, Math.max(low, value));
}
