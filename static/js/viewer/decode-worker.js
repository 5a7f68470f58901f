// A classic worker: the codec is an emscripten build that is loaded by importScripts. It says
// nothing of its own accord; each message in is answered by one message out with the same id.

/** @type {any} */
const scope = globalThis;
const CRC_TABLES = makeCrcTables();

/** @type {any} */
let codec = null;
/** @type {any} */
let decoder = null;

scope.onmessage = async (/** @type {MessageEvent} */ { data }) => {
  try {
    if (data.codec) await open(data);
    else answer(decoded(data));
  } catch {
    decoder = null;
    scope.postMessage({ id: data.id, code: data.codec ? "decoder.missing" : "frame.undecodable" });
  }
};

/** @param {{ id: number, codec: string, wasm: string }} message */
async function open({ id, codec: codecUrl, wasm }) {
  scope.importScripts(codecUrl);
  codec = await scope.Module({ locateFile: () => wasm });
  scope.postMessage({ id });
}

/** @param {{ id: number, code?: string, samples?: ArrayBuffer }} message */
function answer(message) {
  scope.postMessage(message, message.samples ? [message.samples] : []);
}

/**
 * The samples of a frame, or of the part of it that `bytes` hold at a lower level. The codec
 * decodes damaged bytes without complaint: only the checksum of the whole tells.
 *
 * @param {{ id: number, bytes: Uint8Array, level: number, size: number, crc32: number }} job
 */
function decoded({ id, bytes, level, size, crc32: expected }) {
  decoder ??= new codec.HTJ2KDecoder();
  decoder.getEncodedBuffer(bytes.length).set(bytes);
  decoder.decodeSubResolution(level);
  const samples = decoder.getDecodedBuffer().slice();
  if (samples.length !== size) return { id, code: "frame.mismatch" };
  if (level === 0 && crc32(samples) !== expected) return { id, code: "frame.crc" };
  return { id, samples: samples.buffer };
}

/**
 * The checksum of zlib and PNG (ISO 3309), four bytes at a time.
 *
 * @param {Uint8Array} bytes
 */
function crc32(bytes) {
  const [t0, t1, t2, t3] = CRC_TABLES;
  const words = new Uint32Array(bytes.buffer, bytes.byteOffset, bytes.length >>> 2);
  let crc = 0xffffffff;
  for (let i = 0; i < words.length; i++) {
    crc ^= words[i];
    crc = t3[crc & 255] ^ t2[(crc >>> 8) & 255] ^ t1[(crc >>> 16) & 255] ^ t0[crc >>> 24];
  }
  for (let i = words.length * 4; i < bytes.length; i++) {
    crc = t0[(crc ^ bytes[i]) & 255] ^ (crc >>> 8);
  }
  return (crc ^ 0xffffffff) >>> 0;
}

function makeCrcTables() {
  const tables = [0, 1, 2, 3].map(() => new Uint32Array(256));
  for (let n = 0; n < 256; n++) {
    let crc = n;
    for (let bit = 0; bit < 8; bit++) crc = crc & 1 ? (crc >>> 1) ^ 0xedb88320 : crc >>> 1;
    tables[0][n] = crc;
  }
  for (let n = 0; n < 256; n++) {
    for (let t = 1; t < 4; t++) {
      const last = tables[t - 1][n];
      tables[t][n] = tables[0][last & 255] ^ (last >>> 8);
    }
  }
  return tables;
}
