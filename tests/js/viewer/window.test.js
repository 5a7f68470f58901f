import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  greyOf,
  greyTable,
  lutTable,
  TABLE_SIZE,
  usesLut,
  VALUE_BITS,
  windowOfLut,
} from "../../../static/js/viewer/window.js";

const ONE = 2 ** VALUE_BITS;
const read = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));

for (const { value, grey, ...voi } of read("voi_functions.json")) {
  test(`${value} through ${voi.function} ${voi.centre}/${voi.width} is ${grey}`, () => {
    assert.equal(greyOf(value, voi), grey);
  });
}

/** What the shader does with a table, for one interpolated sum. */
function lookedUp({ from, shift, sign, entries }, stored) {
  const sum = stored * sign;
  if (sum < from) return 0;
  const entry = Math.min(Math.floor((sum - from) / 2 ** shift), TABLE_SIZE - 1);
  return entries[2 * entry] + (sum >= entries[2 * entry + 1] ? 1 : 0);
}

const LUTS = [
  [
    { slope: 1, intercept: -1024 },
    { centre: 40, width: 400, function: "LINEAR" },
  ],
  [
    { slope: 1, intercept: 0 },
    { centre: 40.5, width: 1, function: "LINEAR" },
  ],
  [
    { slope: 1, intercept: 0 },
    { centre: 5, width: 2, function: "LINEAR" },
  ],
  [
    { slope: 0.5, intercept: 3 },
    { centre: 0, width: 65536, function: "LINEAR" },
  ],
  [
    { slope: 1, intercept: 0 },
    { centre: 100, width: 255, function: "LINEAR_EXACT" },
  ],
  [
    { slope: 2.37, intercept: -7.5 },
    { centre: 300, width: 777.7, function: "SIGMOID" },
  ],
  [
    { slope: -1, intercept: 50 },
    { centre: 40, width: 400, function: "LINEAR" },
  ],
  [
    { slope: 0, intercept: 50 },
    { centre: 40, width: 400, function: "LINEAR" },
  ],
  [
    { slope: 1e-6, intercept: 0 },
    { centre: 40, width: 400, function: "LINEAR" },
  ],
  [
    { slope: 1, intercept: 0 },
    { centre: 1e6, width: 400, function: "LINEAR" },
  ],
  [
    { slope: 1e-4, intercept: 0 },
    { centre: 0.4, width: 0.8, function: "LINEAR_EXACT" },
  ],
  [
    { slope: 1, intercept: 0 },
    { centre: 0.5, width: 1e-12, function: "LINEAR_EXACT" },
  ],
  [
    { slope: 1e-6, intercept: -0.01 },
    { centre: 0.0015, width: 0.003, function: "SIGMOID" },
  ],
];

for (const [image, voi] of LUTS) {
  const name = `${voi.function} ${voi.centre}/${voi.width} after a slope of ${image.slope}`;
  test(`the table holds the grey of every stored value, ${name}`, () => {
    const table = greyTable(image, voi);
    for (let stored = -32768; stored < 65536; stored++) {
      const value = stored * image.slope + image.intercept;
      assert.equal(lookedUp(table, stored * ONE), greyOf(value, voi), `stored ${stored}`);
    }
  });
  test(`and of values between them, ${name}`, () => {
    const table = greyTable(image, voi);
    const step = image.slope / ONE;
    for (let sum = -(2 ** 29); sum < 2 ** 29; sum += 9973) {
      assert.equal(lookedUp(table, sum), greyOf(sum * step + image.intercept, voi), `sum ${sum}`);
    }
  });
}

test("a view means the VOI LUT when its window is the one that stands for it", () => {
  const lut = { first: -10, values: [0, 100, 255], name: "T" };
  assert.equal(usesLut({ voi_lut: lut }, windowOfLut(lut)), true);
  assert.equal(usesLut({ voi_lut: lut }, { ...windowOfLut(lut), width: 4 }), false);
  assert.equal(usesLut({ voi_lut: null }, windowOfLut(lut)), false);
});

test("a VOI LUT gives its first value below and its last above", () => {
  const image = { slope: 1, intercept: 0, is_signed: true };
  const table = lutTable(image, { first: -1, values: [7, 100, 250], name: "" });
  const at = (stored) => table[stored & 0xffff];
  assert.deepEqual([-5, -1, 0, 1, 9].map(at), [7, 7, 100, 250, 250]);
});
