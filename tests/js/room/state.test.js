import assert from "node:assert/strict";
import { test } from "node:test";

import { RoomEvent } from "../../../static/js/room/protocol.js";
import {
  applyEvent,
  EMPTY_ROOM,
  FRESH_MS,
  loaded,
  withoutOld,
} from "../../../static/js/room/state.js";
import {
  OPENED,
  TOOK,
  POSITION,
  STACK,
  HERE,
  PLACE,
  DRAWING,
  after,
  shown,
  mark,
  listed,
  data,
} from "./room-events.js";

test("events lead to the same room as a fresh welcome", () => {
  const fresh = applyEvent(EMPTY_ROOM, { type: RoomEvent.Welcome, position: POSITION, events: [] });
  assert.deepEqual(after(OPENED, TOOK).position, fresh.position);
});

test("everything that is on record is the same, heard event by event or loaded afresh", () => {
  const heard = [
    { type: RoomEvent.MeetingOpened, seq: 1, by: "chair" },
    { type: RoomEvent.PresenterChanged, seq: 2, term: 1, by: "chair", name: "Dr C", tab: "tab" },
    { type: RoomEvent.CaseOpened, seq: 3, case_id: "smith", by: "chair" },
    { type: RoomEvent.OutcomeDrafted, seq: 4, case_id: "smith", version: 1, by: "anna" },
    { type: RoomEvent.OutcomeRecorded, seq: 5, case_id: "smith", version: 1, by: "anna" },
    {
      type: RoomEvent.OutcomeStepped,
      seq: 6,
      case_id: "smith",
      version: 1,
      step: "read-back",
      by: "anna",
    },
  ];
  const fresh = loaded(
    EMPTY_ROOM,
    data({
      position: { seq: 6, case: 3, case_id: "smith", term: 1, presenter: "chair", tab: "tab" },
      cases: [
        listed("smith", { outcome: { version: 1, step: "read-back" }, draft: 1, was_opened: true }),
        listed("jones"),
      ],
    }),
  );
  assert.deepEqual(after(...heard), fresh);
});

test("half of the events on top of an older load equal a load of now", () => {
  const old = loaded(
    EMPTY_ROOM,
    data({ cases: [listed("smith", { was_opened: true }), listed("jones")] }),
  );
  const next = { type: RoomEvent.CaseOpened, seq: 7, case_id: "jones", by: "chair" };
  const fresh = loaded(
    EMPTY_ROOM,
    data({
      position: { ...POSITION, seq: 7, case: 7, case_id: "jones" },
      cases: [listed("smith", { was_opened: true }), listed("jones", { was_opened: true })],
    }),
  );
  assert.deepEqual(applyEvent(old, next), fresh);
});

test("an answer that is older than what was heard meanwhile takes nothing back", () => {
  const heard = after(OPENED, TOOK, shown(HERE), {
    type: RoomEvent.OutcomeRecorded,
    seq: 7,
    case_id: "smith",
    version: 2,
    by: "anna",
  });
  const before = { seq: 1, case: 0, case_id: null, term: 1, presenter: "anna", tab: "hers" };
  const late = loaded(
    heard,
    data({
      meeting: { state: "planned" },
      people: { anna: { name: "Anna" } },
      position: before,
      cases: [
        listed("smith", { outcome: { version: 1, step: "signed" } }),
        listed("jones", { draft: 3, was_opened: true }),
      ],
    }),
  );
  assert.deepEqual(late, {
    ...heard,
    opened: { smith: true, jones: true },
    drafts: { jones: 3 },
  });
});

test("a welcome after too long a break names nobody rather than the last presenter", () => {
  const position = { ...POSITION, seq: 9000, term: 3, presenter: "anna" };
  const event = { type: RoomEvent.Welcome, position, events: [], is_whole: false };
  assert.equal(applyEvent(after(TOOK), event).presenterName, "");
  const roster = { type: RoomEvent.Roster, present: [{ person: "anna", name: "Anna" }] };
  assert.equal(applyEvent(after(TOOK, roster), event).presenterName, "Anna");
});

test("the presenter's view is shown", () => {
  const room = after(OPENED, TOOK, shown(HERE));
  assert.deepEqual(room.shown.a, { view: STACK, n: 1 });
});

for (const [what, fence] of Object.entries({
  "another case": { case: 4, term: 2, n: 9 },
  "an older term": { case: 5, term: 1, n: 9 },
  "an older frame": { case: 5, term: 2, n: 0 },
})) {
  test(`a view of ${what} is not shown`, () => {
    const before = after(OPENED, TOOK, shown(HERE));
    assert.deepEqual(applyEvent(before, shown(fence, { kind: "stack", frame: 99 })), before);
  });
  test(`a pointer of ${what} is not shown`, () => {
    const point = { unit: "px", x: 1, y: 2 };
    const pointer = {
      type: RoomEvent.PointerMoved,
      by: "anna",
      name: "A",
      pane: "a",
      point,
      fence: HERE,
    };
    const before = after(OPENED, TOOK, pointer);
    assert.deepEqual(
      applyEvent(before, { ...pointer, fence, point: { unit: "px", x: 9, y: 9 } }),
      before,
    );
  });
}

