import assert from "node:assert/strict";
import { test } from "node:test";

import {
  neighbour,
  notFinished,
  statusOf,
  unfinishedWords,
} from "../../../static/js/room/agenda.js";
import { asDay, familyName, findSeries, identityOf } from "../../../static/js/room/data.js";
import { emptyWords } from "../../../static/js/room/empty.js";
import { Marks, UnsavedMarks } from "../../../static/js/room/marks.js";
import { Model } from "../../../static/js/room/model.js";
import { mayTake, summary } from "../../../static/js/room/presence.js";
import { EMPTY_ROOM } from "../../../static/js/room/state.js";
import { tabName } from "../../../static/js/room/tabs.js";
import { readableDate } from "../../../static/js/viewer/words.js";

const CASES = ["smith", "jones", "khan"].map((id) => ({ id }));
const room = (more) => ({ ...EMPTY_ROOM, meeting: "live", ...more });
const on = (case_id, more = {}) =>
  room({ position: { ...EMPTY_ROOM.position, case_id, case: 3 }, ...more });

test("a person is named in the order people check", () => {
  const patient = {
    name: "KHAN, Amina",
    sex: "F",
    birth_date: "1957-03-12",
    nhs_number: "999 000 0018",
  };
  assert.equal(identityOf(patient), "KHAN, Amina · F · 12 Mar 1957 · 999 000 0018");
  assert.match(identityOf({ ...patient, nhs_number: "" }), /no NHS number$/);
  assert.equal(familyName(patient.name), "KHAN");
  assert.equal(asDay(""), "no date");
});

test("a date of the room is written as the one beside the picture", () => {
  assert.equal(asDay("1966-09-14"), "14 Sep 1966");
  assert.equal(asDay("1966-09-14"), readableDate("1966-09-14"));
});

test("a series is found with its study, or not at all", () => {
  const study = { series: [{ id: "s" }] };
  assert.deepEqual(findSeries({ studies: [study] }, "s"), { study, series: study.series[0] });
  assert.equal(findSeries({ studies: [study] }, "t"), null);
  assert.equal(findSeries(null, "s"), null);
});

test("how far a case has come", () => {
  const now = on("khan", {
    opened: { smith: true },
    outcomes: { jones: { version: 1, step: "" } },
    drafts: {},
  });
  assert.deepEqual(
    ["smith", "jones", "khan", "other"].map((id) => statusOf(now, id)),
    ["open", "recorded", "now", "later"],
  );
  const done = on(null, {
    outcomes: { smith: { version: 1, step: "signed" }, jones: { version: 1, step: "confirmed" } },
  });
  assert.deepEqual(
    ["smith", "jones"].map((id) => statusOf(done, id)),
    ["signed", "confirmed"],
  );
});

test("the rail keeps every case that was discussed and not confirmed, but the open one", () => {
  const now = on("khan", {
    opened: { smith: true, jones: true, khan: true },
    outcomes: { jones: { version: 1, step: "confirmed" } },
  });
  assert.deepEqual(
    notFinished(now, CASES, { sign: false }).map(({ id }) => id),
    ["smith"],
  );
});

test("what is confirmed stays on the rail of those who may sign it", () => {
  const now = on("khan", {
    opened: { smith: true, khan: true },
    outcomes: { jones: { version: 1, step: "confirmed" }, smith: { version: 1, step: "signed" } },
  });
  const left = notFinished(now, CASES, { sign: true });
  assert.deepEqual(
    left.map(({ id, missing }) => [id, missing]),
    [["jones", "to sign"]],
  );
});

test("after the meeting the last open case is on the rail like any other", () => {
  const closed = on("khan", { meeting: "closed", opened: { khan: true } });
  assert.deepEqual(
    notFinished(closed, CASES, { sign: false }).map(({ id }) => id),
    ["khan"],
  );
});

test("before a meeting is closed its unfinished cases are named, the open one too", () => {
  const named = CASES.map((one) => ({
    ...one,
    name: `${one.id.toUpperCase()}, A`,
    same_name: false,
  }));
  const now = on("khan", {
    opened: { smith: true, khan: true },
    outcomes: {
      smith: { version: 1, step: "read-back" },
      jones: { version: 1, step: "confirmed" },
    },
  });
  assert.equal(unfinishedWords(now, named), "no outcome: KHAN; to confirm: SMITH; to sign: JONES");
  assert.match(unfinishedWords(on("khan"), named), /^not discussed: SMITH · JONES/);
  const done = Object.fromEntries(CASES.map(({ id }) => [id, { version: 1, step: "signed" }]));
  assert.equal(unfinishedWords(on("khan", { outcomes: done }), named), "");
});

