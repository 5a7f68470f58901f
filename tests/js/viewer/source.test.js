import assert from "node:assert/strict";
import { test } from "node:test";

import { HttpError } from "../../../static/js/shared/http.js";
import { DecodeError } from "../../../static/js/viewer/decoder-pool.js";
import { FrameSource } from "../../../static/js/viewer/frame-source.js";
import { sentence } from "../../../static/js/viewer/words.js";
import { metadata } from "./stack.js";

const settled = () => new Promise((resolve) => setTimeout(resolve, 20));

/** A server and a decoder that answer at once; tests put their own answers in their place. */
function fakes(document) {
  const asked = [];
  const http = {
    postJson: async (url, body) => {
      asked.push(["POST", url, body]);
      return { grant: "g", seconds: 60 };
    },
    getJson: async (url) => {
      asked.push(["GET", url]);
      return structuredClone(document);
    },
    getBytes: async (_url, from, to) => {
      asked.push(["BYTES", from, to]);
      return new Uint8Array(to - from);
    },
  };
  const pool = {
    decode: async (_bytes, image, _frame, level) => ({
      samples: new Int16Array(4),
      level,
      columns: 2,
      rows: 2,
      kind: image.kind,
      isSigned: true,
    }),
  };
  return { asked, http, pool };
}

async function opened({ http, pool }, more = {}) {
  const source = new FrameSource({ series: "s", caseId: "c", http, pool, ...more });
  const told = [];
  for (const type of ["frame", "trouble", "refused"]) {
    source.addEventListener(type, ({ detail }) => told.push([type, detail]));
  }
  await source.open();
  return { source, told };
}

test("the grant is asked for before the metadata, and once", async () => {
  const fake = fakes(metadata(3));
  const { source } = await opened(fake);
  assert.deepEqual(fake.asked, [
    ["POST", "/imaging/series/s/grant", { case: "c", purpose: "display" }],
    ["GET", "/imaging/series/s/metadata"],
  ]);
  source.close();
});

test("the small part of the frame looked at is asked for first, then its rest, then others", async () => {
  const document = metadata(3);
  for (const [i, frame] of document.frames.entries()) {
    const more = { offset: i * 90_000, length: 90_000, ends: [1, 2, 3, 4000, 20_000, 90_000] };
    Object.assign(frame, more);
  }
  const fake = fakes(document);
  const { source } = await opened(fake);
  source.look(2, 1);
  await settled();
  const bytes = fake.asked.filter(([what]) => what === "BYTES").slice(0, 2);
  assert.deepEqual(bytes, [
    ["BYTES", 90_000, 94_000],
    ["BYTES", 94_000, 180_000],
  ]);
  source.close();
});

test("a frame whose checksum differs is fetched once more and then given up", async () => {
  const fake = fakes(metadata(1));
  fake.pool.decode = async () => {
    throw new DecodeError("frame.crc");
  };
  const { source } = await opened(fake);
  source.look(1, 1);
  await settled();
  assert.equal(source.codeOf(1), "frame.crc");
  assert.equal(source.picture(1), null);
  assert.equal(fake.asked.filter(([what]) => what === "BYTES").length, 2);
  source.close();
});

test("a checksum that is right the second time is a whole picture", async () => {
  const fake = fakes(metadata(1));
  const { decode } = fake.pool;
  let tries = 0;
  fake.pool.decode = async (...job) => {
    if (tries++ === 0) throw new DecodeError("frame.crc");
    return decode(...job);
  };
  const { source } = await opened(fake);
  source.look(1, 1);
  await settled();
  assert.equal(source.codeOf(1), "");
  assert.equal(source.picture(1).level, 0);
  source.close();
});

test("what is kept is bounded in bytes, and what is near stays", async () => {
  const document = metadata(40, { rows: 2, columns: 2 });
  const fake = fakes(document);
  const { source } = await opened(fake, { memory: 80 });
  source.look(1, 1);
  await settled();
  for (let n = 2; n <= 40; n++) {
    source.look(n, 1);
    await settled();
  }
  const here = document.frames.map((_, i) => i + 1).filter((n) => source.picture(n));
  assert.ok(here.includes(40) && !here.includes(1));
  assert.ok(here.length <= 10, `${here.length} are kept`);
  source.close();
});

