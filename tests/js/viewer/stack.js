// A small stack of frames for the tests of the viewer's pure parts.

export const IMAGE = Object.freeze({
  rows: 384,
  columns: 512,
  kind: "mono16",
  is_signed: true,
  photometric: "MONOCHROME2",
  slope: 1,
  intercept: 0,
  unit: "HU",
  value_range: [-1024, 3071],
  voi: [{ centre: 40, width: 400, function: "LINEAR", name: "WINDOW1" }],
  voi_lut: null,
  spacing: { row: 0.5, column: 0.5, kind: "calibrated", note: "" },
  pixel_aspect: 1,
  lossy: null,
  laterality: "",
  burned_in: false,
  row_cosines: [1, 0, 0],
  column_cosines: [0, 1, 0],
  frame_rate: null,
});

export const CANVAS = Object.freeze({ width: 512, height: 384 });

export function frame(number, more = {}) {
  return {
    key: `key${number}`,
    image: 0,
    position: [-128, -128, 2 * number],
    label: String(number),
    segment: 1,
    offset: (number - 1) * 1000,
    length: 1000,
    ends: [10, 30, 70, 200, 500, 1000],
    crc32: number,
    code: "",
    ...more,
  };
}

export function metadata(count, image = {}, more = {}) {
  const frames = Array.from({ length: count }, (_, i) => frame(i + 1));
  return {
    format: 1,
    series: "s",
    version: 1,
    is_complete: true,
    modality: "CT",
    description: "HEAD",
    study_date: "2026-11-20",
    trust: "RM3",
    frame_of_reference: null,
    geometry: { kind: "volume", spacing: 2, notes: [] },
    images: [{ ...IMAGE, ...image }],
    frames,
    ...more,
  };
}
