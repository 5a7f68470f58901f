import { getJson, postJson } from "../shared/http.js";

/** @import { CaseData, RoomData } from "./data.js" */
/** @import { Fields, OutcomeData } from "./outcome-form.js" */
/** @typedef {{ getJson: typeof getJson, postJson: typeof postJson }} Wire */

/** What the room loads and records by HTTP. Knows addresses and nothing of the page. */
export class RoomHttp {
  #wire;

  /** @param {Wire} [wire] - tests pass a fake */
  constructor(wire = { getJson, postJson }) {
    this.#wire = wire;
  }

  /** @param {string} meetingId @returns {Promise<RoomData>} */
  room(meetingId) {
    return this.#wire.getJson(`/api/meetings/${meetingId}/room`);
  }

  /** @param {string} meetingId */
  openMeeting(meetingId) {
    return this.#wire.postJson(`/api/meetings/${meetingId}/open`, {});
  }

  /** @param {string} meetingId */
  closeMeeting(meetingId) {
    return this.#wire.postJson(`/api/meetings/${meetingId}/close`, {});
  }

  /** @param {string} caseId @returns {Promise<CaseData>} */
  case(caseId) {
    return this.#wire.getJson(`/api/cases/${caseId}`);
  }

  /** @param {string} caseId @returns {Promise<OutcomeData>} */
  outcome(caseId) {
    return this.#wire.getJson(`/api/cases/${caseId}/outcome`);
  }

  /**
   * @param {string} caseId
   * @param {{ written_for: string, if_version: number, event_id: string } & Fields} outcome
   */
  record(caseId, outcome) {
    return this.#wire.postJson(`/api/cases/${caseId}/outcome`, outcome);
  }

  /**
   * @param {string} caseId
   * @param {number} number - of the recorded version
   * @param {{ kind: string, event_id: string }} step
   */
  step(caseId, number, step) {
    return this.#wire.postJson(`/api/cases/${caseId}/outcome/${number}/steps`, step);
  }
}

/**
 * A failure in words for people, with its code small behind.
 *
 * @param {unknown} failure
 * @returns {string}
 */
export function sentence(failure) {
  const message = failure instanceof Error ? failure.message : "Something went wrong.";
  const code = failure instanceof Error && "code" in failure ? ` (${failure.code})` : "";
  return message + code;
}
