/**
 * One case's outcome as it is being written in this tab: pure steps, no page and no network. A
 * form belongs to its case for good, so what was typed for one patient can reach no other (D18).
 *
 * @import { TypeText } from "./protocol.js"
 * @import { OutcomeBrief } from "./data.js"
 */

/** @typedef {TypeText["field"]} Field */
/** @typedef {{ what: string, who: string, due: string }} Action */
/** @typedef {string|string[]|Action[]} Value */
/** @typedef {Partial<Record<Field, Value>>} Fields */
/** @typedef {{ kind: string, at: string, by: string, by_name: string }} Step */
/** @typedef {{ code: string, text: string }} Warning - what contradicts: the wrong side */
/** @typedef {{ number: number, was_quorate: boolean|null, recorded_after_close: boolean, recorded_at: string, recorded_by: string, recorded_by_name: string, steps: Step[], warnings: Warning[] } & Fields} Version */
/** @typedef {{ version: number, fields: Fields, saved_at: string|null, saved_by: string|null, warnings: Warning[] }} Draft */
/** @typedef {{ fields: Fields, at: string, by: string, by_name: string }} SetAside */
/** @typedef {{ record: boolean, confirm: boolean, sign: boolean }} MayDo */
/** @typedef {Partial<Record<Field, [string, string][]>>} Codes */
/** @typedef {{ case_id: string, draft: Draft, set_aside: SetAside[], versions: Version[], may: MayDo, codes: Codes }} OutcomeData */
/** @typedef {{ code: string, message: string }} Refusal */
/** @typedef {{ fields: Fields, by: string|null, at: string|null }} Theirs */
/**
 * @typedef {object} Form
 * @property {string} caseId
 * @property {Fields} fields - as typed here
 * @property {Fields} saved - as the server has them
 * @property {number} version - of the draft that was read last
 * @property {string|null} savedAt - ISO 8601
 * @property {{ id: string, fields: Fields }|null} saving - changed fields on their way
 * @property {boolean} isTouched - somebody typed in this tab
 * @property {Theirs|null} theirs - the same fields written by another meanwhile: both are shown
 * @property {Refusal|null} refusal
 */

/** @type {readonly Field[]} */
export const FIELDS = [
  "recommendation",
  "laterality",
  "discussion_type",
  "planning_date",
  "mdt_type_comment",
  "cns_indication",
  "intent",
  "treatments",
  "no_treatment_reason",
  "performance_status",
  "t_category",
  "n_category",
  "m_category",
  "stage_group",
  "tnm_edition",
  "tnm_version",
  "stage_date",
  "actions",
];
const LISTS = new Set(["treatments", "actions"]);
const DONE = new Set(["confirmed", "signed"]);

/** @param {string} caseId @returns {Form} */
export function blank(caseId) {
  const nothing = { fields: {}, saved: {}, version: 0, savedAt: null, saving: null };
  return { caseId, ...nothing, isTouched: false, theirs: null, refusal: null };
}

/** @param {Fields} fields @param {Field} field @returns {Value} */
export function valueIn(fields, field) {
  return fields[field] ?? (LISTS.has(field) ? [] : "");
}

/** @param {Form} form @param {Field} field @param {Value} value @returns {Form} */
export function typed(form, field, value) {
  const fields = { ...form.fields, [field]: value };
  return { ...form, fields, isTouched: true, refusal: null };
}

/** @param {Form} form */
export function isDirty(form) {
  return changedFields(form).length > 0;
}

/**
 * What the server has, as loaded now. Fields typed in here stay as typed; where somebody else
 * wrote in the same one meanwhile both are kept, and a person chooses.
 *
 * @param {Form} form
 * @param {OutcomeData} data
 * @returns {Form}
 */
export function withLoaded(form, data) {
  const { version, saved_at: savedAt, saved_by: by } = data.draft;
  if (version < form.version) return form; // an answer older than what was read before
  const saved = asStored(data);
  const mine = changedFields(form);
  const fields = { ...saved, ...pick(form.fields, mine) };
  const both = mine.filter((field) => isUndecided(form, saved, field));
  const theirs = both.length ? { fields: pick(saved, both), by, at: savedAt } : null;
  return { ...form, fields, saved, version, savedAt, theirs: sameOr(form.theirs, theirs) };
}

/**
 * Who saved last may have written somewhere else: the same text stays under its writer's name.
 *
 * @param {Theirs|null} known
 * @param {Theirs|null} now
 */
function sameOr(known, now) {
  const isKnown = JSON.stringify(known?.fields) === JSON.stringify(now?.fields);
  return isKnown ? known : now;
}

/**
 * Two texts in one place wait until a person has chosen, however often they are loaded meanwhile.
 *
 * @param {Form} form
 * @param {Fields} stored
 * @param {Field} field
 */
function isUndecided(form, stored, field) {
  if (wasWrittenTwice(form, stored, field)) return true;
  const waits = field in (form.theirs?.fields ?? {});
  return waits && textOf(stored, field) !== textOf(form.fields, field);
}

