import assert from "node:assert/strict";
import { test } from "node:test";

import { Model } from "../../../static/js/room/model.js";
import { OutcomePanel } from "../../../static/js/room/outcome-panel.js";
import { REST_MS } from "../../../static/js/room/outcome-rest.js";
import { RoomEvent } from "../../../static/js/room/protocol.js";
import { applyEvent, EMPTY_ROOM, FRESH_MS } from "../../../static/js/room/state.js";
import { pageOf, putPage } from "../fake-page.js";

putPage();

const PARTS = ["bound", "who", "both", "status", "warnings", "said", "acts", "kept", "fields"];
const MAY = { record: true, confirm: true, sign: true };
const settled = () => new Promise((resolve) => setImmediate(resolve));

/** The panel on Smith's outcome, whose saved draft is `text`. */
async function made(t, text) {
  t.mock.timers.enable({ apis: ["setTimeout", "Date"], now: 100_000 });
  t.mock.method(performance, "now", () => Date.now());
  const { root, part } = pageOf(...PARTS.map((name) => `outcome-${name}`));
  const position = { ...EMPTY_ROOM.position, seq: 4, case: 4, case_id: "smith" };
  const brief = { id: "smith", name: "SMITH, John", outcome: { version: 0, step: "" }, draft: 1 };
  const meeting = { id: "m", state: "live" };
  const you = { person: "bob", may: {} };
  const data = { meeting, you, people: {}, authors: {}, position, cases: [brief] };
  const model = new Model(data, {}, "tab");
  const draft = { version: 1, fields: { recommendation: text }, saved_at: null, saved_by: "anna" };
  const answer = { case_id: "smith", draft, set_aside: [], versions: [], may: MAY, codes: {} };
  const recorded = [];
  const http = {
    outcome: async () => answer,
    record: async (caseId, { recommendation }) => recorded.push([caseId, recommendation]),
  };
  const line = { sendDurable: () => {}, sendEphemeral: () => {} };
  const panel = new OutcomePanel(root, { model, http, line, redraw: () => {} });
  const later = async (ms) => {
    t.mock.timers.tick(ms);
    await settled();
    panel.show();
  };
  const hear = async (words) => {
    const said = { case_id: "smith", field: "recommendation", text: words, n: Date.now() };
    const event = { type: RoomEvent.TextTyped, ...said, by: "anna", name: "Anna" };
    model.room = applyEvent(model.room, event, Date.now());
    await later(0);
  };
  for (const ms of [0, 0, REST_MS + 1]) await later(ms); // asked for, shown, no longer new
  const field = () => root.querySelector("textarea").value;
  const button = () => part("outcome-acts").querySelector("button");
  return { later, hear, field, button, recorded };
}

test("text somebody typed and never saved leaves the field when it is no longer fresh", async (t) => {
  const { later, hear, field } = await made(t, "Resect");
  await hear("Resect, or not");
  assert.equal(field(), "Resect, or not");
  await later(FRESH_MS.typed + 1);
  assert.equal(field(), "Resect");
});

test("nothing can be recorded while the form shows words that are not in it", async (t) => {
  const { later, hear, button, recorded } = await made(t, "Resect");
  await hear("Resect, or not");
  assert.equal(button().getAttribute("aria-disabled"), "true");
  button().click();
  await settled();
  assert.deepEqual(recorded, []);
  await later(FRESH_MS.typed + 1);
  assert.equal(button().getAttribute("aria-disabled"), null);
  button().click();
  await settled();
  assert.deepEqual(recorded, [["smith", "Resect"]]);
});
