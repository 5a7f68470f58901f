import assert from "node:assert/strict";
import { test } from "node:test";

import { Follow } from "../../../static/js/room/follow.js";
import { Model } from "../../../static/js/room/model.js";
import { Place } from "../../../static/js/room/place.js";
import { RoomEvent } from "../../../static/js/room/protocol.js";
import { applyEvent } from "../../../static/js/room/state.js";

const NOW = { seq: 4, case: 4, case_id: "smith", term: 1, presenter: "me", tab: "tab" };
const position = (more) => ({ ...NOW, ...more });
const room = (place) => ({
  meeting: { id: "m", state: "live" },
  you: { person: "me", may: {} },
  people: {},
  authors: {},
  position: place,
  cases: [],
});

/** A tab of "me", in a room at `NOW` or there; what its sender and pictures are told. */
function tab(place = NOW) {
  const told = [];
  const model = new Model(room(place), new Follow("me", "tab"), "tab");
  const parts = {
    model,
    sender: { forget: () => told.push("forget") },
    pictures: { sendAll: () => told.push("send all") },
  };
  const here = new Place(parts);
  const heed = (act) => {
    act();
    here.leave();
    here.enter();
    return told.splice(0);
  };
  const answer = (more) => heed(() => model.take(room(position(more))));
  const hear = (event) =>
    heed(() => {
      model.room = applyEvent(model.room, event);
    });
  return { answer, hear };
}

const OPENED = { type: RoomEvent.CaseOpened, seq: 5, case_id: "jones" };
const TOOK = {
  type: RoomEvent.PresenterChanged,
  seq: 5,
  term: 2,
  by: "me",
  name: "Me",
  tab: "tab",
};
const JONES = { seq: 5, case: 5, case_id: "jones" };

test("nothing meant for the last case is said once the room is on another, heard or loaded", () => {
  assert.deepEqual(tab().hear(OPENED), ["forget"]);
  const { answer, hear } = tab();
  assert.deepEqual(answer(JONES), ["forget"]);
  assert.deepEqual(hear(OPENED), []);
});

test("who takes the picture shows theirs, although an answer overtakes the event that says so", () => {
  const before = position({ presenter: "anna", tab: "hers" });
  assert.deepEqual(tab(before).hear(TOOK), ["forget", "send all"]);
  const { answer, hear } = tab(before);
  assert.deepEqual(answer({ seq: 5, term: 2 }), ["forget", "send all"]);
  assert.deepEqual(hear(TOOK), []);
});

test("an answer that finds the room where it was takes nothing back and says nothing again", () => {
  assert.deepEqual(tab().answer({ seq: 9 }), []);
});
