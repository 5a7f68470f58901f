import assert from "node:assert/strict";
import test from "node:test";

import { Pictures } from "../../../static/js/room/pictures.js";
import { EMPTY_ROOM } from "../../../static/js/room/state.js";

const LAYOUT = { panes: [{ id: "a", kind: "stack", series: "s", version: 1 }], active: "a" };
const SHOWN = { a: { view: { kind: "stack", frame: 7 }, n: 1, isKnown: true } };

/** Pictures over panes that only note what they are told. */
function made(mode) {
  const followed = [];
  const hung = [];
  const panes = {
    hang: (_, layout) => hung.push(layout),
    clear: () => {},
    setMarks: () => {},
    setHands: () => {},
    follow: (shown) => followed.push(shown),
  };
  const model = {
    mode,
    you: { person: "me" },
    authorOf: () => ({}),
    room: { ...EMPTY_ROOM, position: { ...EMPTY_ROOM.position, case_id: "smith" }, shown: SHOWN },
    openCase: { layout: LAYOUT },
  };
  const pictures = new Pictures({ model, panes, sender: {}, marks: { kept: [] } });
  return { pictures, model, followed, hung };
}

test("a view is handed to the panes as it is heard, without waiting for a frame", (t) => {
  const { pictures, followed } = made("following");
  t.after(() => pictures.destroy());
  pictures.show();
  followed.length = 0;
  pictures.follow();
  assert.deepEqual(followed, [SHOWN]);
});

test("a view of the next case never reaches the panes that still hang for the last", (t) => {
  const { pictures, model, followed } = made("following");
  t.after(() => pictures.destroy());
  pictures.show();
  followed.length = 0;
  model.room = { ...model.room, position: { ...model.room.position, case_id: "jones" } };
  pictures.follow();
  assert.deepEqual(followed, []);
});

test("who looks around is not taken along", (t) => {
  const { pictures, followed } = made("roaming");
  t.after(() => pictures.destroy());
  pictures.show();
  pictures.follow();
  assert.deepEqual(followed, []);
});

for (const mode of ["free", "following", "presenting"]) {
  test(`pictures that arrive after the case was opened are hung while ${mode}`, (t) => {
    const { pictures, model, hung } = made(mode);
    t.after(() => pictures.destroy());
    const empty = { panes: [], active: "" };
    model.openCase = { layout: empty };
    if (mode === "following") model.room = { ...model.room, layout: empty };
    pictures.show();
    model.openCase = { layout: LAYOUT };
    pictures.show();
    assert.deepEqual(hung, [empty, LAYOUT]);
  });
}
