import { axesOf } from "./axes.js";
import { fragmentShader, VERTEX } from "./shaders.js";
import { TextureCache } from "./textures.js";
import { affineOf, gridOf, tapsOf, toCanvas } from "./transform.js";
import { clamp } from "./view.js";
import { greyTable, lutTable, usesLut } from "./window.js";

/** @import { Frame, Image, Picture, StackView, VoiLut, Voi } from "./types.js" */
/** @import { Variant } from "./shaders.js" */
/** @typedef {{ program: WebGLProgram, at: (name: string) => WebGLUniformLocation|null }} Program */
/** @typedef {{ view: StackView, image: Image, frame: Frame, picture: Picture }} Scene */

const TEXTURE_BUDGET = 256 * 2 ** 20;
const TABLE_SIDE = 64;
const CONTEXT = Object.freeze({
  alpha: false,
  antialias: false,
  depth: false,
  stencil: false,
  preserveDrawingBuffer: true, // what is on the screen can be read back at any time
});

/** Draws one frame into one canvas with WebGL2. Knows nothing of where samples come from. */
export class Renderer {
  #canvas;
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
  /** @type {WebGLTexture|null} */
  #axes = null;
  #axesKey = "";
  /** @type {import("./axes.js").Axes["covered"]} */
  #covered = { x: [0, 0], y: [0, 0] };

  /**
   * Throws a NoWebGl2 where the browser cannot.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {{ largestTexture?: number }} [limits]
   */
  constructor(canvas, { largestTexture = Infinity } = {}) {
    const gl = /** @type {WebGL2RenderingContext|null} */ (canvas.getContext("webgl2", CONTEXT));
    if (!gl) throw new NoWebGl2("WebGL 2 is missing");
    this.#canvas = canvas;
    this.#gl = gl;
    this.#largest = Math.min(largestTexture, gl.getParameter(gl.MAX_TEXTURE_SIZE));
    this.#textures = new TextureCache(gl, TEXTURE_BUDGET, this.#largest);
  }

  get isLost() {
    return this.#gl.isContextLost();
  }

  /** After `webglcontextrestored`: nothing of before is left on the card. */
  rebuild() {
    this.#programs.clear();
    this.#table = null;
    this.#tableKey = "";
    this.#axes = null;
    this.#axesKey = "";
    this.#luts = new WeakMap();
    this.#textures = new TextureCache(this.#gl, TEXTURE_BUDGET, this.#largest);
  }

  /** Nothing to show: black. */
  clear() {
    const gl = this.#gl;
    gl.viewport(0, 0, this.#canvas.width, this.#canvas.height);
    gl.clearColor(0, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
  }

  /** @param {Scene} scene */
  draw(scene) {
    const { view, image, frame, picture } = scene;
    const affine = affineOf(view, image, frame, this.#canvas);
    const grid = gridOf(affine);
    const isThroughLut = picture.kind === "mono16" && usesLut(image, view.voi);
    const taps = tapsOf(affine, view.interp, picture.level);
    const isUpright = taps <= 1 && grid.steps[1] === 0 && grid.steps[2] === 0;
    const { at, program } = this.#programFor({
      kind: picture.kind === "rgb8" ? "rgb8" : picture.isSigned ? "signed" : "unsigned",
      taps,
      isUpright,
      isTiled: this.#textures.isTiled(picture),
      usesLut: isThroughLut,
    });
    const gl = this.#gl;
    gl.useProgram(program);
    this.#bindSamples(picture, at);
    if (isThroughLut) this.#bindLut(image, at);
    else if (picture.kind === "mono16") this.#bindTable(image, view.voi, at);
    this.#place(grid, scene, at);
    const covered = isUpright
      ? this.#bindAxes(grid, scene, taps === 0, at)
      : this.#coveredBy(affine, image);
    this.clear();
    gl.enable(gl.SCISSOR_TEST);
    gl.scissor(...covered);
    gl.drawArrays(gl.TRIANGLES, 0, 3);
    gl.disable(gl.SCISSOR_TEST);
  }

  /**
   * What is on the canvas, top row first.
   *
   * @returns {Uint8Array} RGBA
   */
  pixels() {
    const gl = this.#gl;
    const { width, height } = this.#canvas;
    const upward = new Uint8Array(width * height * 4);
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, upward);
    const bytes = new Uint8Array(upward.length);
    for (let row = 0; row < height; row++) {
      const from = (height - 1 - row) * width * 4;
      bytes.set(upward.subarray(from, from + width * 4), row * width * 4);
    }
    return bytes;
  }

  /** Give the samples of a series that was closed back to the card. */
  forget() {
    this.#textures.clear();
  }

  destroy() {
    this.forget();
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
  }

