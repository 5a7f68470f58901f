// Written by `manage.py export_protocol` from mdt/protocol/. Do not edit.
export const PROTOCOL_VERSION = 1;
export const MAX_BYTES = 65536;
export const CloseCode = Object.freeze({
  SIGN_IN: 4401,
  NOT_FOUND: 4404,
  COME_BACK: 4408,
});

/** @typedef {{ unit: "mm", x: number, y: number, z: number }} PointMm */
/** @typedef {{ unit: "px", x: number, y: number }} PointPx */
/** @typedef {{ centre: number, width: number, function: "LINEAR"|"LINEAR_EXACT"|"SIGMOID" }} Voi */
/** @typedef {{ kind: "stack", frame: number, centre: PointMm|PointPx, height: number, rotation: number, flip: boolean, voi: Voi, invert: boolean, interp: "linear"|"nearest" }} StackView */
/** @typedef {{ kind: "plane", centre: PointMm, normal: PointMm, up: PointMm, height: number, slab: number, projection: "none"|"mip"|"minip"|"mean", voi: Voi, invert: boolean }} PlaneView */
/** @typedef {{ kind: "slide", centre: PointPx, mpp: number, rotation: number }} SlideView */
/** @typedef {{ kind: "document", page: number, centre: PointPx, scale: number }} DocumentView */
/** @typedef {{ kind: "video", time: number, rate: number, playing: boolean }} VideoView */
/** @typedef {{ id: string, kind: "stack"|"plane"|"slide"|"document"|"video", series: string, version: number }} Pane */
/** @typedef {{ panes: ReadonlyArray<Pane>, active: string }} Layout */
/** @typedef {{ case: number, term: number, n: number }} Fence */
/** @typedef {{ kind: "length"|"arrow", points: ReadonlyArray<PointMm|PointPx>, text: string }} Drawing */
/** @typedef {{ series: string, version: number, frame: string }} Place */
/** @typedef {{ value: number, unit: "mm"|"px", note: string }} Measured */
/** @typedef {{ mark_id: string, version: number, by: string, name: string, place: Place, drawing: Drawing, measured: Measured|null }} MarkBody */
/** @typedef {{ person: string, name: string, specialty: string, following: boolean, preview: number|null, is_behind: boolean }} Present */
/** @typedef {{ seq: number, case: number, case_id: string|null, term: number, presenter: string|null, tab: string }} Position */

export const View = Object.freeze({
  StackView: "stack",
  PlaneView: "plane",
  SlideView: "slide",
  DocumentView: "document",
  VideoView: "video",
});
/** @typedef {StackView|PlaneView|SlideView|DocumentView|VideoView} AnyView */

export const RoomCommand = Object.freeze({
  Hello: "room.hello",
  OpenCase: "case.open",
  TakePresenter: "presenter.take",
  GivePresenter: "presenter.give",
  CreateMark: "mark.create",
  ChangeMark: "mark.change",
  RemoveMark: "mark.remove",
  DraftOutcome: "outcome.draft",
  ShowView: "view.show",
  ShowLayout: "layout.show",
  PointAt: "pointer.move",
  PreviewMark: "mark.preview",
  TypeText: "outcome.type",
  Heartbeat: "room.heartbeat",
});
/** @typedef {{ type: "room.hello", version: 1, tab: string, since: number }} Hello */
/** @typedef {{ type: "case.open", id: string, case_id: string }} OpenCase */
/** @typedef {{ type: "presenter.take", id: string }} TakePresenter */
/** @typedef {{ type: "presenter.give", id: string, to: string }} GivePresenter */
/** @typedef {{ type: "mark.create", id: string, case_id: string, place: Place, drawing: Drawing }} CreateMark */
/** @typedef {{ type: "mark.change", id: string, mark_id: string, if_version: number, drawing: Drawing }} ChangeMark */
/** @typedef {{ type: "mark.remove", id: string, mark_id: string, if_version: number }} RemoveMark */
/** @typedef {{ type: "outcome.draft", id: string, case_id: string, written_for: string, if_version: number, fields: object }} DraftOutcome */
/** @typedef {{ type: "view.show", fence: Fence, pane: string, view: StackView|PlaneView|SlideView|DocumentView|VideoView }} ShowView */
/** @typedef {{ type: "layout.show", fence: Fence, layout: Layout }} ShowLayout */
/** @typedef {{ type: "pointer.move", fence: Fence, pane: string, point: PointMm|PointPx|null }} PointAt */
/** @typedef {{ type: "mark.preview", fence: Fence, pane: string, place: Place, drawing: Drawing|null }} PreviewMark */
/** @typedef {{ type: "outcome.type", case_id: string, field: "recommendation"|"laterality"|"discussion_type"|"planning_date"|"mdt_type_comment"|"cns_indication"|"intent"|"treatments"|"no_treatment_reason"|"performance_status"|"t_category"|"n_category"|"m_category"|"stage_group"|"tnm_edition"|"tnm_version"|"stage_date"|"actions", text: string, n: number }} TypeText */
/** @typedef {{ type: "room.heartbeat", seq: number, following: boolean, preview: number|null }} Heartbeat */
/** @typedef {Hello|OpenCase|TakePresenter|GivePresenter|CreateMark|ChangeMark|RemoveMark|DraftOutcome|ShowView|ShowLayout|PointAt|PreviewMark|TypeText|Heartbeat} AnyRoomCommand */

