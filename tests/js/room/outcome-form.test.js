import assert from "node:assert/strict";
import { test } from "node:test";

import * as forms from "../../../static/js/room/outcome-form.js";

const MAY = { record: true, confirm: true, sign: true };

/** What GET /api/cases/<id>/outcome answers. */
const data = (version = 0, fields = {}, versions = [], may = MAY) => ({
  case_id: "smith",
  draft: { version, fields, saved_at: "2026-11-24T14:12:00Z", saved_by: "anna" },
  set_aside: [],
  versions,
  may,
  codes: {},
});
const version = (number, fields, ...kinds) => ({
  number,
  was_quorate: true,
  recorded_at: "",
  recorded_by: "",
  recorded_by_name: "",
  steps: kinds.map((kind) => ({ kind, at: "", by: "", by_name: "" })),
  ...fields,
});
const typed = (text, form = forms.blank("smith")) => forms.typed(form, "recommendation", text);

test("what is typed is not saved yet, and the fields that changed are what is sent", () => {
  const form = typed("Resect");
  assert.equal(forms.isDirty(form), true);
  assert.deepEqual(forms.toSave(form), { recommendation: "Resect" });
});

test("a field that is emptied again is sent as empty", () => {
  const form = typed(
    "",
    forms.withLoaded(forms.blank("smith"), data(1, { recommendation: "Resect" })),
  );
  assert.deepEqual(forms.toSave(form), { recommendation: "" });
});

test("one save is on its way at a time, and the next waits for it", () => {
  const form = forms.startedSaving(typed("Res"), "id-1", { recommendation: "Res" });
  assert.equal(forms.toSave(typed("Resect", form)), null);
  const saved = forms.wasSaved(
    forms.withLoaded(typed("Resect", form), data(1, { recommendation: "Res" })),
    "id-1",
  );
  assert.deepEqual(forms.toSave(saved), { recommendation: "Resect" });
  assert.equal(saved.version, 1);
});

test("what was typed while the save was on its way stays, and is no conflict with oneself", () => {
  const form = typed(
    "Resect",
    forms.startedSaving(typed("Res"), "id-1", { recommendation: "Res" }),
  );
  const after = forms.withLoaded(form, data(1, { recommendation: "Res" }));
  assert.equal(after.fields.recommendation, "Resect");
  assert.equal(after.theirs, null);
});

test("another person's text in another field comes in beside mine", () => {
  const after = forms.withLoaded(typed("Resect"), data(3, { t_category: "cT2" }));
  assert.deepEqual(after.fields, { recommendation: "Resect", t_category: "cT2" });
  assert.deepEqual(forms.toSave(after), { recommendation: "Resect" });
});

test("two texts in the same field are both kept, and nothing is sent until one is chosen", () => {
  const form = forms.withLoaded(typed("Resect"), data(3, { recommendation: "Biopsy" }));
  assert.equal(form.fields.recommendation, "Resect");
  assert.deepEqual(form.theirs, {
    fields: { recommendation: "Biopsy" },
    by: "anna",
    at: "2026-11-24T14:12:00Z",
  });
  assert.equal(forms.toSave(form), null);
});

test("two texts that wait for a choice still wait after the outcome is loaded again", () => {
  const first = forms.withLoaded(typed("Resect"), data(5, { recommendation: "Biopsy" }));
  const later = data(6, { recommendation: "Biopsy", laterality: "left" });
  later.draft.saved_by = "bob"; // who chose the side, and wrote nothing in this place
  const form = forms.withLoaded(first, later);
  assert.deepEqual(form.theirs, first.theirs);
  assert.equal(form.fields.laterality, "left");
  assert.equal(forms.toSave(typed("Resect all", form)), null);
});

test("of two texts that wait theirs is the newest, and none waits once they are the same", () => {
  const first = forms.withLoaded(typed("Resect"), data(5, { recommendation: "Biopsy" }));
  const newer = forms.withLoaded(first, data(6, { recommendation: "Biopsy first" }));
  assert.deepEqual(newer.theirs.fields, { recommendation: "Biopsy first" });
  const same = forms.withLoaded(newer, data(7, { recommendation: "Resect" }));
  assert.deepEqual([same.theirs, forms.isDirty(same)], [null, false]);
});

test("a text that was kept over another does not wait again", () => {
  const first = forms.withLoaded(typed("Resect"), data(5, { recommendation: "Biopsy" }));
  const again = forms.withLoaded(
    forms.keepMine(first),
    data(6, { recommendation: "Biopsy", laterality: "left" }),
  );
  assert.deepEqual([again.theirs, forms.toSave(again)], [null, { recommendation: "Resect" }]);
});

test("nothing is recorded while two texts wait for a choice", () => {
  const answer = data(5, { recommendation: "Biopsy" });
  const form = forms.withLoaded(typed("Resect"), answer);
  assert.equal(forms.nextStep(form, answer), null);
  assert.equal(forms.nextStep(forms.keepMine(form), answer), "record");
});

test("keeping mine sends it against the version that was seen", () => {
  const form = forms.keepMine(
    forms.withLoaded(typed("Resect"), data(3, { recommendation: "Biopsy" })),
  );
  assert.deepEqual([forms.toSave(form), form.version], [{ recommendation: "Resect" }, 3]);
});

