// The least a follower's page can do: the newest message, drawn and read back at the next frame.
const canvas = /** @type {HTMLCanvasElement} */ (document.getElementById("canvas"));
const gl = /** @type {WebGL2RenderingContext} */ (canvas.getContext("webgl2"));
const socket = new WebSocket(`ws://${location.host}/relay`);
/** @type {Map<number, number>} */
const seenAt = new Map();
const pixel = new Uint8Array(4);
let newest = 0;
let isDue = false;

socket.addEventListener("message", ({ data }) => {
  newest = Number(data);
  if (isDue) return;
  isDue = true;
  requestAnimationFrame(() => {
    isDue = false;
    gl.clearColor((newest % 256) / 255, 0, 0, 1);
    gl.clear(gl.COLOR_BUFFER_BIT);
    gl.readPixels(512, 384, 1, 1, gl.RGBA, gl.UNSIGNED_BYTE, pixel);
    if (pixel[0] === newest % 256) seenAt.set(newest, performance.timeOrigin + performance.now());
  });
});

Object.assign(window, { seenAt, isReady: () => socket.readyState === WebSocket.OPEN });
