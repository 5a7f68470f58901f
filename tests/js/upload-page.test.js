import assert from "node:assert/strict";
import { test } from "node:test";
import { partsOf, progressWords, Sending } from "../../static/js/pages/upload-page.js";
import { HttpError } from "../../static/js/shared/http.js";

const file = (/** @type {string} */ text) => ({
  size: text.length,
  slice: (/** @type {number} */ from, /** @type {number} */ to) =>
    /** @type {any} */ (text.slice(from, to)),
});

/**
 * A server that keeps parts as ours does. `answers` go before its own, an error is thrown; `lost`
 * are as many answers to an end as it gives in vain, `unheard` as many ends as never reach it.
 */
function server(answers = [], { lost = 0, unheard = 0 } = {}) {
  const came = new Map();
  const said = [];
  let isTaken = false;
  const postJson = async (url, body) => {
    said.push([url, body]);
    if (!url.endsWith("/done")) return { id: "u", part_bytes: 4 };
    if (unheard-- > 0) throw new HttpError(0, "network", "No answer.");
    if (!isTaken && body.files === 0) throw new HttpError(422, "upload.empty", "Nothing came.");
    isTaken = true;
    if (lost-- > 0) throw new HttpError(0, "network", "No answer.");
  };
  const postBytes = async (url, bytes) => {
    const answer = answers.shift();
    if (answer) throw answer;
    came.set(url, bytes);
  };
  return { came, said, http: { postJson, postBytes } };
}

test("a file is sent in parts, each with its number and place, and the end says how much", async () => {
  const { came, said, http } = server();
  let sent = 0;
  const onSent = (bytes) => {
    sent += bytes;
  };
  const files = [file("abcdefghij"), file("xy")];
  await new Sending("/up", files, onSent, new AbortController().signal, http).send("RM3");
  assert.deepEqual(Object.fromEntries(came), {
    "/up/u/files/1/0": "abcd",
    "/up/u/files/1/4": "efgh",
    "/up/u/files/1/8": "ij",
    "/up/u/files/2/0": "xy",
  });
  assert.equal(sent, 12);
  assert.deepEqual(said, [
    ["/up", { trust: "RM3" }],
    ["/up/u/done", { files: 2, size: 12 }],
  ]);
});

test("a part that found no answer is sent again", async () => {
  const { came, said, http } = server([new HttpError(0, "network", "No answer.")]);
  await new Sending("/up", [file("ab")], () => {}, new AbortController().signal, http).send("RM3");
  assert.equal(came.get("/up/u/files/1/0"), "ab");
  assert.deepEqual(said.at(-1), ["/up/u/done", { files: 1, size: 2 }]);
});

test("a part that is refused ends everything, and the server is told", async () => {
  const { came, said, http } = server([new HttpError(422, "upload.too_large", "Too large.")]);
  const sending = new Sending("/up", [file("ab")], () => {}, new AbortController().signal, http);
  await assert.rejects(sending.send("RM3"), { code: "upload.too_large" });
  assert.equal(came.size, 0);
  assert.deepEqual(said.at(-1), ["/up/u/done", { files: 0, size: 0 }]);
});

const NO_MORE = new AbortController().signal;

test("an end whose answer was lost is said once more, and is no refusal", async () => {
  const { said, http } = server([], { lost: 1 });
  const sending = new Sending("/up", [file("ab")], () => {}, NO_MORE, http);
  await sending.send("RM3");
  assert.deepEqual(said.slice(1), [
    ["/up/u/done", { files: 1, size: 2 }],
    ["/up/u/done", { files: 1, size: 2 }],
  ]);
  assert.equal(sending.isUnsure, false);
});

test("what the server took counts as sent, though two answers were lost", async () => {
  const { said, http } = server([], { lost: 2 });
  const sending = new Sending("/up", [file("ab")], () => {}, NO_MORE, http);
  await sending.send("RM3");
  assert.deepEqual(said.at(-1), ["/up/u/done", { files: 0, size: 0 }]);
});

test("an end that was never heard took nothing, once the server says so", async () => {
  const { http } = server([], { unheard: 2 });
  const sending = new Sending("/up", [file("ab")], () => {}, NO_MORE, http);
  await assert.rejects(sending.send("RM3"), { code: "network" });
  assert.equal(sending.isUnsure, false);
});

test("where no end was answered, nothing is said of what was taken", async () => {
  const { http } = server([], { lost: 3 });
  const sending = new Sending("/up", [file("ab")], () => {}, NO_MORE, http);
  await assert.rejects(sending.send("RM3"), { code: "network" });
  assert.equal(sending.isUnsure, true);
});

test("parts cover a file without gap or overlap", () => {
  assert.deepEqual(partsOf(0, 4), []);
  assert.deepEqual(partsOf(4, 4), [{ at: 0, to: 4 }]);
  assert.deepEqual(partsOf(5, 4), [
    { at: 0, to: 4 },
    { at: 4, to: 5 },
  ]);
});

test("progress is said in megabytes, and with the time left once there is a pace", () => {
  assert.equal(progressWords(0, 1_180e6, 5000), "0 of 1,180 MB");
  assert.equal(progressWords(412e6, 1_180e6, 1000), "412 of 1,180 MB");
  assert.equal(progressWords(590e6, 1_180e6, 60_000), "590 of 1,180 MB, about 60 s left");
  assert.equal(progressWords(118e6, 1_180e6, 60_000), "118 of 1,180 MB, about 9 min left");
});
