import { authorAt } from "../viewer/authors.js";
import { EMPTY_ROOM, FRESH_MS, loaded, withCase } from "./state.js";

/** @import { CaseBrief, CaseData, RoomData } from "./data.js" */
/** @import { Room } from "./state.js" */
/** @import { Follow, Mode } from "./follow.js" */
/** @typedef {{ author: number, shape: string }} Author - their number, -1: not known yet; its shape */

/** What every part of the page reads: the room as heard, the list and the cases as loaded. */
export class Model {
  /** @type {Room} */
  room = EMPTY_ROOM;
  /** @type {Map<string, CaseData>} */
  #cases = new Map();
  /** Each person's number as the server counts, the same everywhere. @type {Record<string, number>} */
  authors = {};

  /** @param {RoomData} data @param {Follow} follow @param {string} tab */
  constructor(data, follow, tab) {
    this.data = data;
    this.follow = follow;
    this.tab = tab;
    this.take(data);
  }

  /** @param {RoomData} data - loaded again; of two answers that crossed the newer one stays */
  take(data) {
    if (data.position.seq < this.data.position.seq) return;
    this.data = data;
    this.room = loaded(this.room, data);
    const isNews = JSON.stringify(data.authors) !== JSON.stringify(this.authors);
    if (isNews) this.authors = data.authors; // else the same object: nothing is drawn anew
  }

  /** @param {CaseData} data */
  takeCase(data) {
    this.#cases.set(data.id, data);
    this.room = withCase(this.room, data);
  }

  /** It is not this person's to see any more. @param {string} id */
  dropCase(id) {
    this.#cases.delete(id);
  }

  get you() {
    return this.data.you;
  }

  /** @returns {Mode} */
  get mode() {
    return this.follow.mode(this.room);
  }

  /** @returns {boolean} whether this person may turn the room now */
  get maySteer() {
    return this.you.may.steer && this.room.meeting === "live";
  }

  /** @returns {CaseData|null} the case the room is on, once it is loaded */
  get openCase() {
    return this.case(this.room.position.case_id);
  }

  /** @param {string|null} id @returns {CaseData|null} */
  case(id) {
    return (id && this.#cases.get(id)) || null;
  }

  /** @param {string|null} id @returns {CaseBrief|undefined} a row of the list */
  brief(id) {
    return this.data.cases.find((one) => one.id === id);
  }

  /** @param {string|null} person - public id @returns {string} */
  nameOf(person) {
    if (!person) return "";
    const heard = this.room.roster?.present.find((one) => one.person === person);
    return this.data.people[person]?.name ?? heard?.name ?? this.room.present[person] ?? person;
  }

  /** @param {string} caseId @returns {string} who types in its outcome right now, other than you */
  typistsOf(caseId) {
    const since = Date.now() - FRESH_MS.typed;
    const typed = Object.values(this.room.typed[caseId] ?? {});
    const others = typed.filter(({ by, at }) => by !== this.you.person && at > since);
    return [...new Set(others.map(({ name }) => name))].join(", ");
  }

  /**
   * A person's colour and shape, the same on every screen.
   *
   * @param {string} person - public id
   * @returns {Author}
   */
  authorOf(person) {
    const author = this.authors[person] ?? -1;
    return { author, shape: authorAt(author).shape };
  }

  /** Somebody is here who joined the team after this page was loaded. */
  get hasNewcomer() {
    return (this.room.roster?.present ?? []).some(({ person }) => !(person in this.authors));
  }
}
