import assert from "node:assert/strict";
import { test } from "node:test";

import { Turns } from "../../../static/js/viewer/turns.js";

const after = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const begun = async (lull) => (await Promise.race([lull, after(1)])) !== undefined;

test("a lull begins when nobody has wanted anything for a while", async () => {
  const turns = new Turns(20);
  const [one, other] = [{}, {}];
  turns.begin(one);
  turns.begin(other);
  const lull = turns.lull();
  turns.end(one);
  await after(40);
  assert.equal(await begun(lull), false);
  turns.end(other);
  assert.equal(await begun(lull), false);
  await after(40);
  assert.equal((await lull).aborted, false);
});

test("it ends the moment somebody wants something, and the next is waited for", async () => {
  const turns = new Turns(10);
  const signal = await turns.lull();
  const one = {};
  turns.begin(one);
  assert.equal(signal.aborted, true);
  const next = turns.lull();
  turns.end(one);
  assert.equal((await next).aborted, false);
});

test("a short wish puts the lull off", async () => {
  const turns = new Turns(30);
  const lull = turns.lull();
  for (let i = 0; i < 4; i++) {
    await after(15);
    turns.begin(turns);
    turns.end(turns);
  }
  assert.equal(await begun(lull), false);
  assert.equal((await lull).aborted, false);
});
