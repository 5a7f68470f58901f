import assert from "node:assert/strict";
import { test } from "node:test";

import {
  discussedIn,
  showDiscussed,
  turnAsShown,
} from "../../../static/js/pages/discussed-picture.js";

const VIEW = { kind: "stack", frame: 7, height: 80, rotation: 90, flip: true, invert: true };
const DISCUSSED = { series: "s", version: 2, frame: "f.7", view: VIEW, marks: [], authors: {} };

/** A pane that opens at frame 9 of its version, whatever was asked for, and notes what it shows. */
function paneAt(frame) {
  const shown = [];
  return {
    shown,
    place: { series: "s", version: 3, frame },
    open: async () => true,
    setMarks: () => {},
    setView: (view) => shown.push(view),
    getView: () => ({ ...VIEW, frame: 9 }),
  };
}

test("what the template wrote is read with the view it was shown in, and without one", () => {
  const dataset = { series: "s", version: "2", frame: "f.7", view: JSON.stringify(VIEW) };
  assert.deepEqual(discussedIn({ dataset }), DISCUSSED);
  assert.equal(discussedIn({ dataset: { ...dataset, view: "null" } }).view, null);
});

test("a frame is turned to by its key: another version may count it otherwise", async () => {
  const pane = paneAt("f.7");
  const number = await showDiscussed(pane, DISCUSSED);
  turnAsShown(pane, DISCUSSED, number);
  assert.deepEqual(pane.shown, [{ ...VIEW, frame: 9 }]);
});

test("where the frame is not there any more, no other is shown in its place", async () => {
  const pane = paneAt("f.1");
  const number = await showDiscussed(pane, DISCUSSED);
  turnAsShown(pane, DISCUSSED, number);
  assert.equal(number, 0);
  assert.deepEqual(pane.shown, []);
});

test("what was only drawn on is shown whole, as it opens", async () => {
  const pane = paneAt("f.7");
  turnAsShown(pane, { ...DISCUSSED, view: null }, await showDiscussed(pane, DISCUSSED));
  assert.deepEqual(pane.shown, []);
});
