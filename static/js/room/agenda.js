import { h, Part } from "./dom.js";
import { callName } from "./data.js";

/** @import { CaseBrief } from "./data.js" */
/** @import { Model } from "./model.js" */
/** @import { May } from "./data.js" */
/** @import { Room } from "./state.js" */
/** @typedef {"now"|"signed"|"confirmed"|"recorded"|"open"|"later"} Status */

/** What is missing to the end of a case. @type {Partial<Record<Status, string>>} */
const MISSING = {
  later: "not discussed",
  open: "no outcome",
  recorded: "to confirm",
  confirmed: "to sign",
};
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
  const isNow = room.position.case_id === id && room.meeting !== "closed";
  return isNow ? "now" : standingOf(room, id);
}

/** The same of a case that may be the open one. @param {Room} room @param {string} id @returns {Status} */
function standingOf(room, id) {
  const step = room.outcomes[id]?.step;
  if (step === "signed" || step === "confirmed") return step;
  if (room.outcomes[id]) return "recorded";
  return room.opened[id] || room.drafts[id] ? "open" : "later";
}

/**
 * Cases that were discussed or written about and are not done with, other than the open one: the
 * rail that keeps a patient from being forgotten. What is confirmed is left to those who may sign.
 *
 * @param {Room} room
 * @param {readonly CaseBrief[]} cases
 * @param {Pick<May, "sign">} may
 * @returns {(CaseBrief & { missing: string })[]}
 */
export function notFinished(room, cases, may) {
  const isLeft = new Set(["recorded", "open", may.sign && "confirmed"]);
  return cases
    .map((one) => ({ ...one, status: statusOf(room, one.id) }))
    .filter(({ status }) => isLeft.has(status))
    .map(({ status, ...one }) => ({ ...one, missing: MISSING[status] ?? "" }));
}

/**
 * What is not signed when a meeting closes, the open case too: "not discussed: DEAN; no outcome:
 * KHAN; to sign: SMITH".
 *
 * @param {Room} room
 * @param {readonly CaseBrief[]} cases
 */
export function unfinishedWords(room, cases) {
  const kinds = /** @type {const} */ (["later", "open", "recorded", "confirmed"]);
  return kinds
    .map((kind) => {
      const left = cases.filter(({ id }) => standingOf(room, id) === kind);
      return left.length ? `${MISSING[kind]}: ${left.map(callName).join(" · ")}` : "";
    })
    .filter(Boolean)
    .join("; ");
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

  /** @param {Model} model @param {string} bound - the case whose outcome is shown here */
  show({ room, data, you, maySteer }, bound) {
    const rows = data.cases.map((one) => ({ ...one, status: statusOf(room, one.id) }));
    const isClosed = room.meeting === "closed"; // then a case opens here only
    const act = isClosed ? this.#write : maySteer ? this.#turn : null;
    const here = isClosed ? bound : room.position.case_id;
    this.#list.show([rows, maySteer, isClosed, here], () =>
      rows.map((row) => this.#row(row, row.id === here, act)),
    );
    const left = notFinished(room, data.cases, you.may);
    this.#rail.show([left.map(({ id, name, missing }) => [id, name, missing]), bound], () =>
      this.#leftOver(left, bound),
    );
  }

  /**
   * @param {CaseBrief & { status: Status }} row
   * @param {boolean} isHere
   * @param {((caseId: string) => void)|null} act
   */
  #row({ id, position, name, light, status }, isHere, act) {
    const [sign, word] = WORDS[status];
    const [words, kind] =
      status === "later" ? [light.text, light.colour] : [`${sign} ${word}`, status];
    const [family, given = ""] = name.split(", ");
    const what = [
      h("span", { class: "case__n" }, String(position)),
      h("span", { class: "case__name" }, family, h("span", { class: "case__given" }, given)),
      h("span", { class: `case__state case__state--${kind}`, title: words }, words),
    ];
    return h(
      "li",
      { class: "case", "aria-current": isHere && "true" },
      act
        ? h(
            "button",
            {
              class: "case__button",
              type: "button",
              "data-key": id,
              onclick: () => act(id),
              disabled: isHere,
            },
            ...what,
          )
        : h("div", { class: "case__button" }, ...what),
    );
  }

  /** @param {ReturnType<typeof notFinished>} left @param {string} bound */
  #leftOver(left, bound) {
    if (left.length === 0) return [];
    return [
      h("h3", { class: "rail__title" }, `Not finished (${left.length})`),
      ...left.map((one) => this.#railCase(one, one.id === bound)),
    ];
  }

  /** @param {CaseBrief & { missing: string }} one @param {boolean} isBound */
  #railCase(one, isBound) {
    const write = () => this.#write(one.id);
    const attributes = { class: "rail__case", type: "button", "data-key": one.id, onclick: write };
    return h(
      "button",
      { ...attributes, "aria-current": isBound && "true" },
      callName(one),
      h("span", { class: "rail__missing" }, ` ${one.missing}`),
    );
  }
}
