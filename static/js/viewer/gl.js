import { VERTEX } from "./shaders.js";

/** @typedef {{ program: WebGLProgram, at: (name: string) => WebGLUniformLocation|null }} Program */
/** @typedef {[number, number, number, number]} Box - x, y, width, height, from the bottom left */

/** @param {WebGL2RenderingContext} gl */
export function blacken(gl) {
  gl.viewport(0, 0, gl.drawingBufferWidth, gl.drawingBufferHeight);
  gl.clearColor(0, 0, 0, 1);
  gl.clear(gl.COLOR_BUFFER_BIT);
}

/**
 * Run the program in use over a part of the canvas; the rest is black. Without a graphics card
 * every pixel costs.
 *
 * @param {WebGL2RenderingContext} gl
 * @param {Box} box
 */
export function paint(gl, box) {
  blacken(gl);
  gl.viewport(...box);
  gl.drawArrays(gl.TRIANGLES, 0, 3);
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {number} internal
 * @param {number} width
 * @param {number} [height]
 */
export function makeTexture(gl, internal, width, height = width) {
  const texture = /** @type {WebGLTexture} */ (gl.createTexture());
  gl.bindTexture(gl.TEXTURE_2D, texture);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MIN_FILTER, gl.NEAREST);
  gl.texParameteri(gl.TEXTURE_2D, gl.TEXTURE_MAG_FILTER, gl.NEAREST);
  gl.texStorage2D(gl.TEXTURE_2D, 1, internal, width, height);
  return texture;
}

/**
 * @param {WebGL2RenderingContext} gl
 * @param {string} source - of the fragment shader
 * @param {string} [vertex]
 * @returns {Program}
 */
export function makeProgram(gl, source, vertex = VERTEX) {
  const program = /** @type {WebGLProgram} */ (gl.createProgram());
  gl.attachShader(program, makeShader(gl, gl.VERTEX_SHADER, vertex));
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

/**
 * Whether WebGL is computed on the processor here, as on most virtual desktops.
 *
 * @param {WebGL2RenderingContext} gl
 */
export function isSoftware(gl) {
  const info = gl.getExtension("WEBGL_debug_renderer_info");
  const name = gl.getParameter(info ? info.UNMASKED_RENDERER_WEBGL : gl.RENDERER);
  return SOFTWARE.test(String(name));
}

const SOFTWARE = /swiftshader|llvmpipe|softpipe|software|basic render/i;
