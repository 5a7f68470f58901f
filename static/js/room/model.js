import { authorAt } from "../viewer/authors.js";
import { EMPTY_ROOM, FRESH_MS, loaded, withCase, withoutCase } from "./state.js";

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
  /** Not this person's to see any more, each with the seq the room had then. @type {Map<string, number>} */
  #hidden = new Map();
  /** Each person's number as the server counts, the same everywhere. @type {Record<string, number>} */
  authors = {};

  /** @param {RoomData} data @param {Follow} follow @param {string} tab */
  constructor(data, follow, tab) {
    this.data = data;
    this.follow = follow;
    this.tab = tab;
    this.take(data);
  }

  /**
   * @param {RoomData} data - loaded again; of two answers that crossed the newer one stays
   * @returns {CaseData[]} what was shown and is not on the list any more: dropped
   */
  take(data) {
    if (data.position.seq < this.data.position.seq) return [];
    const before = this.data.cases;
    const cases = data.cases.filter(({ id }) => this.#mayShow(id, data.position.seq));
    this.data = { ...data, cases };
    this.room = loaded(this.room, this.data);
    const isNews = JSON.stringify(data.authors) !== JSON.stringify(this.authors);
    if (isNews) this.authors = data.authors; // else the same object: nothing is drawn anew
    const left = before.filter(({ id }) => !cases.some((one) => one.id === id));
    return left.flatMap(({ id }) => this.dropCase(id) ?? []);
  }

  /** @param {CaseData} data */
  takeCase(data) {
    if (!this.#mayShow(data.id, data.seq)) return;
    this.#cases.set(data.id, data);
    this.room = withCase(this.room, data);
  }

  /**
   * It is not this person's to see any more: nothing of it stays, whatever the room presents.
   *
   * @param {string} id
   * @returns {CaseData|null} what was known of it
   */
  dropCase(id) {
    const known = this.case(id);
    this.#cases.delete(id);
    this.#hidden.set(id, this.room.position.seq);
    this.data = { ...this.data, cases: this.data.cases.filter((one) => one.id !== id) };
    this.room = withoutCase(this.room, id);
    return known;
  }

  /** @param {string} id @returns {boolean} */
  isHidden(id) {
    return this.#hidden.has(id);
  }

  /** The room is on a case that is not on this person's list: not to be seen, or not yet. */
  get isOpenHidden() {
    const open = this.room.position.case_id;
    return open !== null && !this.brief(open);
  }

  /** An answer from before it was hidden brings nothing back. @param {string} id @param {number} seq */
  #mayShow(id, seq) {
    if (seq < (this.#hidden.get(id) ?? 0)) return false;
    this.#hidden.delete(id);
    return true;
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
