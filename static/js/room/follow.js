/** @import { Room } from "./state.js" */
/** @typedef {"presenting"|"lapsed"|"following"|"roaming"|"free"} Mode */

/**
 * Whose view is on this screen. A person who moves the picture by hand looks around on their own
 * until F, or until the room turns to another case; where nobody presents there is nobody to leave.
 * Whose lease has lapsed keeps their own picture, and moves nobody else's until they take it again.
 */
export class Follow {
  #person;
  #tab;
  #isRoaming = false;
  #case = 0;

  /** @param {string} person - one's own public id @param {string} tab */
  constructor(person, tab) {
    this.#person = person;
    this.#tab = tab;
  }

  /** @param {Room} room @returns {Mode} */
  mode(room) {
    const { presenter, tab, term } = room.position;
    if (term && presenter === this.#person && tab === this.#tab)
      return room.lapsed === term ? "lapsed" : "presenting";
    if (this.#isRoaming) return "roaming";
    return presenter ? "following" : "free";
  }

  /** @param {Room} room - after any event */
  heed(room) {
    const isElsewhere = room.position.case !== this.#case;
    this.#case = room.position.case;
    if (isElsewhere || this.mode(room) === "presenting") this.#isRoaming = false;
  }

  /** The picture was moved by this person's own hand. @param {Room} room @returns {Mode} */
  moved(room) {
    if (this.mode(room) === "following") this.#isRoaming = true;
    return this.mode(room);
  }

  /** F: leave the presenter's view, or come back to it. @param {Room} room @returns {Mode} */
  toggle(room) {
    const mayRoam = this.mode(room) === "following";
    this.#isRoaming = mayRoam;
    return this.mode(room);
  }
}
