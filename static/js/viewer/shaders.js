// The picture is computed in whole numbers from the stored samples to the grey level, because
// whole numbers are the same on every graphics card: two browsers with the same view and canvas
// size show the same bytes, and a reference in another language can be held against them.

/**
 * `isUpright`: what each canvas column and row reads was worked out before (axes.js).
 *
 * @typedef {{ kind: "signed"|"unsigned"|"rgb8", taps: 0|1|2|4, isUpright: boolean, isTiled: boolean, usesLut: boolean }} Variant
 */

export const VERTEX = `#version 300 es
void main() {
  vec2 corner = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

/** For GREYS: `u_share` is how much of the texture is filled, from its corner. */
export const GREYS_VERTEX = `#version 300 es
uniform vec2 u_share;
out vec2 v_at;
void main() {
  vec2 corner = vec2(float((gl_VertexID << 1) & 2), float(gl_VertexID & 2));
  v_at = corner * u_share;
  gl_Position = vec4(corner * 2.0 - 1.0, 0.0, 1.0);
}`;

/**
 * Greys that are computed already, one for each pixel painted. Sampled, not fetched: software
 * takes half the time for it, and the middle of a pixel is the middle of its grey.
 */
export const GREYS = `#version 300 es
precision highp float;
uniform sampler2D u_greys;
in vec2 v_at;
out vec4 o_colour;
void main() {
  o_colour = vec4(texture(u_greys, v_at).rrr, 1.0);
}`;

const SAMPLES = {
  signed: { sampler: "isampler2D", value: "int", read: "r" },
  unsigned: { sampler: "usampler2D", value: "int", read: "r" },
  rgb8: { sampler: "usampler2D", value: "ivec3", read: "rgb" },
};

/**
 * @param {Variant} variant
 * @returns {string}
 */
export function fragmentShader(variant) {
  return `#version 300 es
precision highp float;
precision highp int;
precision highp isampler2D;
precision highp usampler2D;
precision highp isampler2DArray;
precision highp usampler2DArray;
uniform ivec4 u_high;      // column per x, column per y, row per x, row per y: the upper part
uniform ivec4 u_low;       // the lower 12 bits
uniform ivec2 u_start;
uniform ivec2 u_frame;     // columns and rows of the whole frame
uniform ivec2 u_last;      // last column and row of the samples at hand
uniform int u_level;
uniform int u_canvas;      // height
uniform int u_inverted;
out vec4 o_colour;
${readSample(variant)}
${variant.kind === "rgb8" ? RGB : grey(variant)}
${variant.isUpright ? upright(variant) : turned(variant)}`;
}

/** @param {Variant} variant */
function turned({ kind, taps }) {
  return `${SUMS[taps].replaceAll("VALUE", SAMPLES[kind].value)}
void main() {
  int i = int(gl_FragCoord.x);
  int j = u_canvas - 1 - int(gl_FragCoord.y);
  ivec2 place = u_start + ivec2(
    i * u_high.x + j * u_high.y + ((i * u_low.x + j * u_low.y) >> 12),
    i * u_high.z + j * u_high.w + ((i * u_low.z + j * u_low.w) >> 12));
  ivec2 whole = (place + 32768) >> 16;
  o_colour = vec4(0.0, 0.0, 0.0, 1.0);
  if (whole.x < 0 || whole.y < 0 || whole.x >= u_frame.x || whole.y >= u_frame.y) return;
  o_colour = shown(summed(place >> u_level));
}`;
}

/** @param {Variant} variant */
function upright({ kind, taps }) {
  const { value } = SAMPLES[kind];
  const nearest = "fetched(ivec2(column.x, row.x)) * 16384";
  return `uniform isampler2D u_axes;
