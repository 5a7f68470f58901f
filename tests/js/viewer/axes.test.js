import assert from "node:assert/strict";
import { test } from "node:test";

import { axesOf } from "../../../static/js/viewer/axes.js";
import { IMAGE } from "./stack.js";

const CANVAS = { width: 7, height: 3 };
const STEP = 2 ** 28;
const grid = (column, row, step) => ({
  start: [column * 65536, row * 65536],
  steps: [step * STEP, 0, 0, step * STEP],
});
const whole = { columns: 4, rows: 4, level: 0 };
const image = { ...IMAGE, columns: 4, rows: 4 };
const columnOf = ({ entries }, i) => [...entries.subarray(4 * i, 4 * i + 3)];

test("a column between two samples reads both, weighed of 128", () => {
  const axes = axesOf(grid(0.25, 0, 0.5), image, whole, CANVAS, false);
  assert.deepEqual(columnOf(axes, 0), [0, 1, 32]);
  assert.deepEqual(columnOf(axes, 1), [0, 1, 96]);
});

test("beyond the middle of the last sample the edge is read", () => {
  const axes = axesOf(grid(-0.5, 0, 0.5), image, whole, CANVAS, false);
  assert.deepEqual(columnOf(axes, 0), [0, 0, 64]);
  assert.deepEqual(columnOf(axes, 6), [2, 3, 64]);
});

test("nothing is read where the picture is not", () => {
  const { covered } = axesOf(grid(-1, 2, 1), image, whole, CANVAS, false);
  assert.deepEqual(covered, { x: [1, 5], y: [0, 2] });
  const away = axesOf(grid(9, 9, 1), image, whole, CANVAS, false);
  assert.deepEqual(away.covered, { x: [0, 0], y: [0, 0] });
});

test("a mirrored picture is read from right to left", () => {
  const mirrored = { start: [3 * 65536, 0], steps: [-STEP, 0, 0, STEP] };
  const axes = axesOf(mirrored, image, whole, CANVAS, true);
  assert.deepEqual(
    [0, 1, 2, 3].map((i) => columnOf(axes, i)[0]),
    [3, 2, 1, 0],
  );
  assert.deepEqual(axes.covered.x, [0, 4]);
});

test("a preview of half the size is read at half the place", () => {
  const half = { columns: 2, rows: 2, level: 1 };
  const axes = axesOf(grid(1, 0, 1), image, half, CANVAS, false);
  assert.deepEqual(columnOf(axes, 0), [0, 1, 64]);
});