test("the next case takes the last one's pictures, pointers and half drawn marks away", () => {
  const layout = { type: RoomEvent.LayoutShown, fence: HERE, layout: { panes: [], active: "" } };
  const preview = {
    type: RoomEvent.MarkPreviewed,
    by: "anna",
    name: "A",
    pane: "a",
    place: PLACE,
    drawing: DRAWING,
    fence: HERE,
  };
  const before = after(OPENED, TOOK, layout, shown(HERE), preview);
  assert.equal(before.previews.anna.name, "A");
  const room = applyEvent(before, { ...OPENED, seq: 7, case_id: "jones" });
  assert.deepEqual(
    [room.position.case_id, room.shown, room.layout, room.previews, room.pointers],
    ["jones", {}, null, {}, {}],
  );
});

test("an older layout does not replace a newer one", () => {
  const layout = (n, active) => ({
    type: RoomEvent.LayoutShown,
    fence: { ...HERE, n },
    layout: { panes: [], active },
  });
  assert.equal(after(OPENED, TOOK, layout(3, "b"), layout(2, "a")).layout.active, "b");
});

const hung = (n, ...panes) => ({
  type: RoomEvent.LayoutShown,
  fence: { ...HERE, n },
  layout: { panes, active: "a" },
});
const paneOf = (id, series, version = 1) => ({ id, kind: "stack", series, version });

test("a layout that hangs another series takes that pane's view away, and no other's", () => {
  const before = after(
    OPENED,
    TOOK,
    hung(1, paneOf("a", "ct"), paneOf("b", "mr")),
    shown({ ...HERE, n: 2 }),
    { ...shown({ ...HERE, n: 3 }), pane: "b" },
  );
  const names = (...panes) => Object.keys(applyEvent(before, hung(4, ...panes)).shown);
  assert.deepEqual(names(paneOf("a", "ct"), paneOf("b", "mr")), ["a", "b"]);
  assert.deepEqual(names(paneOf("a", "pt"), paneOf("b", "mr")), ["b"]);
  assert.deepEqual(names(paneOf("a", "ct"), paneOf("b", "mr", 2)), ["a"]);
  assert.deepEqual(names(paneOf("b", "mr")), ["b"]);
});

test("a view that came before any layout is of nothing that is known to hang", () => {
  assert.deepEqual(after(OPENED, TOOK, shown(HERE), hung(2, paneOf("a", "ct"))).shown, {});
});

test("a kind of view this page does not know takes the place of the older one", () => {
  const next = { ...HERE, n: 2 };
  const room = after(OPENED, TOOK, shown(HERE), shown(next, { kind: "hologram" }));
  assert.deepEqual(room.shown.a, { view: { kind: "hologram" }, n: 2 });
});

test("a pointer that leaves is gone at once", () => {
  const point = { unit: "px", x: 1, y: 2 };
  const moved = {
    type: RoomEvent.PointerMoved,
    by: "anna",
    name: "A",
    pane: "a",
    point,
    fence: HERE,
  };
  const before = after(OPENED, TOOK, moved);
  assert.deepEqual(
    applyEvent(before, { ...moved, point: null, fence: { ...HERE, n: 2 } }).pointers,
    {},
  );
});

test("a pointer nobody renews fades, and nothing else changes", () => {
  const point = { unit: "px", x: 1, y: 2 };
  const room = after(OPENED, TOOK, {
    type: RoomEvent.PointerMoved,
    by: "anna",
    name: "A",
    pane: "a",
    point,
    fence: HERE,
  });
  assert.equal(withoutOld(room, 1000 + FRESH_MS.pointers), room);
  assert.deepEqual(withoutOld(room, 1001 + FRESH_MS.pointers), { ...room, pointers: {} });
});

test("typing belongs to its case and field, and an older one of the same hand is dropped", () => {
  const typed = (n, text, by = "anna") => ({
    type: RoomEvent.TextTyped,
    case_id: "smith",
    field: "recommendation",
    text,
    by,
    name: by,
    n,
  });
  const room = after(OPENED, typed(2, "Resect"), typed(1, "Res"));
  assert.equal(room.typed.smith.recommendation.text, "Resect");
  assert.equal(applyEvent(room, typed(0, "No", "bob")).typed.smith.recommendation.text, "No");
});

test("typing for another case than the open one is kept for that case", () => {
  const room = after(OPENED, {
    type: RoomEvent.TextTyped,
    case_id: "jones",
    field: "recommendation",
    text: "x",
    by: "a",
    name: "A",
    n: 1,
  });
  assert.deepEqual(Object.keys(room.typed), ["jones"]);
});

