import assert from "node:assert/strict";
import { test } from "node:test";

import { RoomEvent } from "../../../static/js/room/protocol.js";
import { applyEvent, withCase } from "../../../static/js/room/state.js";
import { OPENED, after, mark } from "./room-events.js";

test("marks are kept by case: created, changed, removed", () => {
  const created = { type: RoomEvent.MarkCreated, seq: 7, case_id: "smith", mark: mark(1) };
  const changed = { type: RoomEvent.MarkChanged, seq: 8, case_id: "smith", mark: mark(2, "here") };
  const removed = {
    type: RoomEvent.MarkRemoved,
    seq: 9,
    case_id: "smith",
    mark_id: "m",
    version: 3,
    by: "chair",
  };
  assert.deepEqual(after(created).marks, { smith: { m: mark(1) } });
  assert.deepEqual(after(created, changed).marks, { smith: { m: mark(2, "here") } });
  assert.deepEqual(after(created, changed, removed).marks, { smith: {} });
});

test("a case loaded late does not undo a newer mark that was heard", () => {
  const room = after({
    type: RoomEvent.MarkChanged,
    seq: 8,
    case_id: "smith",
    mark: mark(2, "new"),
  });
  assert.deepEqual(
    withCase(room, { id: "smith", seq: 7, marks: [mark(1, "old")] }).marks.smith.m,
    mark(2, "new"),
  );
});

test("a case that was read before a mark was drawn does not take the mark away", () => {
  const drawn = after({ type: RoomEvent.MarkCreated, seq: 8, case_id: "smith", mark: mark(1) });
  const read = (seq) => withCase(drawn, { id: "smith", seq, marks: [] }).marks.smith;
  assert.deepEqual(read(7), { m: mark(1) });
  assert.deepEqual(read(8), {}); // it knows of it: it was removed, and nobody told us
});

test("a mark that a newer load no longer has goes although another event was heard meanwhile", () => {
  const created = { type: RoomEvent.MarkCreated, seq: 7, case_id: "smith", mark: mark(1) };
  const other = { ...created, seq: 9, mark: { ...mark(1), mark_id: "n" } };
  const next = { type: RoomEvent.CaseRefreshed, seq: 10, case_id: "jones" };
  const read = (room, seq, ...marks) => withCase(room, { id: "smith", seq, marks }).marks.smith;
  const room = after(created, next, other);
  assert.deepEqual(Object.keys(read(room, 8)), ["n"]);
  const changed = { type: RoomEvent.MarkChanged, seq: 11, case_id: "smith", mark: mark(2) };
  assert.deepEqual(Object.keys(read(applyEvent(room, changed), 10)), ["m"]);
});

test("a mark that was loaded goes with the newer load that no longer has it, and with no older one", () => {
  const room = withCase(after(OPENED), { id: "smith", seq: 20, marks: [mark(1)] });
  const heard = applyEvent(room, { type: RoomEvent.CaseRefreshed, seq: 30, case_id: "jones" });
  const read = (seq) => withCase(heard, { id: "smith", seq, marks: [] }).marks.smith;
  assert.deepEqual([read(19), read(21)], [{ m: mark(1) }, {}]);
});

test("a case that was read before a mark was removed does not bring it back", () => {
  const removal = { type: RoomEvent.MarkRemoved, case_id: "smith", mark_id: "m", version: 2 };
  const room = after({ ...removal, seq: 9, by: "chair" });
  assert.deepEqual(withCase(room, { id: "smith", seq: 8, marks: [mark(1)] }).marks.smith, {});
});
