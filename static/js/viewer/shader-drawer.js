import { AxesKeeper } from "./axes.js";
import { makeProgram, makeTexture, paint } from "./gl.js";
import { fragmentShader } from "./shaders.js";
import { TextureCache } from "./textures.js";
import { toCanvas } from "./transform.js";
import { clamp } from "./view.js";
import { greyTable, lutTable } from "./window.js";

/** @import { Axes } from "./axes.js" */
/** @import { Box, Program } from "./gl.js" */
/** @import { Plan, Scene } from "./renderer.js" */
/** @import { Variant } from "./shaders.js" */
/** @import { Image, Picture, Size, Voi, VoiLut } from "./types.js" */

const TEXTURE_BUDGET = 256 * 2 ** 20;
const TABLE_SIDE = 64;

/** Draws any picture: its samples lie on the graphics card, shaders compute the rest. */
export class ShaderDrawer {
  #gl;
  #largest;
  #textures;
  /** @type {Map<string, Program>} */
  #programs = new Map();
  /** @type {WebGLTexture|null} */
  #table = null;
  #tableKey = "";
  /** @type {{ from: number, shift: number, sign: number }} */
  #grey = { from: 0, shift: 0, sign: 1 };
  /** @type {WeakMap<VoiLut, WebGLTexture>} */
  #luts = new WeakMap();
  #axes = new AxesKeeper();
  /** @type {WebGLTexture|null} */
  #axesTexture = null;
  /** @type {Axes|null} */
  #axesThere = null;

  /**
   * @param {WebGL2RenderingContext} gl
   * @param {number} largest - side of the largest texture to make
   */
  constructor(gl, largest) {
    this.#gl = gl;
    this.#largest = largest;
    this.#textures = new TextureCache(gl, TEXTURE_BUDGET, largest);
  }

  /** Nothing of before is left on the card. */
  rebuild() {
    this.#programs.clear();
    this.#table = null;
    this.#tableKey = "";
    this.#axesTexture = this.#axesThere = null;
    this.#luts = new WeakMap();
    this.#textures = new TextureCache(this.#gl, TEXTURE_BUDGET, this.#largest);
  }

  /** Give the samples back to the card. */
  forget() {
    this.#textures.clear();
  }

