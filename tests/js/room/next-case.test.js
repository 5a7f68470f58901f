import assert from "node:assert/strict";
import test from "node:test";

import { Loads } from "../../../static/js/room/loads.js";
import { NextCase } from "../../../static/js/room/next-case.js";
import { EMPTY_ROOM } from "../../../static/js/room/state.js";
import { HttpError } from "../../../static/js/shared/http.js";

const settled = () => new Promise((resolve) => setTimeout(resolve, 5));
const study = (...ids) => ({ series: ids.map((id) => ({ id })) });
const aCase = (id, { version = 1, series = [`${id}-ct`] } = {}) => ({
  id,
  studies: [study(...series)],
  layout: { panes: series.map((one, i) => ({ id: "ab"[i], kind: "stack", series: one, version })) },
});

/** A room on the first of three cases, whose parts only note what they are told. */
function room({ prefetch = true, meeting = "live", on = "smith" } = {}) {
  const log = [];
  const cases = new Map();
  const model = {
    you: { may: { prefetch } },
    data: { cases: ["smith", "jones", "khan"].map((id) => ({ id })), meeting: { id: "m" } },
    room: { ...EMPTY_ROOM, meeting, position: { ...EMPTY_ROOM.position, case_id: on } },
    case: (id) => cases.get(id) ?? null,
    brief: (id) => model.data.cases.find((one) => one.id === id),
    takeCase: (data) => cases.set(data.id, data),
    dropCase: (id) => cases.delete(id),
    take: () => [],
  };
  const answers = { case: async (id) => aCase(id), room: async () => ({}) };
  const http = {
    case: (id) => {
      log.push(`load ${id}`);
      return answers.case(id);
    },
    room: () => answers.room(),
  };
  const desk = {
    turns: { lull: async () => new AbortController().signal },
    warm: ({ series, version, caseId }) => {
      log.push(`warm ${caseId} ${series}/${version}`);
      return { close: () => log.push(`close ${series}/${version}`) };
    },
    forget: (series) => log.push(`forget ${series}`),
  };
  const loads = new Loads(model, http, {
    loaded: () => next.heed(),
    failed: (text) => log.push(text),
    gone: desk.forget,
  });
  const next = new NextCase(model, loads, desk);
  const turn = (id) => {
    model.room = { ...model.room, position: { ...model.room.position, case_id: id } };
    next.heed();
  };
  return { next, loads, log, model, turn, answers };
}

test("the next case is loaded and the pictures it opens with are made ready, once", async () => {
  const { next, log } = room();
  next.heed();
  await settled();
  next.heed();
  assert.deepEqual(log, ["load jones", "warm jones jones-ct/1"]);
});

test("before the first case is open the first of the list is made ready", async () => {
  const { next, log } = room({ on: null });
  next.heed();
  await settled();
  assert.deepEqual(log, ["load smith", "warm smith smith-ct/1"]);
});

for (const [who, what] of [
  ["one who only observes", { prefetch: false }],
  ["a meeting that is not open", { meeting: "planned" }],
  ["the last case", { on: "khan" }],
]) {
  test(`for ${who} nothing is made ready`, async () => {
    const { next, log } = room(what);
    next.heed();
    await settled();
    assert.deepEqual(log, []);
  });
}

test("opened, it is let go and the one after it begins", async () => {
  const { next, log, turn } = room();
  next.heed();
  await settled();
  log.length = 0;
  turn("jones");
  await settled();
  assert.deepEqual(log, ["close jones-ct/1", "load khan", "warm khan khan-ct/1"]);
});

test("another case opened before it was its turn to load: nothing is loaded for nobody", async () => {
  const { next, log, turn } = room();
  next.heed();
  turn("jones");
  await settled();
  assert.deepEqual(log, ["load khan", "warm khan khan-ct/1"]);
});

test("a newer version is made ready in place of the one before", async () => {
  const { next, log, loads, answers } = room();
  next.heed();
  await settled();
  log.length = 0;
  answers.case = async (id) => aCase(id, { version: 2 });
  loads.again("jones");
  await settled();
  assert.deepEqual(log, ["load jones", "close jones-ct/1", "warm jones jones-ct/2"]);
});

test("closed with the room, it lets go", async () => {
  const { next, log } = room();
  next.heed();
  await settled();
  next.close();
  next.heed();
  await settled();
  assert.deepEqual(log.slice(2), ["close jones-ct/1"]);
});

test("that it could not be loaded is told to nobody", async () => {
  const { next, log, answers } = room();
  answers.case = async () => Promise.reject(new HttpError(503, "http.503", "away"));
  next.heed();
  await settled();
  assert.deepEqual(log, ["load jones"]);
});

test("a case that is on its way is not asked for twice", async () => {
  const { loads, log } = room();
  await Promise.all([loads.ahead("jones"), loads.case("jones")]);
  assert.deepEqual(
    log.filter((what) => what === "load jones"),
    ["load jones"],
  );
});

test("a series that a case shows no more leaves the memory", async () => {
  const { loads, log, answers } = room();
  answers.case = async (id) => aCase(id, { series: ["ct", "mr"] });
  await loads.case("smith");
  answers.case = async (id) => aCase(id, { series: ["ct"] });
  await loads.case("smith");
  assert.deepEqual(
    log.filter((what) => what.startsWith("forget")),
    ["forget mr"],
  );
});

test("a case that is not this person's any more leaves nothing here, and that is said", async () => {
  const { loads, log, model, answers } = room();
  await loads.case("smith");
  answers.case = async () =>
    Promise.reject(new HttpError(404, "mdt.not_found", "There is nothing."));
  await loads.case("smith");
  assert.equal(model.case("smith"), null);
  assert.ok(log.includes("forget smith-ct"));
  assert.ok(log.includes("There is nothing. (mdt.not_found)"));
});

test("a case that is here is asked for again only when its picture has had its turn", async (t) => {
  const { loads, log, turn } = room();
  await loads.case("jones");
  log.length = 0;
  t.mock.timers.enable({ apis: ["setTimeout"] });
  await loads.soon("jones");
  turn("jones");
  const again = loads.opened("jones");
  assert.ok(!log.includes("load jones"));
  t.mock.timers.tick(1500);
  await again;
  assert.ok(log.includes("load jones"));
});

test("a case that is not here is asked for at once", async () => {
  const { loads, log } = room({ on: "khan" });
  await Promise.all([loads.soon("jones"), loads.opened("jones")]);
  assert.deepEqual(log, ["load jones"]);
});

test("what becomes new about a case while it is on its way is asked for after it, once", async () => {
  const { loads, log, answers } = room();
  let answer = () => {};
  answers.case = (id) => new Promise((resolve) => (answer = () => resolve(aCase(id))));
  void loads.case("smith");
  loads.again("smith");
  loads.again("smith");
  answer();
  await settled();
  answer();
  await settled();
  assert.deepEqual(
    log.filter((line) => line === "load smith"),
    ["load smith", "load smith"],
  );
});