/** @param {Form} form @param {Fields} stored @param {Field} field */
function wasWrittenTwice(form, stored, field) {
  const now = textOf(stored, field);
  const known = [form.saved, form.fields, ...(form.saving ? [form.saving.fields] : [])];
  return known.every((fields) => textOf(fields, field) !== now);
}

/**
 * The draft to send, or null: there is something new, nothing on its way, nothing to decide.
 *
 * @param {Form} form
 * @returns {Fields|null}
 */
export function toSave(form) {
  if (form.saving || form.theirs || !isDirty(form)) return null;
  return pick(form.fields, changedFields(form));
}

/** @param {Form} form @param {string} id - of the command @param {Fields} fields @returns {Form} */
export function startedSaving(form, id, fields) {
  return { ...form, saving: { id, fields }, refusal: null };
}

/**
 * The draft is on record, and was read again: the next one may go.
 *
 * @param {Form} form
 * @param {string} id
 * @returns {Form}
 */
export function wasSaved(form, id) {
  return form.saving?.id === id ? { ...form, saving: null } : form;
}

/** @param {Form} form @param {string} id @param {Refusal} refusal @returns {Form} */
export function wasRefused(form, id, { code, message }) {
  if (form.saving?.id !== id) return form;
  return { ...form, saving: null, refusal: { code, message } };
}

/** Both texts were seen: mine is saved over theirs. @param {Form} form @returns {Form} */
export function keepMine(form) {
  return { ...form, theirs: null, refusal: null };
}

/** Both texts were seen: mine goes. @param {Form} form @returns {Form} */
export function takeTheirs(form) {
  const fields = { ...form.fields, ...form.theirs?.fields };
  return { ...form, fields, theirs: null, refusal: null };
}

/**
 * Whether the panel stays with this case although the room moves on: it holds text that is not
 * saved, or that was typed here and is not confirmed yet.
 *
 * @param {Form} form
 * @param {OutcomeBrief|undefined} outcome - the newest recorded version
 */
export function holds(form, outcome) {
  if (isDirty(form) || form.saving || form.theirs) return true;
  return form.isTouched && hasText(form.fields) && !DONE.has(outcome?.step ?? "");
}

/** @param {Fields} fields */
export function hasText(fields) {
  return String(valueIn(fields, "recommendation")).trim() !== "";
}

/**
 * What may be done next with an outcome, for this person. Recording needs the side coded and the
 * text saved; each later step follows the one before it.
 *
 * @param {Form} form
 * @param {OutcomeData} data
 * @returns {"record"|"read-back"|"confirmed"|"signed"|null}
 */
export function nextStep(form, data) {
  const { versions, may } = data;
  const newest = versions.at(-1);
  if (form.theirs) return null; // which of two texts it would be is not chosen yet
  if (!newest || !isAsRecorded(form, data)) {
    return may.record && hasText(form.fields) ? "record" : null;
  }
  const done = newest.steps.map(({ kind }) => kind);
  if (!done.includes("read-back")) return may.record ? "read-back" : null;
  if (!done.includes("confirmed")) return may.confirm ? "confirmed" : null;
  return may.sign && !done.includes("signed") ? "signed" : null;
}

/** Whether what stands in the form is the newest version, word for word. @param {Form} form @param {OutcomeData} data */
export function isAsRecorded(form, { versions }) {
  const newest = versions.at(-1);
  return !!newest && isSame(pickFields(newest), form.fields);
}

/**
 * What contradicts in the text that is shown: the recorded one, or the one being written.
 *
 * @param {Form} form
 * @param {OutcomeData} data
 * @returns {readonly Warning[]}
 */
export function warningsOf(form, data) {
  const newest = data.versions.at(-1);
  return (newest && isAsRecorded(form, data) ? newest.warnings : data.draft.warnings) ?? [];
}

/**
 * The newest text there is: the draft over the last recorded version.
 *
 * @param {OutcomeData} data
 * @returns {Fields}
 */
export function asStored({ draft, versions }) {
  const recorded = versions.at(-1);
  return compact({ ...(recorded ? pickFields(recorded) : {}), ...draft.fields });
}

/** @param {Fields} from @returns {Fields} */
export function pickFields(from) {
  return compact(Object.fromEntries(FIELDS.map((field) => [field, from[field]])));
}

/** Empty is the same as absent. @param {Fields} fields @returns {Fields} */
function compact(fields) {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value?.length));
}

/** @param {Fields} fields @param {readonly Field[]} names @returns {Fields} */
function pick(fields, names) {
  return Object.fromEntries(names.map((name) => [name, valueIn(fields, name)]));
}

/** @param {Form} form @returns {Field[]} */
function changedFields({ fields, saved }) {
  return FIELDS.filter((field) => textOf(fields, field) !== textOf(saved, field));
}

/** @param {Fields} fields @param {Field} field */
function textOf(fields, field) {
  return JSON.stringify(valueIn(fields, field));
}

/** @param {Fields} one @param {Fields} other */
function isSame(one, other) {
  return FIELDS.every((field) => textOf(one, field) === textOf(other, field));
}
