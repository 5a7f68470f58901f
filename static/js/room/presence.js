import { h, Part } from "./dom.js";
import { asMinute } from "./data.js";

/** @import { Model } from "./model.js" */
/** @import { Room } from "./state.js" */
/** @typedef {{ presenter: string, isPresent: boolean, lost: string, counts: string, others: { person: string, name: string }[] }} Summary */
/** @typedef {Summary["others"][number] & { shape: string }} Other - with the shape of their marks */

/**
 * Who presents and who is with them, in words.
 *
 * @param {Room} room
 * @param {string} you - one's own public id
 * @returns {Summary}
 */
export function summary(room, you) {
  const people = room.roster?.present ?? [];
  const { presenter } = room.position;
  const others = people.filter(({ person }) => person !== you);
  return {
    presenter: presenter ? room.presenterName : "",
    isPresent: !!presenter && !room.roster?.presenter_lost_at,
    lost: lostSentence(room),
    counts: presenter
      ? counts(people.filter(({ person }) => person !== presenter))
      : `${people.length} here`,
    others: others.map(({ person, name }) => ({ person, name })),
  };
}

/** @param {Room} room @returns {string} */
function lostSentence({ roster, position, meeting }) {
  if (meeting !== "live" || !roster) return "";
  if (roster.presenter_lost_at) return `NO PRESENTER since ${asMinute(roster.presenter_lost_at)}`;
  return position.presenter ? "" : "NO PRESENTER yet";
}

/** @param {readonly { following: boolean, is_behind: boolean, preview: number|null }[]} people */
function counts(people) {
  const behind = people.filter(({ is_behind }) => is_behind).length;
  const partly = people.filter(({ preview, is_behind }) => preview !== null && !is_behind).length;
  const words = [`${people.filter(({ following }) => following).length} follow`];
  const alone = people.filter(({ following }) => !following).length;
  if (alone) words.push(`${alone} look around`);
  if (behind) words.push(`${behind} behind`);
  if (partly) words.push(`${partly} on preview`);
  return words.join(" · ");
}

/** The right end of the banner: who presents, who follows, and how the picture changes hands. */
export class Presence {
  #words;
  #buttons;
  #take;
  #give;
  #chosen = "";

  /**
   * @param {HTMLElement} element
   * @param {{ take: () => void, give: (person: string) => void }} acts
   */
  constructor(element, { take, give }) {
    const [words, buttons] = [
      h("span", { class: "presence__words" }),
      h("span", { class: "presence__acts" }),
    ];
    element.replaceChildren(words, buttons);
    this.#words = new Part(words); // apart, so that a count does not take a button from a finger
    this.#buttons = new Part(buttons);
    this.#take = take;
    this.#give = give;
  }

  /** @param {Model} model */
  show(model) {
    const { room, you, mode, maySteer } = model;
    const now = summary(room, you.person);
    this.#words.show([now.presenter, now.isPresent, now.counts, mode], () => [
      h("span", { class: "presence__who" }, ...this.#who(now, mode)),
      h("span", { class: "presence__counts" }, now.counts),
    ]);
    const isMine = mode === "presenting" || (now.isPresent && isChair(you.roles));
    const offered = maySteer && isMine ? now.others : [];
    const others = offered.map((one) => ({ ...one, shape: model.authorOf(one.person).shape }));
    const takes = mayTake(now, model);
    const from = now.isPresent ? now.presenter : "";
    const words = takeWords(mode, from);
    this.#buttons.show([takes, words, from, others], () => [
      takes && this.#takeButton(words, from),
      ...(others.length > 0 ? this.#giveMenu(others) : []),
    ]);
  }

  /** @param {Summary} now @param {string} mode */
  #who({ presenter, isPresent }, mode) {
    if (mode === "presenting") return [h("b", { class: "presenter" }, "★ You present")];
    if (mode === "lapsed") return [h("b", {}, "you presented")];
    if (!presenter) return ["nobody presents"];
    return ["presenting: ", h("b", { class: isPresent ? "presenter" : "" }, `${presenter} ★`)];
  }

  /** @param {string} words @param {string} from - who presents now, or nobody */
  #takeButton(words, from) {
    const attributes = { class: "button button--small", type: "button", "data-key": "take" };
    const title = from ? `Present instead of ${from}` : "Everybody sees your picture";
    return h("button", { ...attributes, title, onclick: this.#take }, words);
  }

  /**
   * The menu only chooses: by keyboard its first name is chosen with one key (D17). The button is
   * there once somebody is: the banner has no room to spare.
   *
   * @param {Other[]} others
   */
  #giveMenu(others) {
    const choose = (/** @type {Event} */ { target }) => {
      if (!(target instanceof HTMLSelectElement)) return;
      this.#chosen = target.value;
      button.hidden = !target.value;
    };
    const menu = h(
      "select",
      {
        class: "select",
        "aria-label": "Hand the picture over to",
        "data-key": "give-to",
        onchange: choose,
      },
      h("option", { value: "" }, "Hand over to…"),
      ...others.map(({ person, name, shape }) => {
        const selected = person === this.#chosen; // still, when somebody comes meanwhile
        return h("option", { value: person, selected }, `${shape} ${name}`);
      }),
    );
    const give = () => {
      if (!menu.value) return;
      this.#give(menu.value);
      menu.value = this.#chosen = "";
      button.hidden = true;
    };
    const attributes = { class: "button button--small", type: "button", "data-key": "give" };
    const button = h("button", { ...attributes, onclick: give }, "Hand over");
    button.hidden = !others.some(({ person }) => person === this.#chosen);
    return [menu, button];
  }
}

/**
 * Whether this tab may begin to present: while somebody does, only the chair, a deputy and the
 * same person in another tab may take over.
 *
 * @param {Summary} now
 * @param {Model} model
 */
export function mayTake({ isPresent }, { mode, maySteer, you, room }) {
  if (!maySteer || mode === "presenting") return false;
  return !isPresent || isChair(you.roles) || room.position.presenter === you.person;
}

/**
 * What taking the picture is called.
 *
 * @param {string} mode
 * @param {string} from - who presents now, or nobody
 */
export function takeWords(mode, from) {
  if (from) return "Take over";
  return mode === "lapsed" ? "Present again" : "Present";
}

/** @param {readonly string[]} roles */
function isChair(roles) {
  return roles.includes("chair") || roles.includes("deputy");
}
