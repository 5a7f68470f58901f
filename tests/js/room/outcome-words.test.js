import assert from "node:assert/strict";
import { test } from "node:test";

import { linesOf, stated } from "../../../static/js/room/outcome-words.js";

const CODES = {
  laterality: [["left", "Left"]],
  intent: [["C", "Curative"]],
  treatments: [
    ["01", "Surgery"],
    ["02", "External beam radiotherapy (not proton)"],
  ],
  no_treatment_reason: [["10", "Monitoring only"]],
  performance_status: [["1", "1: light work"]],
  discussion_type: [["1", "Discussed within trust MDTM"]],
};
const WHOLE = {
  recommendation: "Resect",
  laterality: "left",
  discussion_type: "1",
  mdt_type_comment: "joint",
  intent: "C",
  treatments: ["01", "02"],
  no_treatment_reason: "10",
  performance_status: "1",
  t_category: "cT2",
  n_category: "cN0",
  m_category: "cM0",
  stage_group: "IIA",
  actions: [
    { what: "Ring the patient", who: "CNS", due: "2026-12-01" },
    { what: "Order MRI", who: "", due: "" },
  ],
};

test("every field that is stated is said in words, with owner and day of each action", () => {
  assert.deepEqual(Object.fromEntries(stated(WHOLE, CODES)), {
    Side: ["Left"],
    Discussion: ["Discussed within trust MDTM"],
    "Comment on the type of meeting": ["joint"],
    Intent: ["Curative"],
    "Planned treatment": ["Surgery", "External beam radiotherapy (not proton)"],
    "Why no treatment": ["Monitoring only"],
    "Performance status": ["1: light work"],
    T: ["cT2"],
    N: ["cN0"],
    M: ["cM0"],
    "Stage group": ["IIA"],
    Actions: ["Ring the patient (CNS, by 1 Dec 2026)", "Order MRI (nobody named)"],
  });
});

test("a field that says nothing is left out, and a side that is missing is said to be", () => {
  assert.deepEqual(stated({ recommendation: "Resect", treatments: [], intent: "" }, CODES), [
    ["Side", ["not stated"]],
  ]);
});

test("no code and no brackets of a machine are shown in a comparison", () => {
  assert.deepEqual(linesOf("intent", "C", CODES), ["Curative"]);
  assert.deepEqual(linesOf("treatments", ["01"], CODES), ["Surgery"]);
  assert.deepEqual(linesOf("actions", [], CODES), []);
  assert.deepEqual(linesOf("recommendation", "C", CODES), ["C"]);
});

test("a day is written as everywhere in the room", () => {
  assert.deepEqual(linesOf("planning_date", "2026-12-01", CODES), ["1 Dec 2026"]);
});

test("a code this page does not know is shown as it is, not hidden", () => {
  assert.deepEqual(linesOf("intent", "Q", CODES), ["Q"]);
});
