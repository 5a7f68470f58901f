/** A room's events and answers as tests of its state say them. */

import { RoomEvent } from "../../../static/js/room/protocol.js";
import { applyEvent, EMPTY_ROOM } from "../../../static/js/room/state.js";

export const OPENED = { type: RoomEvent.CaseOpened, seq: 5, case_id: "smith", by: "chair" };
export const TOOK = {
  type: RoomEvent.PresenterChanged,
  seq: 6,
  term: 2,
  by: "chair",
  name: "Dr C",
  tab: "tab",
};
export const POSITION = {
  seq: 6,
  case: 5,
  case_id: "smith",
  term: 2,
  presenter: "chair",
  tab: "tab",
};
export const STACK = { kind: "stack", frame: 7 };
export const HERE = { case: 5, term: 2, n: 1 };
export const PLACE = { series: "s", version: 1, frame: "k.1" };
export const DRAWING = { kind: "length", points: [], text: "" };

export const after = (...events) =>
  events.reduce((room, event) => applyEvent(room, event, 1000), EMPTY_ROOM);
export const shown = (fence, view = STACK) => ({
  type: RoomEvent.ViewShown,
  fence,
  pane: "a",
  view,
});
export const mark = (version, text = "") => ({
  mark_id: "m",
  version,
  by: "chair",
  name: "Dr C",
  place: PLACE,
  drawing: { ...DRAWING, text },
  measured: null,
});
export const listed = (id, more = {}) => ({
  id,
  name: id,
  outcome: { version: 0, step: "" },
  draft: 0,
  was_opened: false,
  ...more,
});

/** The room as GET /api/meetings/<id>/room has it. */
export const data = (more = {}) => ({
  meeting: { state: "live" },
  people: { chair: { name: "Dr C" } },
  position: POSITION,
  cases: [],
  ...more,
});