test("the next case is the next on the list, and there is none after the last", () => {
  assert.equal(neighbour(on(null), CASES, 1), "smith");
  assert.equal(neighbour(on(null), CASES, -1), null);
  assert.equal(neighbour(on("jones"), CASES, 1), "khan");
  assert.equal(neighbour(on("jones"), CASES, -1), "smith");
  assert.equal(neighbour(on("khan"), CASES, 1), null);
});

const person = (id, more = {}) => ({
  person: id,
  name: id,
  specialty: "",
  following: true,
  is_behind: false,
  preview: null,
  ...more,
});
const roster = (present, more = {}) => ({
  present,
  presenter_since: "x",
  presenter_lost_at: null,
  ...more,
});
const presenting = (present, more) =>
  room({
    position: { ...EMPTY_ROOM.position, presenter: "ruth", term: 1, tab: "t" },
    presenterName: "Dr Ruth",
    roster: roster(present, more),
  });

test("who follows, who looks around, who is behind, in words", () => {
  const now = presenting([
    person("ruth"),
    person("me"),
    person("a", { following: false }),
    person("b", { is_behind: true }),
    person("c", { preview: 25 }),
  ]);
  assert.equal(summary(now, "me").counts, "3 follow · 1 look around · 1 behind · 1 on preview");
  assert.deepEqual(
    summary(now, "me").others.map(({ name }) => name),
    ["ruth", "a", "b", "c"],
  );
});

test("a presenter who is lost is said to be, and since when", () => {
  const now = presenting([person("me")], { presenter_lost_at: "2026-11-24T10:42:00Z" });
  assert.deepEqual(
    [summary(now, "me").lost, summary(now, "me").isPresent],
    ["NO PRESENTER since 10:42", false],
  );
});

test("who may take the picture", () => {
  const you = (roles, person = "me") => ({ person, roles, may: {} });
  const now = presenting([person("ruth")]);
  const may = (roles, more = {}) =>
    mayTake(
      { isPresent: true },
      { mode: "following", maySteer: true, you: you(roles), room: now, ...more },
    );
  assert.equal(may(["chair"]), true);
  assert.equal(may(["deputy"]), true);
  assert.equal(may(["core"]), false);
  assert.equal(may(["core"], { you: you(["core"], "ruth") }), true);
  assert.equal(may(["chair"], { maySteer: false }), false);
  assert.equal(may(["chair"], { mode: "presenting" }), false);
  const mine = { you: you(["core"], "ruth"), mode: "presenting" };
  assert.equal(may(["core"], mine), false);
  assert.equal(may(["core"], { ...mine, mode: "lapsed" }), true);
  assert.equal(may(["core"], { ...mine, mode: "lapsed", maySteer: false }), false);
  assert.equal(
    mayTake({ isPresent: false }, { mode: "free", maySteer: true, you: you(["core"]), room: now }),
    true,
  );
});

test("a mark drawn here is shown until the record's own has come", () => {
  const marks = new UnsavedMarks();
  const command = { id: "i", case_id: "smith", place: {}, drawing: {} };
  marks.add(command, "Me");
  assert.deepEqual(
    marks.of("smith", "me", 5).map(({ mark_id, version }) => [mark_id, version]),
    [["i", 0]],
  );
  assert.deepEqual(marks.of("jones", "me", 5), []);
  marks.settle({ type: "ack", id: "i", seq: 7 });
  assert.equal(marks.of("smith", "me", 6).length, 1);
  assert.equal(marks.of("smith", "me", 7).length, 0);
});

test("a mark that is refused for good goes; one to be tried again stays", () => {
  const marks = new UnsavedMarks();
  marks.add({ id: "i", case_id: "smith", place: {}, drawing: {} }, "Me");
  assert.equal(marks.settle({ type: "nak", id: "i", retry: true }), false);
  assert.equal(marks.of("smith", "me", 5).length, 1);
  assert.equal(marks.settle({ type: "nak", id: "i", retry: false }), true);
  assert.equal(marks.of("smith", "me", 5).length, 0);
  assert.equal(marks.settle({ type: "nak", id: "other", retry: false }), false);
});

