import { h, Part } from "./dom.js";
import { unfinishedWords } from "./agenda.js";
import { asMinute } from "./data.js";

/** @import { Model } from "./model.js" */
/** @import { Child } from "./dom.js" */

/** What stands where there is no picture yet, with the one act that starts it; and the closing. */
export class Empty {
  #inside;
  #foot;
  #acts;
  #isSure = false;

  /**
   * @param {{ inside: HTMLElement, foot: HTMLElement }} parts
   * @param {{ open: () => void, close: () => void }} acts
   */
  constructor({ inside, foot }, acts) {
    this.#inside = new Part(inside);
    this.#foot = new Part(foot);
    this.#acts = acts;
  }

  /** @param {Model} model */
  show(model) {
    const words = emptyWords(model);
    const mayOpen = model.room.meeting === "planned" && model.you.may.open;
    this.#inside.show([words, mayOpen], () =>
      words
        ? [
            h("h2", {}, words.title),
            h("p", {}, words.text),
            mayOpen &&
              h(
                "button",
                {
                  class: "button button--large",
                  type: "button",
                  "data-key": "open",
                  onclick: this.#acts.open,
                },
                "Open the room",
              ),
          ]
        : [],
    );
    this.#showFoot(model);
  }

  /** @param {Model} model */
  #showFoot(model) {
    const mayClose = model.room.meeting === "live" && model.you.may.close;
    const sure = (/** @type {boolean} */ isSure) => () => {
      this.#isSure = isSure;
      this.#showFoot(model);
    };
    const button = { class: "button button--small", type: "button" };
    const left = unfinishedWords(model.room, model.data.cases);
    this.#foot.show([mayClose, this.#isSure, this.#isSure && left], () => {
      if (!mayClose) return [];
      if (!this.#isSure)
        return [h("button", { ...button, onclick: sure(true) }, "Close the meeting")];
      return [
        h("span", {}, "Close it for everybody?"),
        left && h("span", { class: "agenda__left" }, `Not finished. ${sentenceOf(left)}`),
        h("button", { ...button, onclick: this.#acts.close }, "Yes, close"),
        h("button", { ...button, onclick: sure(false) }, "No"),
      ];
    });
  }
}

/**
 * What to say instead of pictures, or null where there are some.
 *
 * @param {Pick<Model, "room"|"data"|"openCase"|"maySteer"|"isOpenHidden">} model
 * @returns {{ title: string, text: string }|null}
 */
export function emptyWords({ room, data, openCase, maySteer, isOpenHidden }) {
  const caseId = room.position.case_id;
  if (room.meeting === "planned") return notOpen(data.meeting.starts_at);
  if (!caseId) return noCase(room.meeting, maySteer);
  if (isOpenHidden) return HIDDEN;
  if (!openCase) {
    const name = data.cases.find(({ id }) => id === caseId)?.name ?? "";
    return { title: `Loading ${name}`, text: "Studies and marks are on their way." };
  }
  if (openCase.layout.panes.length) return null;
  return {
    title: "No picture of this case is ready",
    text: "It comes by itself once its images are here. The list says what is missing.",
  };
}

const HIDDEN = {
  title: "This case is not shown to you",
  text: "It is not on the list of the cases you may see. The next one opens here by itself.",
};

/** @param {string} left */
function sentenceOf(left) {
  return `${left[0].toUpperCase()}${left.slice(1)}. They can still be finished afterwards.`;
}

/** @param {string} startsAt */
function notOpen(startsAt) {
  return {
    title: "The room is not open yet",
    text:
      `The meeting is planned for ${asMinute(startsAt)}. The chair, deputy or coordinator opens the room; ` +
      "this page then comes alive by itself.",
  };
}

/** @param {string} meeting @param {boolean} maySteer */
function noCase(meeting, maySteer) {
  if (meeting === "closed")
    return {
      title: "The meeting is closed",
      text: "Choose a case in the list: its outcome can still be finished and signed.",
    };
  const text = maySteer
    ? "Choose the first case in the list: it opens for everybody. Shift+N opens the next one."
    : "The first case opens for everybody when somebody who leads the meeting chooses it.";
  return { title: "No case is open", text };
}
