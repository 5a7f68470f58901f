import assert from "node:assert/strict";
import { afterEach, beforeEach, test } from "node:test";

import { DecoderPool } from "../../../static/js/viewer/decoder-pool.js";
import { frame, IMAGE } from "./stack.js";

const ASSETS = { worker: "w.js", codec: "c.js", wasm: "c.wasm" };
const SMALL = { ...IMAGE, rows: 1, columns: 1 };

let workers = [];

/** A worker that answers when the test says so. */
class FakeWorker extends EventTarget {
  asked = [];

  constructor() {
    super();
    workers.push(this);
  }

  postMessage(message) {
    this.asked.push(message);
  }

  say(data) {
    this.dispatchEvent(new MessageEvent("message", { data }));
  }

  answer() {
    this.say({ id: this.asked.at(-1).id, samples: new ArrayBuffer(2) });
  }

  terminate() {}
}

beforeEach(() => {
  workers = [];
  globalThis.Worker = FakeWorker;
  const value = { hardwareConcurrency: 2 }; // one worker
  Object.defineProperty(globalThis, "navigator", { value, configurable: true });
});
afterEach(() => {
  delete globalThis.Worker;
  delete globalThis.navigator;
});

function poolOfOne() {
  const pool = new DecoderPool(ASSETS);
  workers[0].say({ id: 0 });
  return pool;
}

function decode(pool, number, { isFirst = false, signal = new AbortController().signal } = {}) {
  return pool.decode(new Uint8Array(1), SMALL, frame(number), 0, { isFirst, signal });
}

const decoded = () => workers[0].asked.slice(1).map(({ crc32 }) => crc32);

test("the frame looked at is decoded before those that wait", async () => {
  const pool = poolOfOne();
  const all = [decode(pool, 1), decode(pool, 2), decode(pool, 3, { isFirst: true })];
  for (let n = 0; n < 3; n++) workers[0].answer();
  await Promise.all(all);
  assert.deepEqual(decoded(), [1, 3, 2]);
});

test("a frame given up while it waits is not decoded", async () => {
  const pool = poolOfOne();
  const stop = new AbortController();
  const all = [decode(pool, 1), decode(pool, 2, { signal: stop.signal }), decode(pool, 3)];
  stop.abort();
  const refused = assert.rejects(all[1], { name: "AbortError" });
  for (let n = 0; n < 2; n++) workers[0].answer();
  await Promise.all([all[0], all[2], refused]);
  assert.deepEqual(decoded(), [1, 3]);
});

test("without a decoder every frame is refused, also those asked for later", async () => {
  const pool = new DecoderPool(ASSETS);
  const early = assert.rejects(decode(pool, 1), { code: "decoder.missing" });
  for (const worker of workers) worker.say({ id: 0, code: "decoder.missing" });
  await early;
  await assert.rejects(decode(pool, 2), { code: "decoder.missing" });
});

test("a decoder that dies at work loses its frame and is replaced", async () => {
  const pool = poolOfOne();
  const lost = assert.rejects(decode(pool, 1), { code: "frame.undecodable" });
  const next = decode(pool, 2);
  workers[0].dispatchEvent(new Event("error"));
  await lost;
  workers[1].say({ id: 0 });
  workers[1].answer();
  assert.equal((await next).level, 0);
});
