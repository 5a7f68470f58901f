import { RoomCommand, RoomEvent } from "./protocol.js";
import { uuid } from "../shared/ids.js";

/** @import { Ack, CreateMark, Drawing, MarkBody, Nak, Place } from "./protocol.js" */
/** @import { DurableCommand } from "./connection.js" */
/** @import { Model } from "./model.js" */
/** @import { Author } from "./model.js" */
const TAKES_OVER = new Set(["chair", "deputy"]);

/** @typedef {MarkBody & Author & { isUnsaved: boolean }} NamedMark */
/** @typedef {{ command: CreateMark, name: string, seq: number|null }} Unsaved - `seq` once it is on record */

/**
 * Marks that were drawn here and are not on record yet. They are shown at once, marked as not
 * saved, and go when the record's own mark has come.
 */
export class UnsavedMarks {
  /** @type {Map<string, Unsaved>} */
  #marks = new Map();

  /** @param {CreateMark} command @param {string} name - of whoever drew it */
  add(command, name) {
    this.#marks.set(command.id, { command, name, seq: null });
  }

  /**
   * @param {Ack|Nak} answer
   * @returns {boolean} whether a mark was refused for good
   */
  settle(answer) {
    const mark = answer.id && this.#marks.get(answer.id);
    if (!answer.id || !mark) return false;
    if (answer.type === RoomEvent.Ack) mark.seq = answer.seq;
    else if (!answer.retry) this.#marks.delete(answer.id);
    return answer.type === RoomEvent.Nak && !answer.retry;
  }

  /**
   * @param {string} caseId
   * @param {string} person - public id of whoever draws here
   * @param {number} seq - how far the room is: what is on record up to there is shown by the record
   * @returns {MarkBody[]}
   */
  of(caseId, person, seq) {
    for (const [id, mark] of this.#marks) {
      if (mark.seq !== null && mark.seq <= seq) this.#marks.delete(id);
    }
    const here = [...this.#marks.values()].filter(({ command }) => command.case_id === caseId);
    return here.map(({ command, name }) => ({
      mark_id: command.id,
      version: 0,
      by: person,
      name,
      place: command.place,
      drawing: command.drawing,
      measured: null,
    }));
  }
}

/** Marks of the open case: drawn here, heard of, changed and removed. */
export class Marks {
  #model;
  #send;
  #unsaved = new UnsavedMarks();
  /** @type {Set<string>} ids of changes and removals not answered yet */
  #asked = new Set();

  /** @param {{ model: Model, send: (command: DurableCommand) => void }} around */
  constructor({ model, send }) {
    this.#model = model;
    this.#send = send;
  }

  /** @returns {MarkBody[]} of the open case, as they are on record */
  get kept() {
    const { marks, position } = this.#model.room;
    return Object.values(marks[position.case_id ?? ""] ?? {});
  }

  /** @returns {NamedMark[]} all of the open case, with each author's colour and shape */
  list() {
    const { room, you } = this.#model;
    if (this.#model.isOpenHidden) return [];
    const unsaved = this.#unsaved.of(room.position.case_id ?? "", you.person, room.position.seq);
    return [...this.kept, ...unsaved].map((mark) => ({
      ...mark,
      ...this.#model.authorOf(mark.by),
      isUnsaved: mark.version === 0,
    }));
  }

  /** A hand has let go of a new mark. @param {Place} place @param {Drawing} drawing */
  drawn(place, drawing) {
    const caseId = this.#model.room.position.case_id;
    if (!caseId) return;
    /** @type {CreateMark} */
    const command = { type: RoomCommand.CreateMark, id: uuid(), case_id: caseId, place, drawing };
    this.#unsaved.add(command, this.#model.you.name);
    this.#send(command);
  }

  /**
   * @param {Ack|Nak} answer
   * @returns {boolean} whether something drawn or changed here was refused for good
   */
  settle(answer) {
    const isNak = answer.type === RoomEvent.Nak;
    if (!answer.id || (isNak && answer.retry)) return false; // it will be tried again
    const wasChange = this.#asked.delete(answer.id);
    return this.#unsaved.settle(answer) || (wasChange && isNak);
  }

  /**
   * One's own, and for the chair and the deputy everybody's, but never another's words: they are
   * read as theirs. Nobody's once the outcome is signed or the meeting is over.
   *
   * @param {MarkBody} mark
   * @param {"words"} [what] - of an arrow
   */
  mayChange({ by, version, drawing: { kind } }, what) {
    const { you, room } = this.#model;
    const isOpen = room.meeting !== "closed" && !this.#isSigned;
    if (!isOpen || version === 0 || !you.may.mark) return false;
    if (what === "words") return kind === "arrow" && by === you.person;
    return by === you.person || you.roles.some((role) => TAKES_OVER.has(role));
  }

  get #isSigned() {
    const { outcomes, position } = this.#model.room;
    return outcomes[position.case_id ?? ""]?.step === "signed";
  }

  /** @param {{ mark_id: string, version: number }} mark @param {Drawing} drawing */
  change({ mark_id, version }, drawing) {
    const id = this.#ask();
    this.#send({ type: RoomCommand.ChangeMark, id, mark_id, if_version: version, drawing });
  }

  /** @param {{ mark_id: string, version: number }} mark */
  remove({ mark_id, version }) {
    const id = this.#ask();
    this.#send({ type: RoomCommand.RemoveMark, id, mark_id, if_version: version });
  }

  #ask() {
    const id = uuid();
    this.#asked.add(id);
    return id;
  }
}
