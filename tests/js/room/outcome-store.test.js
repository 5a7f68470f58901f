import assert from "node:assert/strict";
import { test } from "node:test";

import { OutcomeStore } from "../../../static/js/room/outcome-store.js";
import { EMPTY_ROOM } from "../../../static/js/room/state.js";

const PAUSE_MS = 2000;
const settled = () => new Promise((resolve) => setImmediate(resolve));
const version = (number, ...kinds) => ({
  number,
  recommendation: `version ${number}`,
  steps: kinds.map((kind) => ({ kind })),
});

/** A store over a server that keeps drafts, and a line whose answers the test gives. */
function made(t) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"] });
  const server = { drafts: {}, versions: {}, asked: [] };
  const sent = [];
  const http = {
    outcome: async (id) => {
      server.asked.push(id);
      const draft = server.drafts[id] ?? { version: 0, fields: {}, saved_at: null, saved_by: null };
      const versions = server.versions[id] ?? [];
      return { case_id: id, draft, set_aside: [], versions, may: { record: true }, codes: {} };
    },
  };
  const model = { room: { ...EMPTY_ROOM, meeting: "live" } };
  const line = { sendDurable: (command) => sent.push(command) };
  const store = new OutcomeStore({ model, http, line, changed: () => {} });
  const ack = async ({ id, case_id, fields }) => {
    const { version: last = 0, fields: old = {} } = server.drafts[case_id] ?? {};
    const draft = { version: last + 1, fields: { ...old, ...fields }, saved_at: "x" };
    server.drafts[case_id] = draft;
    store.settle({ type: "ack", id, seq: 1 });
    for (let turn = 0; turn < 5; turn++) await settled();
  };
  const heard = (caseId, number, step = "") => {
    const outcomes = { ...model.room.outcomes, [caseId]: { version: number, step } };
    model.room = { ...model.room, outcomes };
  };
  return { store, server, sent, ack, heard };
}

test("words typed while a save is on its way are sent once it is answered, wherever the panel went", async (t) => {
  const { store, sent, ack } = made(t);
  store.typed("smith", "recommendation", "Resect");
  store.save("smith");
  store.typed("smith", "recommendation", "Resect, then MDT");
  store.save("smith"); // the panel goes to another case
  assert.equal(sent.length, 1);
  assert.deepEqual(store.unsaved, ["smith"]);

  await ack(sent[0]);
  assert.deepEqual(
    sent.map(({ case_id, written_for, fields }) => [case_id, written_for, fields]),
    [
      ["smith", "smith", { recommendation: "Resect" }],
      ["smith", "smith", { recommendation: "Resect, then MDT" }],
    ],
  );
  assert.deepEqual(store.unsaved, ["smith"], "not saved before its own answer");
  await ack(sent[1]);
  assert.deepEqual(store.unsaved, []);
});

test("words typed on after the last save of a case are sent after a pause", async (t) => {
  const { store, sent, ack } = made(t);
  store.typed("smith", "recommendation", "R");
  store.save("smith");
  store.typed("smith", "recommendation", "Re");
  await ack(sent[0]);
  assert.equal(sent.length, 1);
  t.mock.timers.tick(PAUSE_MS);
  assert.deepEqual(sent[1].fields, { recommendation: "Re" });
});

test("a case whose save is refused stays unsaved and is sent again by no timer", async (t) => {
  const { store, sent } = made(t);
  store.typed("smith", "recommendation", "R");
  store.save("smith");
  store.save("smith");
  store.settle({ type: "nak", id: sent[0].id, code: "mdt.not_allowed", message: "No." });
  await settled();
  t.mock.timers.tick(PAUSE_MS * 5);
  assert.deepEqual([sent.length, store.unsaved], [1, ["smith"]]);
});

test("two cases are saved each for itself", async (t) => {
  const { store, sent, ack } = made(t);
  store.typed("smith", "recommendation", "For Smith");
  store.typed("jones", "recommendation", "For Jones");
  t.mock.timers.tick(PAUSE_MS);
  assert.deepEqual(
    sent.map(({ case_id, fields }) => [case_id, fields.recommendation]),
    [
      ["smith", "For Smith"],
      ["jones", "For Jones"],
    ],
  );
  await ack(sent[0]);
  assert.deepEqual(store.unsaved, ["jones"]);
});

test("a read-back of a case nothing is known of is given out once it is loaded", async (t) => {
  const { store, server, heard } = made(t);
  server.versions.smith = [version(1, "read-back")];
  heard("smith", 1, "read-back");
  assert.equal(store.current("smith"), undefined);
  await settled();
  assert.equal(store.current("smith")?.versions.at(-1).recommendation, "version 1");
});

test("an older version than the one read back is loaded anew and never given out", async (t) => {
  const { store, server, heard } = made(t);
  server.versions.smith = [version(1, "read-back")];
  heard("smith", 1, "read-back");
  store.current("smith");
  await settled();

  server.versions.smith = [version(1, "read-back"), version(2, "read-back")];
  heard("smith", 2, "read-back");
  assert.equal(store.current("smith"), undefined, "version 1 is not what is read aloud");
  await settled();
  assert.equal(store.current("smith")?.versions.at(-1).recommendation, "version 2");
  assert.deepEqual(server.asked, ["smith", "smith"]);
});

test("a version newer than the one read back is not given out as that", async (t) => {
  const { store, server, heard } = made(t);
  server.versions.smith = [version(1, "read-back"), version(2)];
  heard("smith", 1, "read-back");
  store.current("smith");
  await settled();
  assert.equal(store.current("smith"), undefined);
});

test("an answer without the version that was heard of is asked for again, but not at every frame", async (t) => {
  const { store, server, heard } = made(t);
  heard("smith", 2, "read-back");
  for (let frame = 0; frame < 5; frame++) {
    store.current("smith");
    await settled();
  }
  assert.equal(server.asked.length, 1);
  t.mock.timers.tick(PAUSE_MS + 1);
  server.versions.smith = [version(2, "read-back")];
  store.current("smith");
  await settled();
  assert.equal(store.current("smith")?.versions.at(-1).number, 2);
});
