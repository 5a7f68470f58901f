import assert from "node:assert/strict";
import { test } from "node:test";

import { AUTHORS, authorAt } from "../../../static/js/viewer/authors.js";
import { actOf, movesPicture } from "../../../static/js/viewer/keys.js";
import { key } from "../../../static/js/viewer/hand-host.js";
import * as words from "../../../static/js/viewer/words.js";

/** An element of the page that knows what it is, or stands in. */
class FakeElement {
  constructor(is = "") {
    this.is = is;
  }
  closest(asked) {
    return asked.split(", ").includes(this.is) ? this : null;
  }
  matches() {
    return false;
  }
}
Object.assign(globalThis, { Element: FakeElement, HTMLElement: FakeElement });

const pressed = (key, code = "", more = {}) => ({ key, code, ...more });

for (const [key, code, act] of [
  ["i", "KeyI", "invert"],
  ["I", "KeyI", "invert"],
  ["!", "Digit1", "preset-1"],
  ['"', "Digit2", "preset-2"],
  ["+", "Equal", "zoom-in"],
  ["_", "Minus", "zoom-out"],
  [" ", "Space", "reset"],
  ["End", "End", "last"],
  ["q", "KeyQ", null],
]) {
  test(`${key} asks for ${act}`, () => assert.equal(actOf(pressed(key, code)), act));
}

test("a key with Ctrl, Alt or Meta is the browser's", () => {
  for (const held of ["ctrlKey", "altKey", "metaKey"]) {
    assert.equal(actOf(pressed("r", "KeyR", { [held]: true })), null);
  }
});

test("what only I see needs no Shift", () => {
  assert.deepEqual(["invert", "next", "cancel", "tool-zoom"].map(movesPicture), [
    true,
    true,
    false,
    false,
  ]);
});

test("the first eight authors differ in colour and in shape; the ninth looks like the first", () => {
  const looks = [...AUTHORS.keys()].map(authorAt);
  for (const part of ["colour", "shape"]) {
    assert.equal(new Set(looks.map((look) => look[part])).size, 8);
  }
  assert.equal(authorAt(8), authorAt(0));
});

test("a person whose number is not known wears nobody's colour", () => {
  for (const number of [undefined, null, -1]) {
    assert.ok(!AUTHORS.some(({ colour }) => colour === authorAt(number).colour));
  }
});

test("every code the server gives a frame has its sentence", () => {
  for (const code of ["frame.damaged", "frame.unsupported", "frame.too_large"]) {
    assert.notEqual(words.sentence(code, "unknown"), "unknown");
  }
});

test("dates, numbers and lengths are written as people read them", () => {
  assert.equal(words.readableDate("2026-03-01"), "1 Mar 2026");
  assert.equal(words.readableDate(""), "date not stated");
  assert.equal(words.readableNhsNumber("9990000018"), "999 000 0018");
  assert.equal(words.readableLength({ value: 12.345, unit: "mm", note: "" }), "12.3 mm");
  const note = "at the detector";
  assert.equal(words.readableLength({ value: 1, unit: "mm", note }), "1.0 mm (at the detector)");
});

for (const [longest, length] of [
  [7, 5],
  [49, 20],
  [50, 50],
  [0.3, 0.2],
  [100, 100],
]) {
  test(`a scale of at most ${longest} is ${length}`, () => {
    assert.ok(Math.abs(words.roundLength(longest) - length) < 1e-9);
  });
}

/** What a picture does when a key is pressed with the focus on `target`, and whether it took it. */
const pressedOn = (target, name) => {
  const acts = [];
  const act = (one) => acts.push(one) > 0;
  const doings = { hand: { nudge: () => false }, pane: { needsShift: false, act } };
  const taken = { prevented: false };
  const preventDefault = () => {
    taken.prevented = true;
  };
  const event = { key: name, code: "", target, defaultPrevented: false, preventDefault };
  return [key(doings, event), taken.prevented, acts];
};

for (const [what, is] of [
  ["a button presses it", "button"],
  ["a link stays with it", "a[href]"],
  ["a closed section opens it", "summary"],
  ["a mark stays with it", "[role=button]"],
]) {
  test(`Space on ${what} and moves no picture, and other keys do`, () => {
    const control = new FakeElement(is);
    assert.deepEqual(pressedOn(control, " "), [false, false, []]);
    assert.deepEqual(pressedOn(control, "Enter"), [false, false, []]);
    assert.deepEqual(pressedOn(control, "i"), [true, true, ["invert"]]);
  });
}

test("Space on a picture is the picture's", () => {
  assert.deepEqual(pressedOn(new FakeElement(), " "), [true, true, ["reset"]]);
});
