/** @import { Model } from "./model.js" */
/** @import { Pictures } from "./pictures.js" */
/** @import { Sender } from "./sender.js" */
/**
 * @typedef {object} Parts
 * @property {Pick<Model, "room"|"mode"|"follow">} model
 * @property {Pick<Sender, "forget">} sender
 * @property {Pick<Pictures, "sendAll">} pictures
 */

/**
 * Which case the room is on and in whose hands, as it was heeded last. It is learnt of by an event,
 * or by an answer that overtakes the event: either way nothing meant for the last place is said of
 * the new one, and a new presenter's picture goes out.
 */
export class Place {
  #parts;
  #left;
  #entered;

  /** @param {Parts} parts */
  constructor(parts) {
    this.#parts = parts;
    this.#left = this.#where;
    this.#entered = this.#hands;
  }

  /** Before anything is said of the new place. */
  leave() {
    const { model, sender } = this.#parts;
    model.follow.heed(model.room);
    if (this.#where !== this.#left) sender.forget();
    this.#left = this.#where;
  }

  /** Once this screen stands there. */
  enter() {
    if (this.#hands !== this.#entered) this.#parts.pictures.sendAll();
    this.#entered = this.#hands;
  }

  get #where() {
    const { case: openCase, term } = this.#parts.model.room.position;
    return `${openCase}/${term}`;
  }

  get #hands() {
    const { room, mode } = this.#parts.model;
    return `${room.position.term}/${mode}`;
  }
}
