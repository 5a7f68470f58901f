import { blacken, isSoftware } from "./gl.js";
import { ShaderDrawer } from "./shader-drawer.js";
import { SoftDrawer } from "./soft-drawer.js";
import { affineOf, gridOf, tapsOf } from "./transform.js";
import { usesLut } from "./window.js";

/** @import { Affine, Grid } from "./transform.js" */
/** @import { Frame, Image, Picture, Size, StackView } from "./types.js" */
/** @typedef {{ view: StackView, image: Image, frame: Frame, picture: Picture }} Scene */
/**
 * How a scene lies on the canvas. `isUpright`: a canvas pixel's column depends only on its x, its
 * row only on its y.
 *
 * @typedef {{
 *   affine: Affine, grid: Grid, taps: 0|1|2|4, isUpright: boolean, usesLut: boolean,
 *   isInverted: boolean,
 * }} Plan
 */
/** @typedef {"shader"|"soft"} Drawing */
/**
 * What tests force: a card with small textures, or one of the two ways to draw.
 *
 * @typedef {{ largestTexture?: number, drawing?: Drawing }} Limits
 */

const CONTEXT = Object.freeze({
  alpha: false,
  antialias: false,
  depth: false,
  stencil: false,
  preserveDrawingBuffer: true, // what is on the screen can be read back at any time
});

/**
 * Draws one frame into one canvas with WebGL2. Knows nothing of where samples come from.
 *
 * A graphics card computes the picture from the samples. Where there is none, an upright grey
 * picture is computed in script, several times as fast as shaders would be there; both give the
 * same bytes.
 */
export class Renderer {
  #canvas;
  #gl;
  #shaders;
  /** @type {SoftDrawer|null} */
  #soft = null;

  /**
   * Throws a NoWebGl2 where the browser cannot.
   *
   * @param {HTMLCanvasElement} canvas
   * @param {Limits} [limits]
   */
  constructor(canvas, { largestTexture = Infinity, drawing } = {}) {
    const gl = /** @type {WebGL2RenderingContext|null} */ (canvas.getContext("webgl2", CONTEXT));
    if (!gl) throw new NoWebGl2("WebGL 2 is missing");
    this.#canvas = canvas;
    this.#gl = gl;
    const largest = Math.min(largestTexture, gl.getParameter(gl.MAX_TEXTURE_SIZE));
    this.#shaders = new ShaderDrawer(gl, largest);
    if ((drawing ?? (isSoftware(gl) ? "soft" : "shader")) === "soft") {
      this.#soft = new SoftDrawer(gl);
    }
  }

  get isLost() {
    return this.#gl.isContextLost();
  }

  /** After `webglcontextrestored`: nothing of before is left on the card. */
  rebuild() {
    this.#shaders.rebuild();
    this.#soft?.rebuild();
  }

  /** Nothing to show: black. */
  clear() {
    blacken(this.#gl);
  }

  /** @param {Scene} scene */
  draw(scene) {
    const plan = planOf(scene, this.#canvas);
    const soft = this.#soft?.takes(scene, plan) ? this.#soft : null;
    (soft ?? this.#shaders).draw(scene, plan);
    this.#canvas.dataset.drawing = soft ? "soft" : "shader";
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
    this.#shaders.forget();
  }

  destroy() {
    this.forget();
    this.#gl.getExtension("WEBGL_lose_context")?.loseContext();
  }
}

/** This browser, or this machine's graphics, cannot draw the pictures. */
export class NoWebGl2 extends Error {}

/**
 * @param {Scene} scene
 * @param {Size} canvas
 * @returns {Plan}
 */
function planOf({ view, image, frame, picture }, canvas) {
  const affine = affineOf(view, image, frame, canvas);
  const grid = gridOf(affine);
  const taps = tapsOf(affine, view.interp, picture.level);
  return {
    affine,
    grid,
    taps,
    isUpright: taps <= 1 && grid.steps[1] === 0 && grid.steps[2] === 0,
    usesLut: picture.kind === "mono16" && usesLut(image, view.voi),
    isInverted: view.invert !== (image.photometric === "MONOCHROME1"),
  };
}