export const RoomEvent = Object.freeze({
  MeetingOpened: "meeting.opened",
  MeetingClosed: "meeting.closed",
  ListChanged: "list.changed",
  CaseOpened: "case.opened",
  CaseRefreshed: "case.refreshed",
  PresenterChanged: "presenter.changed",
  MarkCreated: "mark.created",
  MarkChanged: "mark.changed",
  MarkRemoved: "mark.removed",
  OutcomeDrafted: "outcome.drafted",
  OutcomeRecorded: "outcome.recorded",
  OutcomeStepped: "outcome.stepped",
  AttendanceChanged: "attendance.changed",
  ViewShown: "view.shown",
  LayoutShown: "layout.shown",
  PointerMoved: "pointer.moved",
  MarkPreviewed: "mark.previewed",
  TextTyped: "outcome.typed",
  Roster: "room.roster",
  Pulse: "room.pulse",
  Welcome: "room.welcome",
  Ack: "ack",
  Nak: "nak",
});
/** @typedef {{ seq: number, type: "meeting.opened", by: string }} MeetingOpened */
/** @typedef {{ seq: number, type: "meeting.closed", by: string }} MeetingClosed */
/** @typedef {{ seq: number, type: "list.changed", by: string }} ListChanged */
/** @typedef {{ seq: number, type: "case.opened", case_id: string, by: string }} CaseOpened */
/** @typedef {{ seq: number, type: "case.refreshed", case_id: string }} CaseRefreshed */
/** @typedef {{ seq: number, type: "presenter.changed", term: number, by: string, name: string, tab: string }} PresenterChanged */
/** @typedef {{ seq: number, type: "mark.created", case_id: string, mark: MarkBody }} MarkCreated */
/** @typedef {{ seq: number, type: "mark.changed", case_id: string, mark: MarkBody }} MarkChanged */
/** @typedef {{ seq: number, type: "mark.removed", case_id: string, mark_id: string, version: number, by: string }} MarkRemoved */
/** @typedef {{ seq: number, type: "outcome.drafted", case_id: string, version: number, by: string }} OutcomeDrafted */
/** @typedef {{ seq: number, type: "outcome.recorded", case_id: string, version: number, by: string }} OutcomeRecorded */
/** @typedef {{ seq: number, type: "outcome.stepped", case_id: string, version: number, step: "read-back"|"confirmed"|"signed", by: string }} OutcomeStepped */
/** @typedef {{ seq: number, type: "attendance.changed", person: string, name: string, present: boolean }} AttendanceChanged */
/** @typedef {{ type: "view.shown", fence: Fence, pane: string, view: StackView|PlaneView|SlideView|DocumentView|VideoView }} ViewShown */
/** @typedef {{ type: "layout.shown", fence: Fence, layout: Layout }} LayoutShown */
/** @typedef {{ type: "pointer.moved", fence: Fence, by: string, name: string, pane: string, point: PointMm|PointPx|null }} PointerMoved */
/** @typedef {{ type: "mark.previewed", fence: Fence, by: string, name: string, pane: string, place: Place, drawing: Drawing|null }} MarkPreviewed */
/** @typedef {{ type: "outcome.typed", case_id: string, field: "recommendation"|"laterality"|"discussion_type"|"planning_date"|"mdt_type_comment"|"cns_indication"|"intent"|"treatments"|"no_treatment_reason"|"performance_status"|"t_category"|"n_category"|"m_category"|"stage_group"|"tnm_edition"|"tnm_version"|"stage_date"|"actions", text: string, by: string, name: string, n: number }} TextTyped */
/** @typedef {{ type: "room.roster", present: ReadonlyArray<Present>, presenter_since: string|null, presenter_lost_at: string|null }} Roster */
/** @typedef {{ type: "room.pulse", seq: number, term: number, at: string }} Pulse */
/** @typedef {{ type: "room.welcome", you: string, position: Position, events: ReadonlyArray<MeetingOpened|MeetingClosed|ListChanged|CaseOpened|CaseRefreshed|PresenterChanged|MarkCreated|MarkChanged|MarkRemoved|OutcomeDrafted|OutcomeRecorded|OutcomeStepped|AttendanceChanged>, is_whole: boolean }} Welcome */
/** @typedef {{ type: "ack", id: string, seq: number }} Ack */
/** @typedef {{ type: "nak", id: string|null, code: string, message: string, retry: boolean }} Nak */
/** @typedef {MeetingOpened|MeetingClosed|ListChanged|CaseOpened|CaseRefreshed|PresenterChanged|MarkCreated|MarkChanged|MarkRemoved|OutcomeDrafted|OutcomeRecorded|OutcomeStepped|AttendanceChanged|ViewShown|LayoutShown|PointerMoved|MarkPreviewed|TextTyped|Roster|Pulse|Welcome|Ack|Nak} AnyRoomEvent */
