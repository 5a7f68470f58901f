import { Agenda } from "./agenda.js";
import { Banner } from "./banner.js";
import { CasePanel } from "./case-panel.js";
import { h, Part, part } from "./dom.js";
import { Empty } from "./empty.js";
import { mayTake, Presence, summary, takeWords } from "./presence.js";
import { ReadBack } from "./read-back.js";
import { showKeys, Toolbar } from "./toolbar.js";

/** @import { SeriesData } from "./data.js" */
/** @import { Line } from "./banner.js" */
/** @import { Marks } from "./marks.js" */
/** @import { Mode } from "./follow.js" */
/** @import { Model } from "./model.js" */
/** @import { OutcomePanel } from "./outcome-panel.js" */
/** @import { Pictures } from "./pictures.js" */
/** @import { Troubles } from "./trouble.js" */
/**
 * What a person can ask for with a click.
 *
 * @typedef {object} Acts
 * @property {(caseId: string) => void} turn - the whole room, to a case
 * @property {(caseId: string) => void} write - a case's outcome, here only
 * @property {() => void} take - present from here
 * @property {(person: string) => void} give - hand the picture over
 * @property {(series: SeriesData) => void} hang - into the active picture
 * @property {(act: string) => void} act - a button of the toolbar
 * @property {() => void} open - the meeting
 * @property {() => void} close - the meeting
 */
/** @typedef {{ marks: Marks, pictures: Pictures, outcome: OutcomePanel, troubles: Troubles, sprite: string }} Parts */

/** Everything round the pictures: each part is told to show the model, and shows what changed. */
export class RoomView {
  #root;
  #parts;
  #acts;
  #banner;
  #agenda;
  #presence;
  #casePanel;
  #toolbar;
  #readBack;
  #empty;
  #mode;

  /** @param {HTMLElement} root @param {Parts} parts @param {Acts} acts */
  constructor(root, parts, acts) {
    this.#root = root;
    this.#parts = parts;
    this.#acts = acts;
    this.#banner = new Banner(root);
    this.#agenda = new Agenda({ list: part(root, "agenda"), rail: part(root, "rail") }, acts);
    this.#presence = new Presence(part(root, "presence"), acts);
    this.#casePanel = new CasePanel(root, { hang: acts.hang, marks: parts.marks });
    this.#toolbar = new Toolbar(part(root, "toolbar"), parts.sprite, acts.act);
    this.#readBack = new ReadBack(part(root, "read-back"));
    this.#mode = new Part(part(root, "mode"));
    this.#empty = new Empty(
      { inside: part(root, "empty"), foot: part(root, "meeting-acts") },
      acts,
    );
  }

  /** @param {Model} model @param {{ tool: string, line: Line }} now */
  show(model, { tool, line }) {
    this.#root.dataset.mode = model.mode;
    this.#banner.showIdentity(model);
    this.#banner.showLine(line);
    this.#presence.show(model);
    this.#agenda.show(model, this.#parts.outcome.caseId);
    this.#empty.show(model);
    this.#showCase(model);
    this.#showTools(model, tool);
    this.#showReadBack(model);
    this.#showMode(model);
  }

  /** @param {"left"|"right"} side */
  fold(side) {
    this.#root.classList.toggle(`room--no-${side}`);
  }

  /** @param {"left"|"right"} side */
  unfold(side) {
    this.#root.classList.remove(`room--no-${side}`);
  }

  toggleKeys() {
    showKeys(part(this.#root, "keys"));
  }

  hideKeys() {
    part(this.#root, "keys").hidden = true;
  }

  /** @param {Model} model */
  #showCase({ openCase, you, mode }) {
    const { marks, pictures } = this.#parts;
    const mayHang = mode !== "following" || you.may.present;
    this.#casePanel.show(openCase, { marks: marks.list(), shown: pictures.series, mayHang });
  }

  /** @param {Model} model @param {string} tool */
  #showTools({ mode, you, room }, tool) {
    const { isPointing, presets } = this.#parts.pictures;
    const mayMark = you.may.mark && room.meeting === "live";
    this.#toolbar.show({ tool, mode, isPointing, mayMark, presets });
  }

  /** @param {Model} model */
  #showReadBack(model) {
    const { outcome } = this.#parts;
    const { reading, position, outcomes } = model.room;
    const data = reading ? outcome.current(reading) : undefined;
    const brief = reading ? model.brief(reading) : undefined;
    const version = reading ? (outcomes[reading]?.version ?? 0) : 0;
    this.#readBack.show(brief, data, { version, isOpen: reading === position.case_id });
  }

  /** @param {Model} model */
  #showMode(model) {
    const now = summary(model.room, model.you.person);
    const takes = mayTake(now, model);
    this.#mode.show(
      [model.mode, now.presenter, takes, this.#parts.pictures.series.length > 0],
      () => this.#modeStrip(model.mode, now.presenter, takes),
    );
    const words = takeWords(model.mode, now.isPresent ? now.presenter : "");
    const isInStrip = model.mode === "lapsed"; // the button stands in the line below
    const take = takes && !isInStrip ? { act: words, run: this.#acts.take } : {};
    const lost = { text: `${now.lost}. The picture stays as it was.`, ...take };
    const isLost = now.lost && model.room.position.presenter;
    this.#parts.troubles.set("presenter", isLost ? lost : null);
  }

  /**
   * Whose picture this is: a line of its own, always there, so that nothing jumps when it changes.
   *
   * @param {Mode} mode
   * @param {string} presenter
   * @param {boolean} takes - whether this person may present from here
   */
  #modeStrip(mode, presenter, takes) {
    if (this.#parts.pictures.series.length === 0) return [];
    const follow = () => this.#acts.act("follow");
    const button = { class: "button button--small", type: "button" };
    const take = takes && h("button", { ...button, onclick: this.#acts.take }, takeWords(mode, ""));
    const buttons = {
      presenting: null,
      lapsed: take,
      following: h("button", { ...button, onclick: follow }, "Look around (F)"),
      roaming: h("button", { ...button, onclick: follow }, "Follow again (F)"),
      free: take,
    };
    const words = {
      presenting: "You present: everybody sees this picture.",
      lapsed: "You present no longer: nobody sees what you do here.",
      following: `Following ${presenter}.`,
      roaming: "Looking around; F returns.",
      free: "Nobody presents: what you do here is seen by you alone.",
    };
    return [h("span", {}, words[mode]), buttons[mode]];
  }
}