  /**
   * @param {Scene} scene
   * @param {Plan} plan
   */
  draw(scene, plan) {
    const { view, image, picture } = scene;
    const { at, program } = this.#programFor({
      kind: picture.kind === "rgb8" ? "rgb8" : picture.isSigned ? "signed" : "unsigned",
      taps: plan.taps,
      isUpright: plan.isUpright,
      isTiled: this.#textures.isTiled(picture),
      usesLut: plan.usesLut,
    });
    this.#gl.useProgram(program);
    this.#bindSamples(picture, at);
    if (plan.usesLut) this.#bindLut(image, at);
    else if (picture.kind === "mono16") this.#bindTable(image, view.voi, at);
    this.#place(scene, plan, at);
    const { canvas } = this.#gl;
    const box = plan.isUpright ? this.#bindAxes(scene, plan, at) : coveredBy(plan, image, canvas);
    paint(this.#gl, box);
  }

  /**
   * @param {Scene} scene
   * @param {Plan} plan
   * @param {Program["at"]} at
   * @returns {Box} what the picture covers
   */
  #bindAxes({ image, picture }, plan, at) {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE2);
    this.#axesTexture ??= /** @type {WebGLTexture} */ (gl.createTexture());
    gl.bindTexture(gl.TEXTURE_2D, this.#axesTexture);
    gl.uniform1i(at("u_axes"), 2);
    const { width, height } = gl.canvas;
    const axes = this.#axes.get(plan, image, picture, { width, height });
    if (axes !== this.#axesThere) fillAxes(gl, axes);
    this.#axesThere = axes;
    const { x, y } = axes.covered;
    return [x[0], height - y[1], x[1] - x[0], y[1] - y[0]];
  }

  /**
   * @param {Scene} scene
   * @param {Plan} plan
   * @param {Program["at"]} at
   */
  #place({ image, picture }, { grid: { start, steps }, isInverted }, at) {
    const gl = this.#gl;
    const [a, b, d, e] = steps;
    gl.uniform4i(at("u_high"), upper(a), upper(b), upper(d), upper(e));
    gl.uniform4i(at("u_low"), lower(a), lower(b), lower(d), lower(e));
    gl.uniform2i(at("u_start"), start[0], start[1]);
    gl.uniform2i(at("u_frame"), image.columns, image.rows);
    gl.uniform2i(at("u_last"), picture.columns - 1, picture.rows - 1);
    gl.uniform1i(at("u_level"), picture.level);
    gl.uniform1i(at("u_canvas"), gl.canvas.height);
    gl.uniform1i(at("u_inverted"), isInverted ? 1 : 0);
  }

  /**
   * @param {Picture} picture
   * @param {Program["at"]} at
   */
  #bindSamples(picture, at) {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE0);
    const { texture, target, tile } = this.#textures.get(picture);
    gl.bindTexture(target, texture);
    gl.uniform1i(at("u_samples"), 0);
    if (tile.count > 1) gl.uniform3i(at("u_tile"), tile.bits, tile.mask, tile.across);
  }

  /**
   * @param {Image} image
   * @param {Voi} voi
   * @param {Program["at"]} at
   */
  #bindTable(image, voi, at) {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE1);
    gl.bindTexture(gl.TEXTURE_2D, this.#tableFor(image, voi));
    gl.uniform1i(at("u_table"), 1);
    gl.uniform1i(at("u_from"), this.#grey.from);
    gl.uniform1i(at("u_shift"), this.#grey.shift);
    gl.uniform1i(at("u_sign"), this.#grey.sign);
  }

  /**
   * @param {Image} image
   * @param {Voi} voi
   */
  #tableFor({ slope, intercept }, voi) {
    const gl = this.#gl;
    const key = `${slope} ${intercept} ${voi.centre} ${voi.width} ${voi.function}`;
    if (this.#table && key === this.#tableKey) return this.#table;
    const { entries, ...grey } = greyTable({ slope, intercept }, voi);
    this.#table ??= makeTexture(gl, gl.RG32I, TABLE_SIDE);
    gl.bindTexture(gl.TEXTURE_2D, this.#table);
    const [format, type, side] = [gl.RG_INTEGER, gl.INT, TABLE_SIDE];
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, side, side, format, type, entries);
    [this.#grey, this.#tableKey] = [grey, key];
    return this.#table;
  }

  /**
   * @param {Image} image
   * @param {Program["at"]} at
   */
  #bindLut(image, at) {
    const gl = this.#gl;
    const lut = /** @type {VoiLut} */ (image.voi_lut);
    gl.activeTexture(gl.TEXTURE1);
    const known = this.#luts.get(lut);
    const texture = known ?? makeTexture(gl, gl.R8UI, 256);
    gl.bindTexture(gl.TEXTURE_2D, texture);
    gl.uniform1i(at("u_lut"), 1);
    if (known) return;
    const [format, type, bytes] = [gl.RED_INTEGER, gl.UNSIGNED_BYTE, lutTable(image, lut)];
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, 256, 256, format, type, bytes);
    this.#luts.set(lut, texture);
  }

  /** @param {Variant} variant */
  #programFor(variant) {
    const key = Object.values(variant).join();
    const known = this.#programs.get(key);
    if (known) return known;
    const made = makeProgram(this.#gl, fragmentShader(variant));
    this.#programs.set(key, made);
    return made;
  }
}

/**
 * The part of the canvas a turned picture may cover.
 *
 * @param {Plan} plan
 * @param {Image} image
 * @param {Size} canvas
 * @returns {Box}
 */
function coveredBy({ affine }, { columns, rows }, { width, height }) {
  const corners = [
    toCanvas(affine, -0.5, -0.5),
    toCanvas(affine, columns - 0.5, -0.5),
    toCanvas(affine, -0.5, rows - 0.5),
    toCanvas(affine, columns - 0.5, rows - 0.5),
  ];
  const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
  const left = clamp(Math.floor(Math.min(...xs)) - 1, 0, width);
  const right = clamp(Math.ceil(Math.max(...xs)) + 1, 0, width);
  const top = clamp(Math.floor(Math.min(...ys)) - 1, 0, height);
  const bottom = clamp(Math.ceil(Math.max(...ys)) + 1, 0, height);
  return [left, height - bottom, right - left, bottom - top];
}

/** @param {number} step */
function upper(step) {
  return Math.floor(step / 4096);
}

/** @param {number} step */
function lower(step) {
  return step - upper(step) * 4096;
}

/**
 * Two rows of the texture that is bound: the canvas' columns, and its rows.
 *
 * @param {WebGL2RenderingContext} gl
 * @param {Axes} axes
 */
function fillAxes(gl, { length, entries }) {
  const [target, format, type] = [gl.TEXTURE_2D, gl.RGBA_INTEGER, gl.SHORT];
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texImage2D(target, 0, gl.RGBA16I, length, 2, 0, format, type, entries);
}
