import { h, Part, part } from "./dom.js";
import { asMinute, familyName, identityOf } from "./data.js";

/** @import { Model } from "./model.js" */
/** @typedef {{ latency: number|null, unanswered: number, savedAt: number|null, isLive: boolean }} Line */

/** Who is being discussed, always; and at the foot how the line to the room is. */
export class Banner {
  #identity;
  #line;

  /** @param {ParentNode} root */
  constructor(root) {
    this.#identity = new Part(part(root, "identity"));
    this.#line = new Part(part(root, "line"));
  }

  /** @param {Model} model */
  showIdentity({ room, data }) {
    const brief = data.cases.find(({ id }) => id === room.position.case_id);
    this.#identity.show([brief, data.cases.length, data.meeting], () => {
      if (!brief)
        return [h("span", { class: "identity__none" }, `${data.meeting.team} · no case open`)];
      return [
        h("span", { class: "identity__n" }, `${brief.position}/${data.meeting.case_count}`),
        h("strong", { class: "identity__who" }, identityOf(brief)),
        brief.same_name &&
          h("span", { class: "identity__alike" }, `⚠ another ${familyName(brief.name)} listed`),
      ];
    });
  }

  /** @param {Line} line */
  showLine({ latency, unanswered, savedAt, isLive }) {
    const ms = latency === null ? "" : `${Math.round(latency)} ms`;
    const saved = savedAt === null ? "" : `saved ${asMinute(savedAt)}`;
    const words = unanswered ? `not saved yet (${unanswered})` : saved;
    const lamp = isLive ? "live" : "not connected";
    this.#line.show([ms, words, lamp], () => [
      h("span", { class: "line__ms", title: "there and back to the room" }, ms),
      h("span", { class: isLive ? "line__ok" : "line__bad" }, `● ${lamp}`),
      words && h("span", { class: unanswered ? "unsaved" : "saved", "data-key": "saved" }, words),
    ]);
  }
}