  /**
   * @param {import("./transform.js").Grid} grid
   * @param {Scene} scene
   * @param {boolean} isNearest
   * @param {Program["at"]} at
   * @returns {[number, number, number, number]} what the picture covers, as WebGL counts
   */
  #bindAxes(grid, { image, picture }, isNearest, at) {
    const gl = this.#gl;
    gl.activeTexture(gl.TEXTURE2);
    this.#axes ??= /** @type {WebGLTexture} */ (gl.createTexture());
    gl.bindTexture(gl.TEXTURE_2D, this.#axes);
    gl.uniform1i(at("u_axes"), 2);
    const { width, height } = this.#canvas;
    const shape = [image.columns, image.rows, picture.columns, picture.rows, picture.level];
    const key = [grid.start, grid.steps, shape, width, height, isNearest].join();
    if (key !== this.#axesKey) {
      const axes = axesOf(grid, image, picture, this.#canvas, isNearest);
      fillAxes(gl, axes);
      this.#axesKey = key;
      this.#covered = axes.covered;
    }
    const { x, y } = this.#covered;
    return [x[0], height - y[1], x[1] - x[0], y[1] - y[0]];
  }

  /**
   * The part of the canvas a picture may cover: without a graphics card every pixel costs.
   *
   * @param {import("./transform.js").Affine} affine
   * @param {Image} image
   * @returns {[number, number, number, number]} as WebGL counts: from the bottom left
   */
  #coveredBy(affine, { columns, rows }) {
    const corners = [
      toCanvas(affine, -0.5, -0.5),
      toCanvas(affine, columns - 0.5, -0.5),
      toCanvas(affine, -0.5, rows - 0.5),
      toCanvas(affine, columns - 0.5, rows - 0.5),
    ];
    const { width, height } = this.#canvas;
    const [xs, ys] = [corners.map(([x]) => x), corners.map(([, y]) => y)];
    const left = clamp(Math.floor(Math.min(...xs)) - 1, 0, width);
    const right = clamp(Math.ceil(Math.max(...xs)) + 1, 0, width);
    const top = clamp(Math.floor(Math.min(...ys)) - 1, 0, height);
    const bottom = clamp(Math.ceil(Math.max(...ys)) + 1, 0, height);
    return [left, height - bottom, right - left, bottom - top];
  }

  /**
   * @param {import("./transform.js").Grid} grid
   * @param {Scene} scene
   * @param {Program["at"]} at
   */
  #place({ start, steps }, { view, image, picture }, at) {
    const gl = this.#gl;
    const [a, b, d, e] = steps;
    gl.uniform4i(at("u_high"), upper(a), upper(b), upper(d), upper(e));
    gl.uniform4i(at("u_low"), lower(a), lower(b), lower(d), lower(e));
    gl.uniform2i(at("u_start"), start[0], start[1]);
    gl.uniform2i(at("u_frame"), image.columns, image.rows);
    gl.uniform2i(at("u_last"), picture.columns - 1, picture.rows - 1);
    gl.uniform1i(at("u_level"), picture.level);
    gl.uniform1i(at("u_canvas"), this.#canvas.height);
    const isInverted = view.invert !== (image.photometric === "MONOCHROME1");
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

/** This browser, or this machine's graphics, cannot draw the pictures. */
export class NoWebGl2 extends Error {}

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
 * @param {import("./axes.js").Axes} axes
 */
function fillAxes(gl, { length, entries }) {
  const [target, format, type] = [gl.TEXTURE_2D, gl.RGBA_INTEGER, gl.SHORT];
  gl.texParameteri(target, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(target, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texImage2D(target, 0, gl.RGBA16I, length, 2, 0, format, type, entries);
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {number} internal
 * @param {number} side
 */
function makeTexture(gl, internal, side) {
  const texture = /** @type {WebGLTexture} */ (gl.createTexture());
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texStorage2D(gl.TEXTURE_2D, 1, internal, side, side);
  return texture;
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {string} source
 * @returns {Program}
 */
function makeProgram(gl, source) {
  const program = /** @type {WebGLProgram} */ (gl.createProgram());
  gl.attachShader(program, makeShader(gl, gl.VERTEX_SHADER, VERTEX));
  gl.attachShader(program, makeShader(gl, gl.FRAGMENT_SHADER, source));
  gl.linkProgram(program);
  if (!gl.getProgramParameter(program, gl.LINK_STATUS) && !gl.isContextLost()) {
    throw new Error(gl.getProgramInfoLog(program) ?? "the shaders do not link");
  }
  /** @type {Map<string, WebGLUniformLocation|null>} */
  const places = new Map();
  const at = (/** @type {string} */ name) => {
    if (!places.has(name)) places.set(name, gl.getUniformLocation(program, name));
    return places.get(name) ?? null;
  };
  return { program, at };
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {number} type
 * @param {string} source
 */
function makeShader(gl, type, source) {
  const shader = /** @type {WebGLShader} */ (gl.createShader(type));
  gl.shaderSource(shader, source);
  gl.compileShader(shader);
  return shader;
}
