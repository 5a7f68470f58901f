import { AxesKeeper } from "./axes.js";
import { blacken, makeProgram, makeTexture, paint } from "./gl.js";
import { Kept } from "./kept.js";
import { GREYS, GREYS_VERTEX } from "./shaders.js";
import { SoftMixer } from "./soft-mixer.js";
import { greyTable, lutTable } from "./window.js";

/** @import { Program } from "./gl.js" */
/** @import { Plan, Scene } from "./renderer.js" */
/** @import { Tone } from "./soft-mixer.js" */
/** @import { Image, Size, VoiLut, Voi } from "./types.js" */

/**
 * Draws upright grey pictures without the help of a graphics card: their bytes are computed here,
 * and one texture brings them to the canvas.
 */
export class SoftDrawer {
  #gl;
  #axes = new AxesKeeper();
  #mixer = new SoftMixer();
  /** @type {Kept<import("./window.js").GreyTable>} */
  #table = new Kept();
  /** @type {WeakMap<VoiLut, Uint8Array>} */
  #luts = new WeakMap();
  #greys = new Uint8Array(0);
  /** @type {Kept<WebGLTexture>} */
  #texture = new Kept();
  /** @type {Kept<Program>} */
  #program = new Kept();

  /** @param {WebGL2RenderingContext} gl */
  constructor(gl) {
    this.#gl = gl;
  }

  rebuild() {
    this.#texture.forget();
    this.#program.forget();
  }

  /**
   * @param {Scene} scene
   * @param {Plan} plan
   */
  takes({ picture }, { isUpright }) {
    return picture.kind === "mono16" && isUpright;
  }

  /**
   * @param {Scene} scene - one of those it takes
   * @param {Plan} plan
   */
  draw({ view, image, picture }, plan) {
    const { width, height } = this.#gl.canvas;
    const axes = this.#axes.get(plan, image, picture, { width, height });
    const { x, y } = axes.covered;
    const size = { width: x[1] - x[0], height: y[1] - y[0] };
    if (size.width === 0 || size.height === 0) return blacken(this.#gl);
    if (this.#greys.length < width * height) this.#greys = new Uint8Array(width * height);
    this.#mixer.mix(picture, axes, this.#toneOf(image, view.voi, plan), this.#greys);
    this.#show([x[0], height - y[1]], size);
  }

  /**
   * @param {Image} image
   * @param {Voi} voi
   * @param {Plan} plan
   * @returns {Tone}
   */
  #toneOf(image, voi, { usesLut, isInverted }) {
    const flip = isInverted ? 255 : 0;
    if (usesLut) return { lut: this.#lutOf(image), flip };
    const { slope, intercept } = image;
    const key = `${slope} ${intercept} ${voi.centre} ${voi.width} ${voi.function}`;
    return { table: this.#table.get(key, () => greyTable(image, voi)), flip };
  }

  /** @param {Image} image */
  #lutOf(image) {
    const lut = /** @type {VoiLut} */ (image.voi_lut);
    const table = this.#luts.get(lut) ?? lutTable(image, lut);
    this.#luts.set(lut, table);
    return table;
  }

  /**
   * @param {[number, number]} corner - canvas pixels from the bottom left
   * @param {Size} size
   */
  #show(corner, { width, height }) {
    const gl = this.#gl;
    const { at, program } = this.#program.get("greys", () => makeProgram(gl, GREYS, GREYS_VERTEX));
    gl.useProgram(program);
    gl.activeTexture(gl.TEXTURE0);
    gl.bindTexture(gl.TEXTURE_2D, this.#textureFor(gl.canvas));
    gl.pixelStorei(gl.UNPACK_ALIGNMENT, 1);
    const [format, type] = [gl.RED, gl.UNSIGNED_BYTE];
    gl.texSubImage2D(gl.TEXTURE_2D, 0, 0, 0, width, height, format, type, this.#greys);
    gl.uniform1i(at("u_greys"), 0);
    gl.uniform2f(at("u_share"), width / gl.canvas.width, height / gl.canvas.height);
    paint(gl, [...corner, width, height]);
  }

  /** @param {Size} canvas - whatever part a picture covers, it fits */
  #textureFor({ width, height }) {
    const gl = this.#gl;
    return this.#texture.get(
      `${width} ${height}`,
      () => makeTexture(gl, gl.R8, width, height),
      (old) => gl.deleteTexture(old),
    );
  }
}
