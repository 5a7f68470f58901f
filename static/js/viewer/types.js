// What the viewer is given: docs/series-metadata.md, and the views and marks of mdt/protocol/.
// The viewer stands below the room and does not import it; the checker holds the two together
// wherever the room hands a view or a mark down.

/** @typedef {{ unit: "mm", x: number, y: number, z: number }} PointMm */
/** @typedef {{ unit: "px", x: number, y: number }} PointPx */
/** @typedef {PointMm|PointPx} Point */
/** @typedef {"LINEAR"|"LINEAR_EXACT"|"SIGMOID"} VoiFunction */
/** @typedef {{ centre: number, width: number, function: VoiFunction }} Voi */
/** @typedef {{ kind: "stack", frame: number, centre: Point, height: number, rotation: number, flip: boolean, voi: Voi, invert: boolean, interp: "linear"|"nearest" }} StackView */
/** @typedef {{ kind: "plane"|"slide"|"document"|"video" }} OtherView - of a kind no pane here draws */
/** @typedef {{ kind: "length"|"arrow", points: ReadonlyArray<Point>, text: string }} Drawing */
/** @typedef {{ series: string, version: number, frame: string }} Place */
/** @typedef {{ value: number, unit: "mm"|"px", note: string }} Measured */
/** @typedef {{ mark_id: string, version: number, by: string, name: string, place: Place, drawing: Drawing, measured: Measured|null }} MarkBody */

/** @typedef {{ row: number|null, column: number|null, kind: "calibrated"|"at-detector"|"region"|"none", note: string }} Spacing */
/** @typedef {{ first: number, values: number[], name: string }} VoiLut */
/**
 * @typedef {{
 *   rows: number, columns: number, kind: "mono16"|"rgb8", is_signed: boolean, photometric: string,
 *   slope: number, intercept: number, unit: string, value_range: number[],
 *   voi: (Voi & { name: string })[], voi_lut: VoiLut|null, spacing: Spacing, pixel_aspect: number,
 *   lossy: { ratio: number|null, method: string }|null, laterality: string, burned_in: boolean,
 *   row_cosines: number[]|null, column_cosines: number[]|null, frame_rate: number|null,
 *   encoding?: string, media_type?: string, transfer_syntax_uid?: string,
 * }} Image
 */
/**
 * @typedef {{
 *   key: string, image: number, position: number[]|null, label: string, segment: number|null,
 *   offset: number, length: number, ends: number[], crc32: number|null, code: string,
 * }} Frame
 */
/**
 * @typedef {{
 *   format: number, series: string, version: number, is_complete: boolean, modality: string,
 *   description: string, study_date: string, trust: string, frame_of_reference: string|null,
 *   geometry: { kind: string, spacing: number|null, notes: string[] },
 *   images: Image[], frames: Frame[],
 * }} Metadata
 */
/**
 * Decoded samples on the way to the screen. `level` counts halvings: 0 is the whole frame.
 *
 * @typedef {{
 *   samples: Int16Array|Uint16Array|Uint8Array, columns: number, rows: number, level: number,
 *   kind: "mono16"|"rgb8", isSigned: boolean,
 * }} Picture
 */
/** @typedef {{ width: number, height: number }} Size */

export {};