test("a newer wish gives up what is far from it", async () => {
  const document = metadata(100);
  const fake = fakes(document);
  const aborted = [];
  fake.http.getBytes = (_url, from, _to, { signal }) =>
    new Promise((_, reject) => {
      signal.addEventListener("abort", () => {
        aborted.push(from);
        reject(new DOMException("", "AbortError"));
      });
    });
  const { source } = await opened(fake);
  source.look(1, 1);
  await settled();
  source.look(90, 1);
  await settled();
  assert.ok(aborted.includes(0));
  assert.ok(aborted.every((from) => from < 50_000));
  source.close();
});

test("a frame not made yet is wanted first and fetched when it has a place", async () => {
  const document = metadata(5);
  for (const frame of document.frames) Object.assign(frame, { segment: null, length: 0 });
  const fake = fakes(document);
  const { source } = await opened(fake);
  fake.http.getJson = async () => metadata(5, {}, { version: 2 });
  source.look(4, 1);
  await settled();
  const want = fake.asked.find(([, url]) => String(url).endsWith("/want"));
  assert.deepEqual(want[2].frames, [4, 5, 3, 2, 1]);
  await settled();
  assert.equal(source.picture(4).level, 0);
  source.close();
});

test("places learnt later are matched by key, not by number", async () => {
  const document = metadata(2);
  Object.assign(document.frames[1], { segment: null, length: 0 });
  const fake = fakes(document);
  const { source } = await opened(fake);
  const newer = metadata(3, {}, { version: 2 });
  [newer.frames[1].key, newer.frames[2].key] = ["late", "key2"];
  fake.http.getJson = async () => newer;
  source.look(2, 1);
  await settled();
  await settled();
  const bytes = fake.asked.filter(([what]) => what === "BYTES").map(([, from]) => from);
  assert.ok(bytes.includes(2000) && !bytes.includes(1000));
  source.close();
});

test("a server that is away is said, and asked again", async (t) => {
  const fake = fakes(metadata(1));
  const { getBytes } = fake.http;
  const { source, told } = await opened(fake);
  fake.http.getBytes = async () => {
    throw new HttpError(503, "http.503", "away");
  };
  t.mock.timers.enable({ apis: ["setTimeout"] });
  source.look(1, 1);
  for (let i = 0; i < 20; i++) await Promise.resolve();
  assert.deepEqual(told.at(-1), ["trouble", { code: "http.503", message: "away" }]);
  fake.http.getBytes = getBytes;
  t.mock.timers.tick(1000);
  t.mock.timers.reset();
  await settled();
  assert.equal(source.picture(1).level, 0);
  source.close();
});

test("a token the server does not take is asked for anew", async () => {
  const fake = fakes(metadata(1));
  const { getBytes } = fake.http;
  let tries = 0;
  fake.http.getBytes = async (...request) => {
    if (tries++ === 0) throw new HttpError(404, "http.404", "no");
    return getBytes(...request);
  };
  const { source } = await opened(fake);
  source.look(1, 1);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.equal(source.picture(1).level, 0);
  const grants = fake.asked.filter(([, url]) => String(url).endsWith("/grant"));
  assert.deepEqual(
    grants.map(([, , body]) => body.renew),
    [undefined, "g"],
  );
  source.close();
});

test("that a picture was displayed is said until the server has heard it", async () => {
  const fake = fakes(metadata(1));
  const { source } = await opened(fake);
  const { postJson } = fake.http;
  let tries = 0;
  fake.http.postJson = async (url, body) => {
    if (url.endsWith("/displayed") && tries++ === 0) throw new HttpError(503, "http.503", "away");
    return postJson(url, body);
  };
  await source.displayed();
  assert.equal(fake.asked.at(-1)[1], "/imaging/series/s/displayed");
  source.close();
});

test("frames that are never made are asked for ever more slowly", async (t) => {
  const document = metadata(2);
  for (const frame of document.frames) Object.assign(frame, { segment: null, length: 0 });
  const fake = fakes(document);
  const { source } = await opened(fake);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  source.look(1, 1);
  for (let i = 0; i < 600; i++) {
    t.mock.timers.tick(100);
    for (let n = 0; n < 20; n++) await Promise.resolve();
  }
  const rounds = fake.asked.filter(([what]) => what === "GET").length;
  assert.ok(rounds > 20 && rounds < 45, `${rounds} in a minute`);
  source.close();
});

