import assert from "node:assert/strict";
import { test } from "node:test";

import {
  inside,
  labelPlace,
  longestLine,
  mostLines,
  saidInLines,
  wrapped,
} from "../../../static/js/viewer/mark-label.js";

const PANE = { width: 500, height: 400 };
const CORNERS = [
  { x: 0, y: 0, width: 200, height: 80 },
  { x: 440, y: 0, width: 60, height: 40 },
  { x: 0, y: 340, width: 120, height: 60 },
  { x: 400, y: 370, width: 100, height: 30 },
];
const BARE = { ...PANE, taken: [] };
const FULL = { ...PANE, taken: CORNERS };
const SIZE = { width: 150, height: 18 };
const letters = (text) => text.length * 8;

const isWhole = ([x, y], { width, height }, pane = PANE) =>
  x >= 4 && y >= 4 && x + width <= pane.width - 4 && y + height <= pane.height - 4;
const covers = ([x, y], { width, height }, box) =>
  x < box.x + box.width && x + width > box.x && y < box.y + box.height && y + height > box.y;

test("words stand beside the first end, away from the line", () => {
  assert.deepEqual(
    labelPlace(
      [
        [300, 200],
        [200, 200],
      ],
      SIZE,
      BARE,
    ),
    [310, 191],
  );
  assert.deepEqual(
    labelPlace(
      [
        [200, 200],
        [300, 200],
      ],
      SIZE,
      BARE,
    ),
    [40, 191],
  );
});

test("at the pane's edge they turn to another side and leave the end to be seen", () => {
  const end = [480, 200];
  const at = labelPlace([end, [400, 250]], SIZE, BARE);
  assert.ok(isWhole(at, SIZE));
  assert.ok(!covers(at, SIZE, { x: end[0] - 4, y: end[1] - 4, width: 8, height: 8 }));
});

test("with no room beside either end they go above or below", () => {
  const pane = { width: 200, height: 400, taken: [] };
  const at = labelPlace(
    [
      [150, 200],
      [50, 200],
    ],
    SIZE,
    pane,
  );
  assert.ok(isWhole(at, SIZE, pane));
  assert.equal(at[1] + SIZE.height + 10, 200);
});

test("a line that leaves the pane has its words beside the part that is seen", () => {
  const at = labelPlace(
    [
      [900, 200],
      [100, 200],
    ],
    SIZE,
    BARE,
  );
  assert.ok(isWhole(at, SIZE));
  assert.equal(
    labelPlace(
      [
        [900, 200],
        [700, 100],
      ],
      SIZE,
      BARE,
    ),
    null,
  );
  assert.equal(
    labelPlace(
      [
        [-9, -9],
        [-9, 900],
      ],
      SIZE,
      BARE,
    ),
    null,
  );
});

test("wherever a line lies and however it is turned, its words are whole and on no caption", () => {
  const centres = [-60, 5, 90, 250, 410, 495, 560];
  let seen = 0;
  for (const x of centres) {
    for (const y of centres) {
      for (let angle = 0; angle < 360; angle += 15) {
        for (const half of [0, 30, 700]) {
          const [dx, dy] = [Math.cos(angle) * half, Math.sin(angle) * half];
          const at = labelPlace(
            [
              [x - dx, y - dy],
              [x + dx, y + dy],
            ],
            SIZE,
            FULL,
          );
          if (!at) continue;
          seen += 1;
          assert.ok(isWhole(at, SIZE), `cut at ${x},${y} turned by ${angle}`);
          for (const box of CORNERS) assert.ok(!covers(at, SIZE, box), `on a caption at ${x},${y}`);
        }
      }
    }
  }
  assert.ok(seen > 1000);
});

test("where captions leave no room, words are whole and lie on one", () => {
  const taken = [{ x: 0, y: 0, ...PANE }];
  assert.ok(
    isWhole(
      labelPlace(
        [
          [490, 200],
          [400, 200],
        ],
        SIZE,
        { ...PANE, taken },
      ),
      SIZE,
    ),
  );
});

test("a pane smaller than its words shows their beginning", () => {
  assert.deepEqual(inside([-50, 90], SIZE, { width: 100, height: 20 }), [4, 4]);
});

test("words in lines are the text, byte for byte", () => {
  const room = { longest: 80, atMost: 9 };
  for (const text of ["T2<T3", "ring <5 mm,  +ve & µ|^~\\", "a".repeat(35), "🙂".repeat(20)]) {
    const lines = wrapped(text, room, letters);
    assert.equal(lines.join(""), text);
    for (const line of lines) assert.ok(letters(line.trimEnd()) <= 80, line);
  }
  assert.deepEqual(wrapped("enhancing rim", room, letters), ["enhancing ", "rim"]);
});

test("more lines than there is room for end in an ellipsis that fits too", () => {
  const lines = wrapped("one two three four five six seven", { longest: 80, atMost: 2 }, letters);
  assert.deepEqual(lines, ["one two ", "three fou…"]);
  const [only] = wrapped("abcdefghijklm", { longest: 80, atMost: 1 }, letters);
  assert.equal(only, "abcdefghi…");
});

test("where not all fits the words are cut and the name is said", () => {
  const room = { longest: 80, atMost: 3 };
  const by = "■ Dr Osei";
  const said = (words, more) => saidInLines({ words, by }, { ...room, ...more }, letters);
  assert.deepEqual(said("rim"), ["rim ■ Dr ", "Osei"]);
  assert.deepEqual(said("one two three four five"), ["one two ", "three fou…", by]);
  assert.deepEqual(said("one two three four five", { atMost: 1 }), [by]);
  assert.deepEqual(said(""), [by]);
});

test("words keep clear of other words near by, and rather lie on them than go far", () => {
  const ends = [
    [300, 200],
    [200, 200],
  ];
  const other = { x: 310, y: 191, ...SIZE };
  const at = labelPlace(ends, SIZE, { ...FULL, others: [other] });
  assert.ok(!covers(at, SIZE, other));
  const wall = { x: 0, y: 0, width: 500, height: 330 };
  assert.deepEqual(labelPlace(ends, SIZE, { ...FULL, others: [wall] }), [310, 191]);
});

test("a line is never longer than the pane, nor are there more than it holds", () => {
  assert.equal(longestLine({ width: 2000 }), 320);
  assert.equal(longestLine({ width: 320 }), 220);
  assert.equal(longestLine({ width: 120 }), 112);
  assert.equal(longestLine({ width: 0 }), 1);
  assert.equal(mostLines({ height: 100 }, 18), 5);
  assert.equal(mostLines({ height: 5 }, 18), 1);
});