const drawn = (kind, by, more = {}) => ({
  mark_id: "m",
  by,
  version: 1,
  drawing: { kind },
  ...more,
});
const marksFor = (roles, now = on("smith")) => {
  const sent = [];
  const you = { person: "ann", roles, may: { mark: !roles.includes("observer") } };
  const marks = new Marks({ model: { you, room: now }, send: (command) => sent.push(command) });
  return { marks, sent };
};

for (const [who, by, roles, moves, rewords] of [
  ["its author", "ann", ["core"], true, true],
  ["somebody else", "ben", ["core"], false, false],
  ["the chair", "ben", ["chair"], true, false],
  ["the deputy", "ben", ["deputy"], true, false],
  ["who only observes", "ann", ["observer"], false, false],
]) {
  test(`an arrow is moved ${moves} and reworded ${rewords} by ${who}`, () => {
    const { marks } = marksFor(roles);
    assert.equal(marks.mayChange(drawn("arrow", by)), moves);
    assert.equal(marks.mayChange(drawn("arrow", by), "words"), rewords);
    assert.equal(marks.mayChange(drawn("length", by), "words"), false);
  });
}

test("a mark not on record, of a signed outcome or of a closed meeting is changed by nobody", () => {
  assert.equal(marksFor(["chair"]).marks.mayChange(drawn("arrow", "ann", { version: 0 })), false);
  for (const now of [
    on("smith", { meeting: "closed" }),
    on("smith", { outcomes: { smith: { version: 1, step: "signed" } } }),
  ]) {
    const { marks } = marksFor(["chair"], now);
    assert.equal(marks.mayChange(drawn("arrow", "ann")), false);
    assert.equal(marks.mayChange(drawn("arrow", "ann"), "words"), false);
  }
  const other = on("smith", { outcomes: { jones: { version: 1, step: "signed" } } });
  assert.equal(marksFor(["chair"], other).marks.mayChange(drawn("arrow", "ann")), true);
});

test("a change that is refused for good is told, so that the picture goes back", () => {
  const { marks, sent } = marksFor(["core"]);
  marks.change({ mark_id: "m", version: 1 }, { kind: "arrow", points: [], text: "rim" });
  marks.remove({ mark_id: "m", version: 2 });
  const [changed, removed] = sent.map(({ id }) => id);
  assert.deepEqual(
    sent.map(({ if_version }) => if_version),
    [1, 2],
  );
  assert.equal(marks.settle({ type: "nak", id: changed, retry: true }), false);
  assert.equal(marks.settle({ type: "nak", id: changed, retry: false }), true);
  assert.equal(marks.settle({ type: "ack", id: removed, seq: 9 }), false);
  assert.equal(marks.settle({ type: "nak", id: removed, retry: false }), false);
});

const loadedRoom = (authors) => ({
  meeting: { id: "m", state: "live" },
  you: { person: "ann" },
  people: { ann: { name: "Dr A" } },
  authors,
  position: EMPTY_ROOM.position,
  cases: [],
});

test("everybody's number is the server's, also of who has left; loaded again it stays the same", () => {
  const model = new Model(loadedRoom({ gone: 0, ann: 9 }), {}, "tab");
  assert.deepEqual(model.authorOf("gone"), { author: 0, shape: "●" });
  assert.deepEqual(model.authorOf("ann"), { author: 9, shape: "▲" });
  const { authors } = model;
  model.take(loadedRoom({ gone: 0, ann: 9 }));
  assert.equal(model.authors, authors);
});

test("who joined the team since the page was loaded is noticed, and has nobody's colour yet", () => {
  const model = new Model(loadedRoom({ ann: 0 }), {}, "tab");
  model.room = room({ roster: { present: [{ person: "ann" }] } });
  assert.equal(model.hasNewcomer, false);
  model.room = room({ roster: { present: [{ person: "ann" }, { person: "new" }] } });
  assert.equal(model.hasNewcomer, true);
  assert.equal(model.authorOf("new").author, -1);
  model.take(loadedRoom({ ann: 0, new: 1 }));
  assert.deepEqual([model.authorOf("ann").author, model.authorOf("new").author], [0, 1]);
});

