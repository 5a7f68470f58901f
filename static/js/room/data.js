/**
 * What the room loads by HTTP, as types, and how people read it. The words for a person's name,
 * number, date and time are made here and nowhere else in the room.
 *
 * @import { Layout, MarkBody, Pane, Position } from "./protocol.js"
 */

import { readableDate } from "../viewer/words.js";

/** @typedef {{ steer: boolean, present: boolean, mark: boolean, record: boolean, confirm: boolean, sign: boolean, open: boolean, close: boolean, prefetch: boolean }} May */
/** @typedef {{ id: string, team: string, site: string, starts_at: string, state: "planned"|"live"|"closed", case_count: number }} MeetingData */
/** @typedef {{ person: string, name: string, roles: string[], may: May }} You */
/** @typedef {{ name: string, specialty: string }} PersonData */
/** @typedef {{ version: number, step: string }} OutcomeBrief */
/** @typedef {{ kind: string, status: string, colour: string, text: string, notes: string[] }} LampData */
/** @typedef {{ page: string, lamps: LampData[] }} ReportsData */
/** @typedef {{ id: string, position: number, name: string, sex: string, birth_date: string, nhs_number: string, question: string, laterality: string, same_name: boolean, light: { colour: string, text: string }, reports: ReportsData, outcome: OutcomeBrief, draft: number, was_opened: boolean }} CaseBrief */
/** @typedef {{ meeting: MeetingData, you: You, people: Record<string, PersonData>, authors: Record<string, number>, position: Position, cases: CaseBrief[] }} RoomData */
/** @typedef {{ id: string, modality: string, description: string, number: number|null, version: number, frame_count: number, laterality: string }} SeriesData */
/** @typedef {{ id: string, trust: string, trust_name: string, date: string, description: string, modalities: string, state: string, stored_count: number, expected_count: number|null, role: ""|"current"|"prior", reason: string, laterality: string, series: SeriesData[] }} StudyData */
/** @typedef {{ name: string, sex: string, birth_date: string, nhs_number: string, is_deceased: boolean }} PatientData */
/** @typedef {{ id: string, seq: number, patient: PatientData, question: string, laterality: string, studies: StudyData[], reports: ReportsData, withheld: { trust: string, trust_name: string, why: string, message: string }[], warnings: { code: string, message: string }[], marks: MarkBody[], layout: Layout }} CaseData */

const SEX = new Map([
  ["F", "F"],
  ["M", "M"],
  ["O", "sex not stated"],
]);
const CLOCK = { hour: "2-digit", minute: "2-digit", timeZone: "Europe/London" };
const MINUTE = new Intl.DateTimeFormat("en-GB", /** @type {Intl.DateTimeFormatOptions} */ (CLOCK));
const SECOND = new Intl.DateTimeFormat(
  "en-GB",
  /** @type {Intl.DateTimeFormatOptions} */ ({
    ...CLOCK,
    second: "2-digit",
  }),
);

/** @param {string} date - YYYY-MM-DD @returns {string} as beside the picture, or "no date" */
export function asDay(date) {
  return date ? readableDate(date) : "no date";
}

/** @param {string|number} at - ISO 8601 or milliseconds @returns {string} "14:12" in London */
export function asMinute(at) {
  return MINUTE.format(new Date(at));
}

/** @param {string|number} at - ISO 8601 or milliseconds @returns {string} "14:12:07" in London */
export function asSecond(at) {
  return SECOND.format(new Date(at));
}

/**
 * Who it is, in the order people check it.
 *
 * @param {{ name: string, sex: string, birth_date: string, nhs_number: string }} patient
 */
export function identityOf({ name, sex, birth_date, nhs_number }) {
  const number = nhs_number || "no NHS number";
  return `${name} · ${SEX.get(sex) ?? sex} · ${asDay(birth_date)} · ${number}`;
}

/** @param {string} name - "KHAN, Amina" @returns {string} "KHAN" */
export function familyName(name) {
  return name.split(",")[0];
}

/**
 * What a person is called on a button: the family name, in full where two on the list share it.
 *
 * @param {Pick<CaseBrief, "name"|"same_name">} brief
 */
export function callName({ name, same_name }) {
  return same_name ? name : familyName(name);
}

/**
 * Which study a series belongs to.
 *
 * @param {CaseData|null} data
 * @param {string} seriesId
 * @returns {{ study: StudyData, series: SeriesData }|null}
 */
export function findSeries(data, seriesId) {
  for (const study of data?.studies ?? []) {
    const series = study.series.find(({ id }) => id === seriesId);
    if (series) return { study, series };
  }
  return null;
}

/**
 * Whether the same hangs in a pane as before.
 *
 * @param {Pane|undefined} one
 * @param {Pane} other
 */
export function isSameSeries(one, other) {
  if (!one) return false;
  return one.series === other.series && one.version === other.version && one.kind === other.kind;
}
