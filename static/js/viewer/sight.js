import { lengthOf, pixelOf, pointOf } from "./geometry.js";
import { affineOf, toCanvas, toPixel } from "./transform.js";
import { seen } from "./view.js";

/** @import { Stage } from "./stage.js" */
/** @import { Metadata, Place, Point, StackView } from "./types.js" */

/** What is looked at, and where it lies on the canvas. Places at hand are CSS pixels. */
export class Sight {
  /** @type {Metadata|null} */
  metadata = null;
  /** @type {StackView|null} */
  view = null;
  #stage;

  /** @param {Stage} stage */
  constructor(stage) {
    this.#stage = stage;
  }

  clear() {
    this.metadata = null;
    this.view = null;
  }

  /** The view with all it is a view of; null while there is none. */
  get now() {
    const { metadata, view } = this;
    if (!metadata || !view) return null;
    const canvas = this.#stage.size;
    return { metadata, view, ...seen(metadata, view.frame, canvas) };
  }

  /** @returns {Place|null} */
  get place() {
    if (!this.metadata || !this.view) return null;
    const { series, version, frames } = this.metadata;
    return { series, version, frame: frames[this.view.frame - 1].key };
  }

  /**
   * A mark belongs to one frame and is seen on no other (D25).
   *
   * @param {Place} place
   */
  isAt({ series, frame }) {
    const here = this.place;
    return here !== null && here.series === series && here.frame === frame;
  }

  /**
   * @param {Point} point
   * @returns {[number, number]|null} null: it has no place on this frame
   */
  toCss(point) {
    const { now } = this;
    const pixel = now && pixelOf(now.image, now.frame, point);
    if (!now || !pixel) return null;
    const [x, y] = toCanvas(affineOf(now.view, now.image, now.frame, now.canvas), ...pixel);
    return [x / this.#stage.dpr, y / this.#stage.dpr];
  }

  /**
   * @param {[number, number]} at
   * @returns {Point|null}
   */
  toPoint(at) {
    const pixel = this.pixelAt(at);
    return this.now && pixel && pointOf(this.now.image, this.now.frame, ...pixel);
  }

  /**
   * @param {[number, number]} at
   * @returns {[number, number]|null} column, row
   */
  pixelAt([x, y]) {
    const { now } = this;
    if (!now) return null;
    const affine = affineOf(now.view, now.image, now.frame, now.canvas);
    return toPixel(affine, x * this.#stage.dpr, y * this.#stage.dpr);
  }

  /**
   * A point moved by stored pixels.
   *
   * @param {Point} point
   * @param {number} columns
   * @param {number} rows
   * @returns {Point}
   */
  moved(point, columns, rows) {
    const { now } = this;
    const pixel = now && pixelOf(now.image, now.frame, point);
    if (!now || !pixel) return point;
    return pointOf(now.image, now.frame, pixel[0] + columns, pixel[1] + rows);
  }

  /**
   * @param {Point} from
   * @param {Point} to
   */
  measure(from, to) {
    const image = this.now?.image;
    return image
      ? lengthOf(image, from, to)
      : { value: 0, unit: /** @type {const} */ ("px"), note: "" };
  }
}
