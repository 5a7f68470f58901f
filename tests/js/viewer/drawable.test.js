import assert from "node:assert/strict";
import { test } from "node:test";

import { FrameSource } from "../../../static/js/viewer/frame-source.js";
import { Shelves } from "../../../static/js/viewer/shelf.js";
import { Turns } from "../../../static/js/viewer/turns.js";
import { WarmSeries } from "../../../static/js/viewer/warm-series.js";
import { sentence } from "../../../static/js/viewer/words.js";
import { metadata } from "./stack.js";

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** Two kinds of picture in one series: the first frames are drawn, the others kept as they came. */
function mixed(mediaType) {
  const document = metadata(6);
  const received = { encoding: "as-received", media_type: mediaType, kind: "rgb8", voi: [] };
  document.images.push({ ...document.images[0], ...received });
  for (const frame of document.frames.slice(3)) Object.assign(frame, { image: 1, crc32: null });
  return document;
}

function page(document) {
  const asked = [];
  const decoded = [];
  const http = {
    postJson: async () => ({ grant: "g", seconds: 60 }),
    getJson: async () => structuredClone(document),
    getBytes: async (_url, from, to) => {
      asked.push(from);
      return new Uint8Array(to - from);
    },
  };
  const pool = {
    decode: async (_bytes, { kind }, frame, level) => {
      decoded.push(frame.key);
      return { samples: new Int16Array(4), level, columns: 2, rows: 2, kind, isSigned: true };
    },
  };
  return { asked, decoded, shared: { http, pool, series: "s", caseId: "c" } };
}

for (const [mediaType, code] of [
  ["image/jpeg", "viewer.no_slide"],
  ["image/jphc", "viewer.no_slide"],
  ["video/mp4", "viewer.no_video"],
]) {
  test(`${mediaType} is said not to be drawn, and is neither fetched nor decoded`, async () => {
    const { asked, decoded, shared } = page(mixed(mediaType));
    const source = new FrameSource(shared);
    await source.open();
    source.look(5, 1);
    await settled();
    assert.equal(source.codeOf(5), code);
    assert.equal(source.codeOf(2), "");
    assert.match(sentence(code), /not shown here yet: look at it in your PACS/);
    assert.deepEqual([...decoded].sort(), ["key1", "key2", "key3"]);
    assert.ok(asked.every((from) => from < 3000));
    assert.equal(source.picture(5), null);
    source.close();
  });
}

test("a series of such pictures is not made ready either", async () => {
  const document = mixed("image/jpeg");
  for (const frame of document.frames) frame.image = 1;
  const { asked, shared } = page(document);
  const ready = new WarmSeries({
    ...shared,
    version: 1,
    shelves: new Shelves(),
    turns: new Turns(5),
  });
  await ready.done;
  assert.deepEqual(asked, []);
  ready.close();
});
