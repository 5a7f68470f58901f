import assert from "node:assert/strict";
import { test } from "node:test";

import { ACTS } from "../../../static/js/viewer/acts.js";
import { affineOf, toCanvas, toPixel } from "../../../static/js/viewer/transform.js";
import * as views from "../../../static/js/viewer/view.js";
import { greyOf } from "../../../static/js/viewer/window.js";
import { CANVAS, IMAGE, metadata } from "./stack.js";

const CT = metadata(9);
const at = (document, number = 1) => views.seen(document, number, CANVAS);
const first = () => views.initialView(at(CT), 1);
const act = (name, view, document = CT) => ACTS[name](view, { metadata: document, canvas: CANVAS });

test("at first the whole frame is seen, in the middle of the canvas", () => {
  const view = first();
  assert.equal(view.height, 192);
  assert.deepEqual(view.centre, { unit: "mm", x: -0.25, y: -32.25, z: 2 });
});

test("a wide frame is fitted by its width", () => {
  const wide = metadata(1, { columns: 1024 });
  assert.equal(views.initialView(at(wide), 1).height, 384);
});

test("a frame without places is seen in stored pixels, its rows as high as they are", () => {
  const loose = metadata(1, { row_cosines: null, pixel_aspect: 2, columns: 100 });
  const view = views.initialView(at(loose), 1);
  assert.deepEqual([view.centre, view.height], [{ unit: "px", x: 49.5, y: 191.5 }, 768]);
});

test("a stack begins in its middle, single pictures at the first, a wish within the series", () => {
  assert.equal(views.firstFrame(CT, {}), 5);
  assert.equal(views.firstFrame({ ...CT, geometry: { ...CT.geometry, kind: "none" } }, {}), 1);
  assert.equal(views.firstFrame(CT, { frame: 99 }), 9);
  assert.equal(views.firstFrame(CT, { key: "key3" }), 3);
  assert.equal(views.firstFrame(CT, { key: "gone" }), 5);
});

test("the first window of the header is shown, its VOI LUT where the window is computed", () => {
  const lut = { first: 0, values: [0, 128, 255], name: "" };
  assert.deepEqual(views.initialVoi({ ...IMAGE, voi_lut: lut }).centre, 40);
  const computed = { ...IMAGE.voi[0], name: "computed" };
  const view = views.initialVoi({ ...IMAGE, voi: [computed], voi_lut: lut });
  assert.deepEqual(view, { centre: 1.5, width: 3, function: "LINEAR" });
});

const SMALL = { centre: 0.4, width: 0.8, function: "LINEAR_EXACT" };
const MAP = { slope: 1e-4, intercept: 0, unit: "", voi: [{ ...SMALL, name: "computed" }] };

test("a map from 0 to 0.8 without a window shows its lowest black and its highest white", () => {
  const voi = views.initialVoi({ ...IMAGE, ...MAP });
  assert.deepEqual(voi, SMALL);
  assert.deepEqual([greyOf(0, voi), greyOf(8000 * MAP.slope, voi)], [0, 255]);
  assert.deepEqual(views.inWindow(first(), { ...MAP.voi[0] }).voi, SMALL);
  const [preset] = views.presetsOf({ ...IMAGE, ...MAP });
  assert.deepEqual([preset.width, preset.function], [0.8, "LINEAR_EXACT"]);
});

for (const width of [0.8, 3e-9]) {
  test(`a window of ${width} is dragged as finely as one of hundreds`, () => {
    const start = { ...first(), voi: { centre: width / 2, width, function: "LINEAR_EXACT" } };
    const near = (a, b) => assert.ok(Math.abs(a / b - 1) < 0.002, `${a} is not ${b}`);
    near(views.windowed(start, 30, 0).voi.width, width * Math.exp(0.1));
    near(views.windowed(start, -30, 0).voi.width, width / Math.exp(0.1));
    near(views.windowed(start, 0, 30).voi.centre, width * 0.6);
    const narrowest = views.windowed(start, -100_000, 0);
    const narrower = views.windowed(narrowest, -100_000, 30).voi.width;
    assert.ok(narrower > 0 && narrower === narrowest.voi.width);
  });
}

test("a drag of the picture goes with the hand, at any rotation and flip", () => {
  for (const start of [first(), act("rotate-right", first()), act("flip-horizontal", first())]) {
    const held = toPixel(affineOf(start, ...pictured(), CANVAS), 200, 100);
    const moved = views.panned(start, at(CT), 30, -20);
    const [x, y] = toCanvas(affineOf(moved, ...pictured(), CANVAS), ...held);
    assert.ok(Math.abs(x - 230) < 1e-9 && Math.abs(y - 80) < 1e-9);
  }
});

const pictured = () => [CT.images[0], CT.frames[0]];

test("zooming keeps what is under the pointer where it is", () => {
  const start = act("rotate-right", first());
  const held = toPixel(affineOf(start, ...pictured(), CANVAS), 300, 150);
  const zoomed = views.zoomed(start, at(CT), 1.7, [300, 150]);
  const [x, y] = toCanvas(affineOf(zoomed, ...pictured(), CANVAS), ...held);
  assert.ok(Math.abs(x - 300) < 1e-9 && Math.abs(y - 150) < 1e-9);
});

