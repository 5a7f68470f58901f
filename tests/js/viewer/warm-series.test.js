import assert from "node:assert/strict";
import { test } from "node:test";

import { HttpError } from "../../../static/js/shared/http.js";
import { FrameSource } from "../../../static/js/viewer/frame-source.js";
import { Shelves } from "../../../static/js/viewer/shelf.js";
import { Turns } from "../../../static/js/viewer/turns.js";
import { WarmSeries } from "../../../static/js/viewer/warm-series.js";
import { metadata } from "./stack.js";

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));
const REFUSAL = new HttpError(404, "mdt.not_found", "no");

/** A page: its server, its decoders, its shelves. `grants` may refuse by purpose. */
function page(document) {
  const asked = [];
  const refused = new Set();
  const http = {
    postJson: async (url, body) => {
      asked.push(url.endsWith("/grant") ? `grant ${body.purpose}` : url);
      if (refused.has(body.purpose)) throw REFUSAL;
      return { grant: body.purpose, seconds: 60 };
    },
    getJson: async () => {
      asked.push("metadata");
      return structuredClone(document);
    },
    getBytes: async (_url, from, to) => {
      asked.push("bytes");
      return new Uint8Array(to - from);
    },
  };
  const decoded = [];
  const pool = {
    decode: async (_bytes, { kind }, frame, level) => {
      decoded.push(frame.crc32);
      return { samples: new Int16Array(4), level, columns: 2, rows: 2, kind, isSigned: true };
    },
  };
  const shared = { http, pool, shelves: new Shelves(), turns: new Turns(5) };
  return { ...shared, shared, asked, decoded, refused };
}

const warm = (one) => new WarmSeries({ ...one.shared, series: "s", version: 1, caseId: "c" });
const source = (one) => new FrameSource({ ...one.shared, series: "s", caseId: "c" });

test("the frame it opens at is decoded, those around are fetched, the rest is left", async () => {
  const one = page(metadata(100));
  const ready = warm(one);
  await ready.done;
  const shelf = one.shelves.find("s", 1);
  assert.deepEqual(one.decoded, [50]);
  const coded = metadata(100).frames.map((_, i) => i + 1);
  assert.deepEqual(
    coded.filter((n) => shelf.hasCoded(n)),
    [46, 47, 48, 49, 51, 52, 53, 54, 55, 56, 57, 58],
  );
  assert.ok(one.asked.filter((what) => what === "bytes").length <= 3);
  ready.close();
});

test("opened, the picture is there after its own grant and with no other request", async () => {
  const one = page(metadata(9));
  const ready = warm(one);
  await ready.done;
  ready.close();
  one.asked.length = 0;
  const opened = source(one);
  await opened.open(1);
  assert.equal(opened.picture(5).level, 0);
  assert.deepEqual(one.asked, ["grant display"]);
  opened.look(5, 1);
  await settled();
  assert.equal(opened.picture(6).level, 0);
  assert.ok(!one.asked.includes("bytes"), "those around were fetched already");
  opened.close();
});

test("without a grant to view it nothing that was made ready is shown, and it is dropped", async () => {
  const one = page(metadata(9));
  const ready = warm(one);
  await ready.done;
  ready.close();
  one.refused.add("display");
  const opened = source(one);
  assert.equal(opened.picture(5), null);
  await assert.rejects(opened.open(1), { code: "mdt.not_found" });
  assert.equal(opened.picture(5), null);
  assert.equal(one.shelves.find("s", 1), null);
});

test("while somebody waits for a picture nothing is made ready, and what was begun is given up", async () => {
  const one = page(metadata(9));
  const { getBytes } = one.http;
  const signals = [];
  one.http.getBytes = (_url, _from, _to, { signal }) => {
    signals.push(signal);
    return new Promise((_, reject) =>
      signal.addEventListener("abort", () => reject(signal.reason)),
    );
  };
  const ready = warm(one);
  await settled();
  assert.equal(signals.length, 1);
  one.turns.begin(one);
  assert.equal(signals[0].aborted, true);
  one.http.getBytes = getBytes;
  await settled();
  assert.equal(one.decoded.length, 0);
  one.turns.end(one);
  await ready.done;
  assert.deepEqual(one.decoded, [5]);
  ready.close();
});

test("closed while it works, it asks for nothing more", async () => {
  const one = page(metadata(9));
  const ready = warm(one);
  ready.close();
  await ready.done;
  await settled();
  assert.deepEqual(one.asked, []);
});

test("refused, it leaves nothing here", async () => {
  const one = page(metadata(9));
  one.refused.add("prefetch");
  await warm(one).done;
  assert.deepEqual(one.asked, ["grant prefetch"]);
  assert.equal(one.shelves.find("s", 1), null);
});

test("refused half way, it leaves nothing of what it had", async () => {
  const one = page(metadata(9));
  const { getBytes } = one.http;
  let tries = 0;
  one.http.getBytes = async (...range) => {
    if (tries++ > 0) throw REFUSAL;
    return getBytes(...range);
  };
  await warm(one).done;
  assert.deepEqual(one.decoded, [5]);
  assert.equal(one.shelves.find("s", 1), null);
});

test("a renewal that is refused takes away what was made ready", async (t) => {
  const one = page(metadata(9));
  const ready = warm(one);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  for (let i = 0; i < 60; i++) {
    t.mock.timers.tick(5);
    await Promise.resolve();
  }
  await ready.done;
  assert.ok(one.shelves.find("s", 1)?.picture(5));
  one.refused.add("prefetch");
  t.mock.timers.tick(40_000);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.equal(one.shelves.find("s", 1), null);
});

test("frames that are not made yet are not asked to be made for it", async () => {
  const document = metadata(3);
  for (const frame of document.frames) Object.assign(frame, { segment: null, length: 0 });
  const one = page(document);
  const ready = warm(one);
  await ready.done;
  assert.deepEqual(one.asked, ["grant prefetch", "metadata"]);
  ready.close();
});
