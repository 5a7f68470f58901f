import assert from "node:assert/strict";
import test from "node:test";

import { Pictures } from "../../../static/js/room/pictures.js";
import { EMPTY_ROOM } from "../../../static/js/room/state.js";

const LAYOUT = { panes: [{ id: "a", kind: "stack", series: "s", version: 1 }], active: "a" };
const SHOWN = { a: { view: { kind: "stack", frame: 7 }, n: 1 } };

/** Pictures over panes that only note what they are told. */
function made(mode) {
  const followed = [];
  const hung = [];
  const panes = {
    hang: (_, layout) => hung.push(layout),
    clear: () => hung.push("cleared"),
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
  return { pictures, model, panes, followed, hung };
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

test("a view of what was just hung waits until it hangs here", (t) => {
  const { pictures, model, followed } = made("following");
  t.after(() => pictures.destroy());
  pictures.show();
  followed.length = 0;
  const layout = { ...LAYOUT, panes: [{ ...LAYOUT.panes[0], series: "t" }] };
  model.room = { ...model.room, layout };
  pictures.follow();
  assert.deepEqual(followed, []);
  pictures.show();
  assert.deepEqual(followed, [SHOWN]);
});

test("nothing of a case that is not this person's any more hangs, whatever is presented", (t) => {
  const { pictures, model, hung } = made("following");
  t.after(() => pictures.destroy());
  model.room = { ...model.room, layout: LAYOUT };
  pictures.show();
  assert.deepEqual(pictures.series, ["s"]);
  Object.assign(model, { isOpenHidden: true, openCase: null });
  hung.length = 0;
  pictures.show();
  assert.deepEqual([hung, pictures.series], [["cleared"], []]);
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

/** A presenter's pictures with a sender that notes what is offered and what is withdrawn. */
function presenting() {
  const said = [];
  const rig = made("presenting");
  const { model, panes } = rig;
  const sender = {
    offer: (key) => said.push(key),
    withdraw: (key) => said.push(`not ${key}`),
  };
  model.openCase.studies = [{ series: [{ id: "t", version: 2 }] }];
  model.follow = { moved: () => model.mode };
  panes.views = () => new Map([["a", SHOWN.a.view]]);
  panes.active = "a";
  const pictures = new Pictures({ model, panes, sender, marks: { kept: [] } });
  rig.pictures.destroy();
  return { pictures, said };
}

test("the first picture of a pane goes out after what hangs there, for a view is of a series", (t) => {
  const { pictures, said } = presenting();
  t.after(() => pictures.destroy());
  pictures.show();
  pictures.opened("a");
  assert.deepEqual(said, ["layout", "view:a"]);
});

test("a view that waits is not said of the series that is hung in its place", (t) => {
  const { pictures, said } = presenting();
  t.after(() => pictures.destroy());
  pictures.show();
  pictures.hang({ id: "t", version: 2 });
  assert.deepEqual(said, ["not view:a", "layout"]);
});