test("zooming ends at a few rows and at a quarter of the canvas", () => {
  let [near, far] = [first(), first()];
  for (let i = 0; i < 60; i++) {
    near = act("zoom-in", near);
    far = act("zoom-out", far);
  }
  assert.deepEqual([near.height, far.height], [2, 768]);
});

test("the picture cannot be dragged off the canvas", () => {
  const away = views.panned(first(), at(CT), 99_999, 0);
  assert.equal(away.centre.x, -128);
});

test("the next frame is seen at the same place, its own depth", () => {
  const moved = views.panned(first(), at(CT), 30, -20);
  const next = act("next", moved);
  assert.deepEqual(next, { ...moved, frame: 2, centre: { ...moved.centre, z: 4 } });
});

test("frames end at the ends", () => {
  assert.equal(act("previous", first()).frame, 1);
  assert.equal(act("last", first()).frame, 9);
  assert.equal(act("next-fast", act("last", first())).frame, 9);
});

test("another kind of picture is fitted anew and keeps the turn", () => {
  const mixed = metadata(2);
  mixed.images.push({ ...IMAGE, rows: 100, columns: 100, unit: "" });
  mixed.frames[1].image = 1;
  const start = act("rotate-right", views.initialView(at(mixed), 1), mixed);
  const next = act("next", start, mixed);
  assert.deepEqual([next.rotation, next.height, next.frame], [90, 50, 2]);
});

test("flips are of the screen, whatever the rotation", () => {
  const turned = act("rotate-right", first());
  const mirrored = act("flip-horizontal", turned);
  assert.deepEqual([mirrored.rotation, mirrored.flip], [270, true]);
  const upside = act("flip-vertical", first());
  assert.deepEqual([upside.rotation, upside.flip], [180, true]);
  assert.deepEqual(act("flip-vertical", act("flip-vertical", turned)), turned);
});

test("four turns are none", () => {
  const turned = [1, 2, 3, 4].reduce((view) => act("rotate-right", view), first());
  assert.deepEqual(turned, first());
});

test("a window never becomes narrower than 1", () => {
  assert.equal(views.windowed(first(), -100_000, 0).voi.width, 1);
});

const named = (image) => views.presetsOf({ ...IMAGE, ...image }).map(({ name }) => name);
const window = (name, width = 400) => ({ centre: 40, width, function: "LINEAR", name });

for (const [what, image, expected] of [
  ["CT", { unit: "HU" }, ["soft tissue", "lung", "bone", "brain", "liver"]],
  [
    "MR with two windows",
    { unit: "", voi: [window("T1"), window("T1 wide", 900)] },
    ["T1 (W 400 C 40)", "T1 wide (W 900 C 40)"],
  ],
  ["a window without a name", { unit: "", voi: [window("")] }, ["W 400 C 40"]],
  [
    "a window nobody wrote",
    { unit: "", voi: [window("computed")] },
    ["from the stored values (W 400 C 40)"],
  ],
  [
    "a table",
    { unit: "", voi: [window("computed")], voi_lut: { first: 0, values: [0, 255], name: "dense" } },
    ["dense", "from the stored values (W 400 C 40)"],
  ],
  [
    "a table without a name",
    { unit: "", voi: [], voi_lut: { first: 0, values: [0, 255], name: "" } },
    ["the header's table"],
  ],
  [
    "more than there are keys",
    { unit: "", voi: ["a", "b", "c", "d", "e", "f"].map((n) => window(n)) },
    ["a", "b", "c", "d", "e"].map((name) => `${name} (W 400 C 40)`),
  ],
  ["colour", { kind: "rgb8", unit: "", voi: [] }, []],
  ["none", { unit: "", voi: [] }, []],
]) {
  test(`presets are offered by their own names: ${what}`, () => {
    assert.deepEqual(named(image), expected);
  });
}

test("what is offered is what its key does, and what is not there changes nothing", () => {
  for (const image of [{}, { unit: "", voi: [window("T1"), window("T2", 900)] }]) {
    const stack = metadata(1, image);
    const start = views.initialView(at(stack), 1);
    const offered = views.presetsOf(stack.images[0]);
    for (const key of [1, 2, 3, 4, 5]) {
      const { voi } = act(`preset-${key}`, start, stack);
      const { name, ...wanted } = offered[key - 1] ?? { name: "", ...start.voi };
      assert.deepEqual(voi, wanted);
    }
  }
});

test("a preset is a CT window on CT and the header's own elsewhere", () => {
  assert.deepEqual(act("preset-4", first()).voi, { centre: 40, width: 80, function: "LINEAR" });
  const mr = metadata(1, { unit: "" });
  assert.equal(act("preset-1", views.initialView(at(mr), 1), mr).voi.width, 400);
  const start = views.initialView(at(mr), 1);
  assert.equal(act("preset-2", start, mr), start);
});

test("reset undoes everything but the frame", () => {
  const changed = ["next", "invert", "flip-vertical", "zoom-in", "preset-2", "interpolation"];
  const view = changed.reduce((now, name) => act(name, now), first());
  assert.deepEqual(act("reset", view), views.initialView(at(CT, 2), 2));
});