${mix(value)}
void main() {
  ivec4 column = texelFetch(u_axes, ivec2(int(gl_FragCoord.x), 0), 0);
  ivec4 row = texelFetch(u_axes, ivec2(u_canvas - 1 - int(gl_FragCoord.y), 1), 0);
  ivec2 weights = ivec2(column.z, row.z);
  o_colour = shown(${taps === 0 ? nearest : "mixed(column.xy, row.xy, weights)"});
}`;
}

/**
 * The four samples around a place, weighed.
 *
 * @param {string} value
 */
function mix(value) {
  return `${value} mixed(ivec2 columns, ivec2 rows, ivec2 w) {
  ${value} above = fetched(ivec2(columns.x, rows.x));
  ${value} below = fetched(ivec2(columns.x, rows.y));
  above = (above << 7) + (fetched(ivec2(columns.y, rows.x)) - above) * w.x;
  below = (below << 7) + (fetched(ivec2(columns.y, rows.y)) - below) * w.x;
  return (above << 7) + (below - above) * w.y;
}`;
}

/** @param {Variant} variant */
function readSample({ kind, isTiled }) {
  const { sampler, value, read } = SAMPLES[kind];
  const nearest = `
${value} sampled(ivec2 at) { return fetched(clamp(at, ivec2(0), u_last)); }`;
  if (!isTiled) {
    return `uniform ${sampler} u_samples;
${value} fetched(ivec2 at) { return ${value}(texelFetch(u_samples, at, 0).${read}); }${nearest}`;
  }
  return `uniform ${sampler}Array u_samples;
uniform ivec3 u_tile;      // bits of a tile's side, mask, tiles in a row
${value} fetched(ivec2 at) {
  ivec2 tile = at >> u_tile.x;
  ivec3 within = ivec3(at & u_tile.y, tile.y * u_tile.z + tile.x);
  return ${value}(texelFetch(u_samples, within, 0).${read});
}${nearest}`;
}

const RGB = `
vec4 shown(ivec3 sum) {
  ivec3 colour = (sum + 8192) >> 14;
  if (u_inverted == 1) colour = 255 - colour;
  return vec4(vec3(colour) / 255.0, 1.0);
}`;

const LUT = `
uniform usampler2D u_lut;
int greyOf(int sum) {
  int stored = (sum + 8192) >> 14;
  return int(texelFetch(u_lut, ivec2(stored & 255, (stored >> 8) & 255), 0).r);
}`;

const TABLE = `
uniform isampler2D u_table;
uniform int u_from;
uniform int u_shift;
uniform int u_sign;
int greyOf(int stored) {
  int sum = stored * u_sign;
  if (sum < u_from) return 0;
  int entry = int(min((uint(sum) - uint(u_from)) >> uint(u_shift), 4095u));
  ivec2 found = texelFetch(u_table, ivec2(entry & 63, entry >> 6), 0).rg;
  return found.x + (sum >= found.y ? 1 : 0);
}`;

/** @param {Variant} variant */
function grey({ usesLut }) {
  return `${usesLut ? LUT : TABLE}
vec4 shown(int sum) {
  int grey = greyOf(sum);
  if (u_inverted == 1) grey = 255 - grey;
  return vec4(vec3(float(grey) * (1.0 / 255.0)), 1.0);
}`;
}

const NEAREST = `
VALUE summed(ivec2 place) { return sampled((place + 32768) >> 16) * 16384; }`;

const LINEAR = `
${mix("VALUE")}
VALUE summed(ivec2 place) {
  ivec2 at = place >> 16;
  ivec2 w = ((place & 65535) + 256) >> 9;
  ivec2 p = max(at, ivec2(0));
  ivec2 q = min(at + 1, u_last);
  return mixed(ivec2(p.x, q.x), ivec2(p.y, q.y), w);
}`;

/**
 * The mean of n x n nearest samples spread evenly over the canvas pixel.
 *
 * @param {number} n
 * @param {number} bits - log2(2 n)
 */
function mean(n, bits) {
  return `
VALUE summed(ivec2 place) {
  VALUE sum = VALUE(0);
  for (int l = ${1 - n}; l < ${n}; l += 2) {
    for (int k = ${1 - n}; k < ${n}; k += 2) {
      ivec2 off = ivec2(k * u_high.x + l * u_high.y, k * u_high.z + l * u_high.w) >> ${bits};
      sum += sampled((place + (off >> u_level) + 32768) >> 16);
    }
  }
  return sum * ${16384 / (n * n)};
}`;
}

const SUMS = { 0: NEAREST, 1: LINEAR, 2: mean(2, 2), 4: mean(4, 3) };