const listed = (seq, ...ids) => ({
  ...loadedRoom({ ann: 0 }),
  you: { person: "ann", may: {} },
  position: { ...EMPTY_ROOM.position, seq, case_id: "smith", case: 1 },
  cases: ids.map((id) => ({ id, name: id.toUpperCase(), outcome: {}, draft: 0 })),
});
const aCase = (seq) => ({ id: "smith", seq, marks: [{ mark_id: "m", version: 1, by: "ann" }] });

test("a case that is not this person's any more is gone with its name, marks and words", () => {
  const model = new Model(listed(4, "smith", "jones"), {}, "tab");
  model.takeCase(aCase(4));
  model.room = { ...model.room, typed: { smith: { recommendation: { text: "Resect" } } } };
  const marks = new Marks({ model, send: () => {} });
  assert.equal(marks.list().length, 1);
  model.room = { ...model.room, position: { ...model.room.position, seq: 5 } };
  model.dropCase("smith");
  assert.equal(model.isOpenHidden, true);
  assert.deepEqual([model.openCase, model.brief("smith")], [null, undefined]);
  assert.deepEqual([model.room.marks.smith, model.room.typed.smith], [undefined, undefined]);
  assert.deepEqual(marks.list(), []);
  assert.equal(emptyWords(model).title, "This case is not shown to you");
  assert.equal(model.brief("jones").id, "jones");
});

test("an answer from before that brings nothing of it back, and a newer one does", () => {
  const model = new Model(listed(4, "smith"), {}, "tab");
  model.room = { ...model.room, position: { ...model.room.position, seq: 5 } };
  model.dropCase("smith");
  model.take(listed(4, "smith"));
  model.takeCase(aCase(4));
  assert.deepEqual([model.brief("smith"), model.openCase], [undefined, null]);
  model.take(listed(6, "smith"));
  model.takeCase(aCase(6));
  assert.equal(model.isOpenHidden, false);
  assert.equal(model.brief("smith").name, "SMITH");
  assert.notEqual(model.openCase, null);
});

test("of a case that never was on this person's list nothing is shown, nor said to be on its way", () => {
  const model = new Model(listed(4, "jones"), {}, "tab");
  assert.equal(model.isOpenHidden, true);
  assert.equal(emptyWords(model).title, "This case is not shown to you");
  model.take(listed(5, "smith", "jones"));
  assert.equal(model.isOpenHidden, false);
});

test("what is not on the list any more is dropped without being asked for", () => {
  const model = new Model(listed(4, "smith", "jones"), {}, "tab");
  model.takeCase(aCase(4));
  assert.deepEqual(model.take(listed(6, "jones")), [{ ...aCase(4) }]);
  assert.deepEqual([model.isOpenHidden, model.openCase], [true, null]);
});

test("an empty room says what starts it", () => {
  const data = {
    meeting: { starts_at: "2026-11-24T14:00:00Z" },
    cases: [{ id: "smith", name: "SMITH, J" }],
  };
  const words = (room, more = {}) =>
    emptyWords({ room, data, openCase: null, maySteer: true, ...more })?.title ?? null;
  assert.equal(words(room({ meeting: "planned" })), "The room is not open yet");
  assert.equal(words(on(null)), "No case is open");
  assert.equal(words(on("smith")), "Loading SMITH, J");
  assert.equal(
    words(on("smith"), { openCase: { layout: { panes: [] } } }),
    "No picture of this case is ready",
  );
  assert.equal(words(on("smith"), { openCase: { layout: { panes: [{}] } } }), null);
});

test("a tab keeps its name over a reload, and a duplicate gets its own", () => {
  const kept = new Map();
  const storage = {
    getItem: (key) => kept.get(key) ?? null,
    setItem: (key, value) => kept.set(key, value),
    removeItem: (key) => kept.delete(key),
  };
  const page = new EventTarget();
  const name = tabName(storage, page);
  assert.notEqual(tabName(storage, new EventTarget()), name);
  page.dispatchEvent(new Event("pagehide"));
  assert.equal(tabName(storage, new EventTarget()), name);
});
