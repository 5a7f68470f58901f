import { h, Part } from "./dom.js";
import { familyName } from "./data.js";

/** @import { CaseBrief } from "./data.js" */
/** @import { Model } from "./model.js" */
/** @import { Room } from "./state.js" */
/** @typedef {"now"|"signed"|"confirmed"|"recorded"|"open"|"later"} Status */

const WORDS = {
  now: ["▸", "now"],
  signed: ["✓", "signed"],
  confirmed: ["✓", "confirmed"],
  recorded: ["◐", "not confirmed"],
  open: ["○", "no outcome"],
  later: ["", ""],
};

/**
 * How far a case has come in this meeting.
 *
 * @param {Room} room
 * @param {string} id
 * @returns {Status}
 */
export function statusOf(room, id) {
  if (room.position.case_id === id) return "now";
  const step = room.outcomes[id]?.step;
  if (step === "signed" || step === "confirmed") return step;
  if (room.outcomes[id]) return "recorded";
  return room.opened[id] || room.drafts[id] ? "open" : "later";
}

/**
 * Cases that were discussed or written about and are not confirmed, other than the open one: the
 * rail that keeps a patient from being forgotten.
 *
 * @param {Room} room
 * @param {readonly CaseBrief[]} cases
 */
export function notFinished(room, cases) {
  const isLeft = new Set(["recorded", "open"]);
  return cases.filter(({ id }) => isLeft.has(statusOf(room, id)));
}

/**
 * The case `by` places further on the list, or null at its end.
 *
 * @param {Room} room
 * @param {readonly CaseBrief[]} cases - in the order of the list
 * @param {1|-1} by
 * @returns {string|null}
 */
export function neighbour(room, cases, by) {
  const here = cases.findIndex(({ id }) => id === room.position.case_id);
  if (here < 0) return by > 0 ? (cases[0]?.id ?? null) : null;
  return cases[here + by]?.id ?? null;
}

/** The list on the left: where the room is, what is done, what is not; and the way to the next. */
export class Agenda {
  #list;
  #rail;
  #turn;
  #write;

  /**
   * @param {{ list: HTMLElement, rail: HTMLElement }} parts
   * @param {{ turn: (caseId: string) => void, write: (caseId: string) => void }} acts
   *   `turn` moves the whole room; `write` opens an outcome here and moves nothing
   */
  constructor({ list, rail }, { turn, write }) {
    this.#list = new Part(list);
    this.#rail = new Part(rail);
    this.#turn = turn;
    this.#write = write;
  }

  /** @param {Model} model */
  show({ room, data, maySteer }) {
    const rows = data.cases.map((one) => ({ ...one, status: statusOf(room, one.id) }));
    this.#list.show([rows, maySteer], () => rows.map((row) => this.#row(row, maySteer)));
    const left = notFinished(room, data.cases);
    this.#rail.show(
      left.map(({ id, name }) => [id, name]),
      () => this.#leftOver(left),
    );
  }

  /** @param {CaseBrief & { status: Status }} row @param {boolean} maySteer */
  #row({ id, position, name, light, status }, maySteer) {
    const [sign, word] = WORDS[status];
    const [words, kind] =
      status === "later" ? [light.text, light.colour] : [`${sign} ${word}`, status];
    const [family, given = ""] = name.split(", ");
    const what = [
      h("span", { class: "case__n" }, String(position)),
      h("span", { class: "case__name" }, family, h("span", { class: "case__given" }, given)),
      h("span", { class: `case__state case__state--${kind}`, title: words }, words),
    ];
    const turn = () => this.#turn(id);
    const isNow = status === "now";
    return h(
      "li",
      { class: "case", "aria-current": isNow && "true" },
      maySteer
        ? h(
            "button",
            {
              class: "case__button",
              type: "button",
              "data-key": id,
              onclick: turn,
              disabled: isNow,
            },
            ...what,
          )
        : h("div", { class: "case__button" }, ...what),
    );
  }

  /** @param {CaseBrief[]} left */
  #leftOver(left) {
    if (left.length === 0) return [];
    return [
      h("h3", { class: "rail__title" }, `Not finished (${left.length})`),
      ...left.map(({ id, name, same_name }) =>
        h(
          "button",
          { class: "rail__case", type: "button", "data-key": id, onclick: () => this.#write(id) },
          same_name ? name : familyName(name),
        ),
      ),
    ];
  }
}