test("the newest outcome version of a case is remembered with its step", () => {
  const recorded = {
    type: RoomEvent.OutcomeRecorded,
    seq: 7,
    case_id: "smith",
    version: 2,
    by: "c",
  };
  const confirmed = {
    type: RoomEvent.OutcomeStepped,
    seq: 8,
    case_id: "smith",
    version: 2,
    step: "confirmed",
    by: "c",
  };
  assert.deepEqual(after(OPENED, recorded).outcomes, { smith: { version: 2, step: "" } });
  assert.deepEqual(after(OPENED, recorded, confirmed).outcomes, {
    smith: { version: 2, step: "confirmed" },
  });
});

test("an outcome is read back until that same outcome is confirmed", () => {
  const step = (seq, case_id, name) => ({
    type: RoomEvent.OutcomeStepped,
    seq,
    case_id,
    version: 1,
    step: name,
    by: "c",
  });
  assert.equal(after(step(7, "smith", "read-back")).reading, "smith");
  assert.equal(after(step(7, "smith", "read-back"), step(8, "jones", "signed")).reading, "smith");
  assert.equal(after(step(7, "smith", "read-back"), step(8, "smith", "confirmed")).reading, null);
});

test("who comes and goes is known by name", () => {
  const came = {
    type: RoomEvent.AttendanceChanged,
    seq: 7,
    person: "p",
    name: "Dr P",
    present: true,
  };
  assert.deepEqual(after(came).present, { p: "Dr P" });
  assert.deepEqual(after(came, { ...came, seq: 8, present: false }).present, {});
  assert.equal(after(came).position.seq, 7);
});

test("a roster is the newest one, and a pulse or an ack changes nothing", () => {
  const roster = {
    type: RoomEvent.Roster,
    present: [],
    presenter_since: null,
    presenter_lost_at: "2026-11-24T10:42:00Z",
  };
  const room = after(OPENED, roster);
  assert.equal(room.roster, roster);
  assert.equal(applyEvent(room, { type: RoomEvent.Pulse, seq: 9, term: 1, at: "" }), room);
  assert.equal(applyEvent(room, { type: RoomEvent.Ack, id: "i", seq: 9 }), room);
});

const roster = (since) => ({
  type: RoomEvent.Roster,
  present: [],
  presenter_since: since,
  presenter_lost_at: since ? null : "2026-11-24T10:42:00Z",
});
const SINCE = "2026-11-24T10:40:00Z";
const took = { ...TOOK, seq: 7, term: 3 };

test("a lease that the roster says does not run has lapsed, until it runs or a new term begins", () => {
  assert.equal(after(OPENED, TOOK, roster(SINCE)).lapsed, null);
  assert.equal(after(OPENED, TOOK, roster(null)).lapsed, 2);
  assert.equal(after(OPENED, TOOK, roster(null), roster(SINCE)).lapsed, null);
  assert.equal(after(OPENED, TOOK, roster(null), took).lapsed, null);
  assert.equal(after(OPENED, roster(null), TOOK).lapsed, null);
});

test("a line that is lost for ten seconds ends one's presenting here, a shorter break does not", () => {
  const room = after(OPENED, TOOK, roster(SINCE));
  assert.equal(withoutOld(room, 20_000, null), room);
  assert.equal(withoutOld(room, 20_000, 10_000), room);
  const lapsed = withoutOld(room, 20_001, 10_000);
  assert.equal(lapsed.lapsed, 2);
  assert.equal(withoutOld(lapsed, 21_000, 10_000), lapsed);
});

test("every durable event moves the room's seq on", () => {
  const durable = {
    [RoomEvent.MeetingOpened]: {},
    [RoomEvent.MeetingClosed]: {},
    [RoomEvent.ListChanged]: {},
    [RoomEvent.CaseOpened]: { case_id: "c" },
    [RoomEvent.CaseRefreshed]: { case_id: "c" },
    [RoomEvent.PresenterChanged]: { term: 1, name: "", tab: "" },
    [RoomEvent.MarkCreated]: { case_id: "c", mark: mark(1) },
    [RoomEvent.MarkChanged]: { case_id: "c", mark: mark(1) },
    [RoomEvent.MarkRemoved]: { case_id: "c", mark_id: "m" },
    [RoomEvent.OutcomeDrafted]: { case_id: "c", version: 1 },
    [RoomEvent.OutcomeRecorded]: { case_id: "c", version: 1 },
    [RoomEvent.OutcomeStepped]: { case_id: "c", version: 1, step: "signed" },
    [RoomEvent.AttendanceChanged]: { person: "p", name: "P", present: true },
  };
  for (const [type, fields] of Object.entries(durable)) {
    assert.equal(
      applyEvent(EMPTY_ROOM, { type, seq: 41, by: "c", ...fields }).position.seq,
      41,
      type,
    );
  }
});