/** A series in two segments, of which the server refuses the second to `refused(token)`. */
function halved(refused) {
  const document = metadata(6);
  for (const [i, frame] of document.frames.entries()) {
    if (i >= 3) Object.assign(frame, { segment: 2, offset: (i - 3) * 1000 });
  }
  const fake = fakes(document);
  const { getBytes } = fake.http;
  fake.http.getBytes = async (url, ...range) => {
    fake.asked.push(["SEGMENT", url.at(-1)]);
    const error = url.endsWith("/2") && refused();
    if (error) throw error;
    return getBytes(url, ...range);
  };
  return fake;
}

const REFUSALS = [
  ["not there", new HttpError(404, "mdt.not_found", "no")],
  ["broken", new HttpError(500, "http.500", "no")],
];
for (const [name, error] of REFUSALS) {
  test(`a segment that is ${name} fails its own frames, and the others are shown`, async (t) => {
    const fake = halved(() => error);
    const { source, told } = await opened(fake);
    t.mock.timers.enable({ apis: ["setTimeout"] });
    source.look(4, -1);
    for (let i = 0; i < 40; i++) {
      t.mock.timers.tick(100);
      for (let n = 0; n < 20; n++) await Promise.resolve();
    }
    assert.equal(source.codeOf(4), "frame.not_served");
    assert.equal(source.picture(3).level, 0);
    assert.equal(source.codeOf(3), "");
    assert.ok(!told.some(([type]) => type === "refused"));
    const tries = fake.asked.filter(([what, n]) => what === "SEGMENT" && n === "2").length;
    assert.ok(tries <= 6, `${tries} requests`);
    source.close();
  });
}

test("a frame that could not be had is asked for again when somebody comes back to it", async (t) => {
  let isAway = true;
  const fake = halved(() => isAway && new HttpError(404, "mdt.not_found", "no"));
  const { source } = await opened(fake);
  t.mock.timers.enable({ apis: ["setTimeout"] });
  const wait = async () => {
    for (let i = 0; i < 30; i++) {
      t.mock.timers.tick(100);
      for (let n = 0; n < 20; n++) await Promise.resolve();
    }
  };
  source.look(5, 1);
  await wait();
  assert.equal(source.codeOf(5), "frame.not_served");
  isAway = false;
  source.look(1, -1);
  await wait();
  assert.equal(source.picture(5), null);
  source.look(5, 1);
  await wait();
  assert.equal(source.codeOf(5), "");
  assert.equal(source.picture(5).level, 0);
  source.close();
});

test("a grant that is refused takes the whole series off the screen", async () => {
  const fake = fakes(metadata(2));
  const { source, told } = await opened(fake);
  const refusal = new HttpError(404, "mdt.not_found", "no");
  fake.http.getBytes = async () => Promise.reject(refusal);
  fake.http.postJson = async () => Promise.reject(refusal);
  source.look(1, 1);
  await new Promise((resolve) => setTimeout(resolve, 1100));
  assert.deepEqual(told.at(-1), ["refused", { code: "mdt.not_found", message: "no" }]);
  assert.equal(source.picture(1), null);
});

test("a series that could not be made is told so in words, and shown once it is made after all", async () => {
  const fake = fakes(metadata(1));
  const { getJson } = fake.http;
  let isMade = false;
  fake.http.getJson = async (...asked) => {
    if (isMade) return getJson(...asked);
    isMade = true;
    throw new HttpError(404, "series.not_made", "The pictures could not be made here.");
  };
  const { source, told } = await opened(fake);
  const [[type, { code, message }]] = told;
  assert.deepEqual([type, code], ["trouble", "series.not_made"]);
  assert.match(sentence(code, message), /could not be made here\. Ask the coordinator/);
  assert.match(sentence("frame.lost"), /lost here and is fetched again/);
  source.look(1, 1);
  await settled();
  assert.equal(source.picture(1).level, 0);
  source.close();
});
