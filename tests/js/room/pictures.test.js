import assert from "node:assert/strict";
import test from "node:test";

import { Pictures } from "../../../static/js/room/pictures.js";
import { RoomCommand } from "../../../static/js/room/protocol.js";
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

const POINT = { unit: "px", x: 1, y: 2 };

/** Somebody whose pointer may be heard; `said` holds where they point, and null once it has left. */
function pointing(mode, isPointing = true) {
  const rig = made(mode);
  rig.pictures.destroy();
  const { model, panes } = rig;
  const said = [];
  const hands = [];
  const offer = (_, make) => {
    const command = make({});
    if (command.type === RoomCommand.PointAt) said.push(command.point);
  };
  model.follow = {
    moved: () => {
      if (model.mode === "following") model.mode = "roaming";
      return model.mode;
    },
    toggle: () => {
      model.mode = model.mode === "following" ? "roaming" : "following";
      return model.mode;
    },
  };
  Object.assign(panes, {
    active: "a",
    comeBack: () => {},
    setHands: (pointers) => hands.push(pointers.map(({ name }) => name)),
  });
  const by = { by: "chair", name: "Dr C", pane: "a", point: POINT, n: 1, at: 1 };
  model.room = { ...model.room, pointers: { chair: by } };
  const sender = { offer, withdraw: () => {} };
  const pictures = new Pictures({ model, panes, sender, marks: { kept: [] } });
  pictures.isPointing = isPointing;
  return { pictures, model, said, hands };
}

for (const [mode, isPointing, isTold, sees] of [
  ["presenting", false, true, ["Dr C"]],
  ["following", true, true, ["Dr C"]],
  ["following", false, false, ["Dr C"]],
  ["roaming", true, false, []],
  ["free", true, false, []],
  ["lapsed", true, false, []],
]) {
  const does = isTold ? "points at the others' pictures" : "points at nobody else's picture";
  const how = isPointing ? "with the pointer on" : "with the pointer off";
  test(`who is ${mode} ${how} ${does}, and sees ${sees.length || "no"} pointer here`, (t) => {
    const { pictures, said, hands } = pointing(mode, isPointing);
    t.after(() => pictures.destroy());
    pictures.show();
    pictures.pointed("a", POINT);
    assert.deepEqual([said, hands.at(-1)], [isTold ? [POINT] : [], sees]);
  });
}

for (const [what, leave] of [
  ["a hand", (pictures) => pictures.moved("a", SHOWN.a.view)],
  ["F", (pictures) => pictures.toggleFollow()],
]) {
  test(`who looks around after ${what} points at nobody else's picture, and sees no pointer on their own`, (t) => {
    const { pictures, said, hands } = pointing("following");
    t.after(() => pictures.destroy());
    pictures.show();
    pictures.pointed("a", POINT);
    leave(pictures);
    pictures.pointed("a", POINT);
    pictures.moved("a", SHOWN.a.view);
    pictures.show();
    assert.deepEqual(said, [POINT, null]);
    assert.deepEqual(hands.at(-1), []);
    pictures.toggleFollow();
    pictures.pointed("a", POINT);
    pictures.show();
    assert.deepEqual([said.at(-1), hands.at(-1)], [POINT, ["Dr C"]]);
  });
}

test("switching the pointer on while looking around tells nobody of it", (t) => {
  const { pictures, said } = pointing("roaming", false);
  t.after(() => pictures.destroy());
  pictures.pointed("a", POINT);
  pictures.togglePointing();
  assert.deepEqual(said, [null]);
});
