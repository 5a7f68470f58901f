/**
 * Which case the outcome panel is with: pure rules (D18). It follows the room where that harms
 * nobody; a case a person chose, or holds words for, stays until they leave it.
 *
 * @import { Room } from "./state.js"
 */

/** @typedef {{ caseId: string, isChosen: boolean }} Binding */

/** @type {Binding} */
export const UNBOUND = Object.freeze({ caseId: "", isChosen: false });

/**
 * On purpose, from the rail or by a button.
 *
 * @param {string} caseId
 * @returns {Binding}
 */
export function chosen(caseId) {
  return { caseId, isChosen: true };
}

/**
 * The step this person came for is done: the room's case may come back.
 *
 * @param {Binding} binding
 * @returns {Binding}
 */
export function finished(binding) {
  return { ...binding, isChosen: false };
}

/**
 * After anything that happened.
 *
 * @param {Binding} binding
 * @param {{ room: Pick<Room, "meeting"|"position">, isListed: boolean, holds: boolean }} now
 *   `isListed`: the room's case is this person's to see; `holds`: words of the bound case wait here
 * @returns {Binding} the same object where nothing changes
 */
export function followed(binding, { room, isListed, holds }) {
  const open = room.position.case_id;
  if (!open || !isListed) return binding;
  if (open === binding.caseId) return binding.isChosen ? finished(binding) : binding;
  const stays = binding.isChosen || holds || room.meeting === "closed"; // no room moves any more
  return binding.caseId && stays ? binding : { caseId: open, isChosen: false };
}
