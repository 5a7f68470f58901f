import assert from "node:assert/strict";
import { test } from "node:test";

import { AxesKeeper, axesOf } from "../../../static/js/viewer/axes.js";
import { SoftMixer } from "../../../static/js/viewer/soft-mixer.js";
import { greyOf, greyTable, lutTable } from "../../../static/js/viewer/window.js";
import { IMAGE } from "./stack.js";

const STEP = 2 ** 28;
const ONE = 2 ** 14;
const WINDOW = { centre: 8000, width: 50000, function: "LINEAR" };

/** The same by the letter, pixel for pixel: four samples, weighed, then the grey. */
function slowly(picture, { length, entries, covered }, grey) {
  const greys = [];
  for (let j = covered.y[1] - 1; j >= covered.y[0]; j--) {
    const [above, below, down] = entries.subarray(4 * (length + j));
    for (let i = covered.x[0]; i < covered.x[1]; i++) {
      const [left, right, across] = entries.subarray(4 * i);
      const at = (row, column) => picture.samples[row * picture.columns + column];
      const upper = at(above, left) * (128 - across) + at(above, right) * across;
      const lower = at(below, left) * (128 - across) + at(below, right) * across;
      greys.push(grey(upper * (128 - down) + lower * down));
    }
  }
  return greys;
}

function mixed(picture, axes, tone, mixer = new SoftMixer()) {
  const { x, y } = axes.covered;
  const greys = new Uint8Array((x[1] - x[0]) * (y[1] - y[0]));
  mixer.mix(picture, axes, tone, greys);
  return [...greys];
}

/** Whole numbers that look like noise and are the same each time. */
function pictureOf(columns, rows, Samples) {
  const samples = Samples.from({ length: columns * rows }, (_, i) => Math.imul(i + 1, 2654435761));
  return { samples, columns, rows, level: 0, kind: "mono16", isSigned: Samples === Int16Array };
}

function axesFor(picture, canvas, steps, start, isNearest = false) {
  const image = { ...IMAGE, columns: picture.columns, rows: picture.rows };
  const grid = { start: start.map((one) => Math.floor(one * 65536)), steps: [] };
  grid.steps = [Math.floor(steps[0] * STEP), 0, 0, Math.floor(steps[1] * STEP)];
  return axesOf(grid, image, picture, canvas, isNearest);
}

const CANVAS = { width: 37, height: 29 };
const PLACES = {
  "larger than life": [
    [0.31, 0.37],
    [-0.4, -1.2],
  ],
  "smaller, so that rows are left out": [
    [1.4, 1.4],
    [-3, -7],
  ],
  "from right to left": [
    [-0.5, 0.5],
    [15, 0.2],
  ],
  "from the bottom up": [
    [0.5, -0.5],
    [0.2, 12],
  ],
};

for (const Samples of [Int16Array, Uint16Array]) {
  for (const slope of [1, -0.5]) {
    for (const [name, [steps, start]] of Object.entries(PLACES)) {
      test(`${Samples.name}, ${name}, a slope of ${slope}: each grey is what its samples say`, () => {
        const picture = pictureOf(17, 13, Samples);
        const axes = axesFor(picture, CANVAS, steps, start);
        const image = { slope, intercept: 20 };
        const tone = { table: greyTable(image, WINDOW), flip: 0 };
        const grey = (sum) => greyOf((sum / ONE) * slope + 20, WINDOW);
        const wanted = slowly(picture, axes, grey);
        assert.ok(new Set(wanted).size > 20);
        assert.deepEqual(mixed(picture, axes, tone), wanted);
      });
    }
  }
}

test("the nearest sample is shown as it is", () => {
  const picture = pictureOf(17, 13, Int16Array);
  const axes = axesFor(picture, CANVAS, [0.31, 0.37], [0.4, 0.4], true);
  const tone = { table: greyTable(IMAGE, WINDOW), flip: 0 };
  const { x, y } = axes.covered;
  const [lowest] = axes.entries.subarray(4 * (axes.length + y[1] - 1));
  const [left] = axes.entries.subarray(4 * x[0]);
  const shown = mixed(picture, axes, tone);
  assert.equal(shown[0], greyOf(picture.samples[lowest * 17 + left], WINDOW));
  assert.deepEqual(
    shown,
    slowly(picture, axes, (sum) => greyOf(sum / ONE, WINDOW)),
  );
});

test("the ends of 16 bits neither wrap nor overflow", () => {
  const samples = Uint16Array.of(65535, 65535, 0, 65535);
  const picture = { ...pictureOf(2, 2, Uint16Array), samples };
  const axes = axesFor(picture, CANVAS, [0.05, 0.05], [-0.3, -0.3]);
  const voi = { centre: 32768, width: 65536, function: "LINEAR" };
  const tone = { table: greyTable({ slope: 1, intercept: 0 }, voi), flip: 0 };
  assert.deepEqual(
    mixed(picture, axes, tone),
    slowly(picture, axes, (sum) => greyOf(sum / ONE, voi)),
  );
});

test("an inverted picture is 255 less each grey", () => {
  const picture = pictureOf(17, 13, Int16Array);
  const axes = axesFor(picture, CANVAS, [0.31, 0.37], [0, 0]);
  const table = greyTable(IMAGE, WINDOW);
  const upright = mixed(picture, axes, { table, flip: 0 });
  assert.deepEqual(
    mixed(picture, axes, { table, flip: 255 }),
    upright.map((grey) => 255 - grey),
  );
});

test("a VOI LUT is asked by the nearest stored value", () => {
  const picture = pictureOf(17, 13, Int16Array);
  const axes = axesFor(picture, CANVAS, [0.31, 0.37], [0, 0]);
  const values = Array.from({ length: 700 }, (_, i) => (i * 7) % 256);
  const lut = lutTable({ slope: 1, intercept: 0, is_signed: true }, { first: -300, values });
  const grey = (sum) => lut[((sum + ONE / 2) >> 14) & 0xffff];
  assert.deepEqual(mixed(picture, axes, { lut, flip: 0 }), slowly(picture, axes, grey));
});

test("nothing of the frame before stays in a mixer that is used again", () => {
  const mixer = new SoftMixer();
  const tone = { table: greyTable(IMAGE, WINDOW), flip: 0 };
  const first = pictureOf(17, 13, Int16Array);
  const second = { ...first, samples: first.samples.map((value) => ~value) };
  const axes = axesFor(first, CANVAS, [0.31, 0.37], [0, 0]);
  const narrow = axesFor(first, { width: 9, height: 9 }, [0.31, 0.37], [2, 2]);
  mixed(first, axes, tone, mixer);
  assert.deepEqual(mixed(second, axes, tone, mixer), mixed(second, axes, tone));
  assert.deepEqual(mixed(first, narrow, tone, mixer), mixed(first, narrow, tone));
});

test("axes are worked out again only when the place changes", () => {
  const picture = pictureOf(17, 13, Int16Array);
  const image = { ...IMAGE, columns: 17, rows: 13 };
  const plan = { grid: { start: [0, 0], steps: [STEP, 0, 0, STEP] }, taps: 1 };
  const keeper = new AxesKeeper();
  const axes = keeper.get(plan, image, picture, CANVAS);
  assert.equal(keeper.get({ ...plan }, image, { ...picture }, CANVAS), axes);
  const moved = { ...plan, grid: { ...plan.grid, start: [65536, 0] } };
  assert.notEqual(keeper.get(moved, image, picture, CANVAS), axes);
});