test("taking theirs leaves nothing to send", () => {
  const form = forms.takeTheirs(
    forms.withLoaded(typed("Resect"), data(3, { recommendation: "Biopsy" })),
  );
  assert.deepEqual([form.fields.recommendation, forms.toSave(form)], ["Biopsy", null]);
});

test("the same words typed twice are no conflict", () => {
  assert.equal(
    forms.withLoaded(typed("Resect"), data(3, { recommendation: "Resect" })).theirs,
    null,
  );
});

test("an answer older than what was read before changes nothing", () => {
  const form = forms.withLoaded(forms.blank("smith"), data(3, { recommendation: "New" }));
  assert.equal(forms.withLoaded(form, data(2, { recommendation: "Old" })), form);
});

test("a refused save keeps the words and says why", () => {
  const form = forms.startedSaving(typed("Resect"), "id-1", { recommendation: "Resect" });
  const after = forms.wasRefused(form, "id-1", { code: "mdt.not_allowed", message: "No." });
  assert.deepEqual(
    [after.refusal.code, after.saving, forms.isDirty(after)],
    ["mdt.not_allowed", null, true],
  );
});

test("an answer to another form's save changes nothing", () => {
  const form = forms.startedSaving(typed("Resect"), "id-1", { recommendation: "Resect" });
  assert.equal(forms.wasSaved(form, "id-2"), form);
  assert.equal(forms.wasRefused(form, "id-2", { code: "c", message: "m" }), form);
});

test("a recorded text is shown where nothing newer is typed", () => {
  const form = forms.withLoaded(
    forms.blank("smith"),
    data(4, {}, [version(1, { recommendation: "Resect" })]),
  );
  assert.equal(form.fields.recommendation, "Resect");
  assert.equal(forms.isDirty(form), false);
});

// The next case is opened at every keystroke: the panel must not follow it while it holds words.
const saved = (text) => forms.withLoaded(typed(text), data(1, { recommendation: text }));
for (const [what, form, outcome, holds] of [
  ["nothing was typed", forms.blank("smith"), undefined, false],
  [
    "somebody else typed, nobody here",
    forms.withLoaded(forms.blank("smith"), data(1, { recommendation: "x" })),
    undefined,
    false,
  ],
  ["one letter is typed and not saved", typed("R"), undefined, true],
  ["a save is on its way", forms.startedSaving(saved("R"), "i", {}), undefined, true],
  ["it is saved and not recorded", saved("Resect"), undefined, true],
  ["it is recorded and not confirmed", saved("Resect"), { version: 1, step: "read-back" }, true],
  ["it is confirmed", saved("Resect"), { version: 1, step: "confirmed" }, false],
  ["it is signed", saved("Resect"), { version: 1, step: "signed" }, false],
  [
    "it is confirmed and typed in again",
    typed("Resect all", saved("Resect")),
    { version: 1, step: "confirmed" },
    true,
  ],
  [
    "two texts wait for a choice",
    forms.withLoaded(typed("A"), data(2, { recommendation: "B" })),
    undefined,
    true,
  ],
  ["all was erased and that is saved", forms.withLoaded(typed(""), data(1, {})), undefined, false],
]) {
  test(`when ${what}, the panel ${holds ? "stays with its case" : "may follow the room"}`, () => {
    assert.equal(Boolean(forms.holds(form, outcome)), holds);
  });
}

test("each step follows the one before, and only for whom it may", () => {
  const fields = { recommendation: "Resect" };
  const next = (may, ...steps) => {
    const answer = data(1, {}, [version(1, fields, ...steps)], may);
    return forms.nextStep(forms.withLoaded(forms.blank("smith"), answer), answer);
  };
  assert.equal(next(MAY), "read-back");
  assert.equal(next(MAY, "read-back"), "confirmed");
  assert.equal(next(MAY, "read-back", "confirmed"), "signed");
  assert.equal(next(MAY, "read-back", "confirmed", "signed"), null);
  const none = { record: false, confirm: false, sign: false };
  assert.equal(next(none), null);
  assert.equal(next(none, "read-back"), null);
  assert.equal(next(none, "read-back", "confirmed"), null);
});

test("a text that differs from the record is recorded, not signed", () => {
  const answer = data(1, {}, [version(1, { recommendation: "Resect" }, "read-back", "confirmed")]);
  const form = typed("Biopsy", forms.withLoaded(forms.blank("smith"), answer));
  assert.equal(forms.nextStep(form, answer), "record");
});

test("the warnings shown are those of the text shown: the draft's, or the recorded one's", () => {
  const fields = { recommendation: "Resect" };
  const [old, side] = [[{ code: "a", text: "Old." }], [{ code: "outcome.side", text: "Side." }]];
  const answer = data(1, {}, [{ ...version(1, fields), warnings: side }]);
  answer.draft.warnings = old;
  const form = forms.withLoaded(forms.blank("smith"), answer);
  assert.deepEqual(forms.warningsOf(form, answer), side);
  assert.deepEqual(forms.warningsOf(typed("Biopsy", form), answer), old);
  assert.deepEqual(forms.warningsOf(typed("Biopsy"), data()), []);
});

test("nothing is recorded without words", () => {
  assert.equal(forms.nextStep(typed("  "), data()), null);
});
