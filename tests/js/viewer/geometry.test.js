import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { test } from "node:test";

import {
  edgeLetters,
  lengthOf,
  letters,
  pixelOf,
  pointOf,
} from "../../../static/js/viewer/geometry.js";
import {
  affineOf,
  gridOf,
  tapsOf,
  toCanvas,
  toPixel,
} from "../../../static/js/viewer/transform.js";
import { frame, IMAGE } from "./stack.js";

const read = (name) => JSON.parse(readFileSync(new URL(`../../vectors/${name}`, import.meta.url)));
const near = (actual, expected) => {
  for (const [i, value] of expected.entries()) {
    assert.ok(Math.abs(actual[i] - value) < 1e-9, `${actual} is not ${expected}`);
  }
};

for (const { name, image, frame: shown, view, canvas, points } of read("views.json")) {
  test(`a view looks where it should: ${name}`, () => {
    const affine = affineOf(view, image, shown, { width: canvas[0], height: canvas[1] });
    for (const [at, pixel] of points) {
      near(toPixel(affine, ...at), pixel);
      near(toCanvas(affine, ...pixel), at);
    }
  });
}

test("the whole-number grid agrees with the exact one to a thousandth of a stored pixel", () => {
  const view = { centre: { unit: "px", x: 1, y: 2 }, height: 333.3, rotation: 33, flip: true };
  const image = { ...IMAGE, row_cosines: null };
  const affine = affineOf(view, image, frame(1), { width: 4096, height: 2160 });
  const { start, steps } = gridOf(affine);
  for (const [i, j] of [
    [0, 0],
    [4095, 0],
    [0, 2159],
    [4095, 2159],
  ]) {
    const column = start[0] + Math.floor((i * steps[0] + j * steps[1]) / 4096);
    const row = start[1] + Math.floor((i * steps[2] + j * steps[3]) / 4096);
    const [x, y] = toPixel(affine, i + 0.5, j + 0.5);
    assert.ok(Math.abs(column / 65536 - x) < 1e-3 && Math.abs(row / 65536 - y) < 1e-3);
  }
});

test("more samples are read the smaller the picture is shown, fewer of a smaller preview", () => {
  const taps = (step, level = 0) => tapsOf({ a: step, b: 0, d: 0, e: step }, "linear", level);
  assert.deepEqual(
    [0.3, 1.5, 1.6, 3.1].map((step) => taps(step)),
    [1, 1, 2, 4],
  );
  assert.equal(taps(3.1, 2), 1);
  assert.equal(tapsOf({ a: 9, b: 0, d: 0, e: 9 }, "nearest", 0), 0);
});

test("a pixel goes to the patient and back", () => {
  const oblique = {
    ...IMAGE,
    row_cosines: [0.6, 0.8, 0],
    column_cosines: [0, 0, -1],
    spacing: { row: 2, column: 0.5, kind: "calibrated", note: "" },
  };
  const point = pointOf(oblique, frame(1), 10, 3);
  near([point.x, point.y, point.z], [-125, -124, -4]);
  near(pixelOf(oblique, frame(1), point), [10, 3]);
});

test("a place in millimetres is nowhere on a frame without a position", () => {
  const loose = frame(1, { position: null });
  assert.equal(pixelOf(IMAGE, loose, { unit: "mm", x: 0, y: 0, z: 0 }), null);
  assert.deepEqual(pointOf(IMAGE, loose, 3, 4), { unit: "px", x: 3, y: 4 });
});

const px = (x, y) => ({ unit: "px", x, y });
const spaced = (kind, note = "", row = 0.5, column = 0.25) => ({
  ...IMAGE,
  spacing: { row, column, kind, note },
});

for (const [what, image, expected] of [
  ["calibrated", spaced("calibrated"), { value: 2.5, unit: "mm", note: "" }],
  [
    "an ultrasound region",
    spaced("region", "one region"),
    { value: 2.5, unit: "mm", note: "one region" },
  ],
  [
    "at the detector",
    spaced("at-detector"),
    { value: 2.5, unit: "mm", note: "at the detector, not in the patient" },
  ],
  [
    "not calibrated",
    spaced("none", "", null, null),
    { value: 7.21, unit: "px", note: "not calibrated" },
  ],
  [
    "a spacing not to be believed",
    spaced("none", "several regions"),
    { value: 7.21, unit: "px", note: "several regions" },
  ],
]) {
  test(`a length says how far to believe it: ${what}`, () => {
    const { value, ...said } = lengthOf(image, px(0, 0), px(6, 4));
    const { value: wanted, ...words } = expected;
    assert.deepEqual(said, words);
    near([value], [wanted]);
  });
}

for (const { what, from, to, spacing, pixel_aspect, ...said } of read("lengths.json")) {
  test(`a length is the same under the hand as in the record: ${what}`, () => {
    assert.deepEqual(lengthOf({ ...IMAGE, spacing, pixel_aspect }, from, to), said);
  });
}

test("a length between patient places is in patient space", () => {
  const at = (x, y, z) => ({ unit: "mm", x, y, z });
  const { value, unit } = lengthOf(IMAGE, at(0, 0, 0), at(2, 3, 6));
  assert.deepEqual([value, unit], [7, "mm"]);
});

for (const [direction, expected] of [
  [[1, 0, 0], "L"],
  [[-1, 0, 0], "R"],
  [[0, 1, 0], "P"],
  [[0, 0, -1], "F"],
  [[0.8, -0.6, 0], "LA"],
  [[0.1, 0.2, 0.97], "H"],
]) {
  test(`${direction} is ${expected}`, () => assert.equal(letters(direction), expected));
}

for (const [view, expected] of [
  [
    { rotation: 0, flip: false },
    { top: "A", right: "L", bottom: "P", left: "R" },
  ],
  [
    { rotation: 90, flip: false },
    { top: "R", right: "A", bottom: "L", left: "P" },
  ],
  [
    { rotation: 0, flip: true },
    { top: "A", right: "R", bottom: "P", left: "L" },
  ],
  [
    { rotation: 180, flip: true },
    { top: "P", right: "L", bottom: "A", left: "R" },
  ],
]) {
  test(`the edges of an axial slice, ${JSON.stringify(view)}`, () => {
    assert.deepEqual(edgeLetters(IMAGE, view), expected);
  });
}

test("without orientation there are no letters", () => {
  assert.equal(edgeLetters({ ...IMAGE, row_cosines: null }, { rotation: 0, flip: false }), null);
});
