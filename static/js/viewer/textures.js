/** @import { Picture } from "./types.js" */
/** @typedef {{ texture: WebGLTexture, target: number, shape: string, bytes: number, tile: Tile }} Held */
/** @typedef {{ bits: number, mask: number, across: number, count: number }} Tile */

/**
 * Stored samples on the graphics card, unwindowed, the least recently drawn given up first.
 * A picture larger than the card's largest texture is cut into square tiles.
 */
export class TextureCache {
  #gl;
  #budget;
  #largest;
  #bytes = 0;
  /** @type {Map<Picture, Held>} */
  #held = new Map();

  /**
   * @param {WebGL2RenderingContext} gl
   * @param {number} budget - bytes
   * @param {number} largest - side of the largest texture to make
   */
  constructor(gl, budget, largest) {
    this.#gl = gl;
    this.#budget = budget;
    this.#largest = largest;
  }

  /** @param {Picture} picture */
  isTiled({ columns, rows }) {
    return Math.max(columns, rows) > this.#largest;
  }

  /**
   * The texture of a picture, uploaded when it is not there yet.
   *
   * @param {Picture} picture
   * @returns {Held}
   */
  get(picture) {
    const known = this.#held.get(picture);
    const held = known ?? this.#upload(picture);
    if (known) this.#held.delete(picture);
    this.#held.set(picture, held);
    return held;
  }

  /** Give everything back to the card. */
  clear() {
    for (const { texture } of this.#held.values()) this.#gl.deleteTexture(texture);
    this.#held.clear();
    this.#bytes = 0;
  }

  /** @param {Picture} picture */
  #upload(picture) {
    const tile = this.#tileFor(picture);
    const format = formatOf(this.#gl, picture);
    const shape = `${picture.kind} ${picture.isSigned} ${picture.columns} ${picture.rows}`;
    const bytes = picture.samples.byteLength;
    const held = this.#spare(shape, bytes) ?? this.#allocate(picture, tile, format.internal);
    const { gl, target } = { gl: this.#gl, target: held.target };
    gl.bindTexture(target, held.texture);
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    if (tile.count === 1) fill(gl, picture, format);
    else fillTiles(gl, picture, format, tile);
    return { ...held, shape, bytes, tile };
  }

  /**
   * Room for so many bytes; a texture of the same shape that has to go is handed on.
   *
   * @param {string} shape
   * @param {number} bytes
   * @returns {{ texture: WebGLTexture, target: number }|null}
   */
  #spare(shape, bytes) {
    this.#bytes += bytes;
    for (const [picture, held] of this.#held) {
      if (this.#bytes <= this.#budget) return null;
      this.#held.delete(picture);
      this.#bytes -= held.bytes;
      if (held.shape === shape) return held;
      this.#gl.deleteTexture(held.texture);
    }
    return null;
  }

  /**
   * @param {Picture} picture
   * @param {Tile} tile
   * @param {number} internal
   */
  #allocate({ columns, rows }, tile, internal) {
    const gl = this.#gl;
    const texture = /** @type {WebGLTexture} */ (gl.createTexture());
    const target = tile.count > 1 ? gl.TEXTURE_2D_ARRAY : gl.TEXTURE_2D;
    gl.bindTexture(target, texture);
    gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
    gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
    if (tile.count === 1) gl.texStorage2D(target, 1, internal, columns, rows);
    else gl.texStorage3D(target, 1, internal, tile.mask + 1, tile.mask + 1, tile.count);
    return { texture, target };
  }

  /**
   * @param {Picture} picture
   * @returns {Tile}
   */
  #tileFor(picture) {
    if (!this.isTiled(picture)) return { bits: 15, mask: 32767, across: 1, count: 1 };
    const bits = Math.floor(Math.log2(this.#largest));
    const across = Math.ceil(picture.columns / 2 ** bits);
    const down = Math.ceil(picture.rows / 2 ** bits);
    return { bits, mask: 2 ** bits - 1, across, count: across * down };
  }
}

/** @typedef {{ internal: number, format: number, type: number, channels: number }} Format */

/**
 * @param {WebGL2RenderingContext} gl
 * @param {Picture} picture
 * @returns {Format}
 */
function formatOf(gl, { kind, isSigned }) {
  if (kind === "rgb8") {
    return { internal: gl.RGB8UI, format: gl.RGB_INTEGER, type: gl.UNSIGNED_BYTE, channels: 3 };
  }
  const [internal, type] = isSigned ? [gl.R16I, gl.SHORT] : [gl.R16UI, gl.UNSIGNED_SHORT];
  return { internal, format: gl.RED_INTEGER, type, channels: 1 };
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {Picture} picture
 * @param {Format} format
 */
function fill(gl, { columns, rows, samples }, { format, type }) {
  gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, columns, rows, format, type, samples);
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {Picture} picture
 * @param {Format} format
 * @param {Tile} tile
 */
function fillTiles(gl, { columns, rows, samples }, { format, type, channels }, tile) {
  const side = tile.mask + 1;
  gl.pixelStorei(gl.UNPACK_ROW_LENGTH, columns);
  for (let layer = 0; layer < tile.count; layer++) {
    const left = (layer % tile.across) * side;
    const top = Math.floor(layer / tile.across) * side;
    const [width, height] = [Math.min(side, columns - left), Math.min(side, rows - top)];
    const part = samples.subarray((top * columns + left) * channels);
    const at = [0, 0, layer, width, height, 1];
    gl.texSubImage3D(
      gl.TEXTURE_2D_ARRAY,
      0,
      .../** @type {[number, number, number, number, number, number]} */ (at),
      format,
      type,
      part,
    );
  }
  gl.pixelStorei(gl.UNPACK_ROW_LENGTH, 0);
}
