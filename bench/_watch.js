// Added to every page before its own scripts: when hands moved, when messages left and came, and
// what was on a canvas after each picture was drawn, by reading it back before the frame ends.
(() => {
  const now = () => performance.timeOrigin + performance.now();
  const watch = {
    // "mark": a signature of each picture; "whole": all of its bytes; "later": a signature too,
    // read back without making the page wait for the graphics, and told by marks()
    level: "off",
    wheels: [],
    clicks: [],
    sent: [],
    heard: [],
    draws: [],
    frames: 0,
    clear() {
      for (const list of ["wheels", "clicks", "sent", "heard", "draws"]) watch[list] = [];
      watch.frames = 0;
    },
    countFrames() {
      watch.frames += 1;
      requestAnimationFrame(watch.countFrames);
    },
    /** The signatures of "later", fetched now that all was measured. */
    marks() {
      for (const draw of watch.draws) draw.mark = fetched(draw);
      return watch.draws.map(({ startedAt, at, mark }) => ({ startedAt, at, mark }));
    },
    /** SHA-256 of each picture's bytes, top row first, made only after all was measured. */
    async digests() {
      const made = [];
      for (const { startedAt, at, width, height, bytes } of watch.draws) {
        const digest = await crypto.subtle.digest("SHA-256", bytes);
        const sha256 = Array.from(new Uint8Array(digest), (b) => b.toString(16).padStart(2, "0"));
        const isLit = bytes.some((value, i) => i % 4 !== 3 && value > 0);
        made.push({ startedAt, at, width, height, isLit, sha256: sha256.join("") });
      }
      return made;
    },
  };

  const MARK = 24; // canvas pixels a side, in the middle of the picture
  const small = new Uint8Array(MARK * MARK * 4);

  /** The middle of the canvas, into `small` or, from offset 0, into the buffer that is bound. */
  const readMiddle = (gl, target) => {
    const x = Math.floor((gl.drawingBufferWidth - MARK) / 2);
    const y = Math.floor((gl.drawingBufferHeight - MARK) / 2);
    gl.readPixels(x, y, MARK, MARK, gl.RGBA, gl.UNSIGNED_BYTE, target);
  };

  const signature = (gl) => {
    readMiddle(gl, small);
    return hashed();
  };

  /** The same reading, queued behind the drawing: the page goes on, the bytes come later. */
  const queued = (gl) => {
    const buffer = gl.createBuffer();
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.bufferData(gl.PIXEL_PACK_BUFFER, small.length, gl.STREAM_READ);
    readMiddle(gl, 0);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    return { gl, buffer };
  };

  const fetched = ({ gl, buffer }) => {
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, buffer);
    gl.getBufferSubData(gl.PIXEL_PACK_BUFFER, 0, small);
    gl.bindBuffer(gl.PIXEL_PACK_BUFFER, null);
    gl.deleteBuffer(buffer);
    return hashed();
  };

  /** FNV-1a of `small`. */
  const hashed = () => {
    let hash = 2166136261;
    for (let i = 0; i < small.length; i += 4) hash = Math.imul(hash ^ small[i], 16777619);
    return hash >>> 0;
  };

  const whole = (gl) => {
    const bytes = new Uint8Array(gl.drawingBufferWidth * gl.drawingBufferHeight * 4);
    const [width, height] = [gl.drawingBufferWidth, gl.drawingBufferHeight];
    gl.readPixels(0, 0, width, height, gl.RGBA, gl.UNSIGNED_BYTE, bytes);
    const at = now();
    return { at, width, height, bytes };
  };

  const upright = (picture) => {
    const { width, height, bytes } = picture;
    const turned = new Uint8Array(bytes.length);
    for (let row = 0; row < height; row++) {
      const from = (height - 1 - row) * width * 4;
      turned.set(bytes.subarray(from, from + width * 4), row * width * 4);
    }
    return { ...picture, bytes: turned };
  };

  const look = (gl, startedAt) => {
    if (gl.isContextLost()) return;
    if (watch.level === "whole") watch.draws.push({ startedAt, ...upright(whole(gl)) });
    else if (watch.level === "later") watch.draws.push({ startedAt, ...queued(gl), at: now() });
    else watch.draws.push({ startedAt, mark: signature(gl), at: now() });
  };

  const proto = WebGL2RenderingContext.prototype;
  for (const name of ["drawArrays", "drawElements"]) {
    const draw = proto[name];
    proto[name] = function (...all) {
      const startedAt = now();
      draw.apply(this, all);
      if (watch.level !== "off") queueMicrotask(() => look(this, startedAt));
    };
  }

  const send = WebSocket.prototype.send;
  WebSocket.prototype.send = function (data) {
    watch.sent.push({ at: now(), text: String(data).slice(0, 60) });
    return send.call(this, data);
  };
  window.WebSocket = class extends WebSocket {
    constructor(...all) {
      super(...all);
      this.addEventListener("message", ({ data }) => {
        watch.heard.push({ at: now(), text: String(data).slice(0, 60) });
      });
    }
  };

  const early = { capture: true, passive: true };
  addEventListener("wheel", () => watch.wheels.push(now()), early);
  addEventListener("click", () => watch.clicks.push(now()), early);
  requestAnimationFrame(watch.countFrames);
  window.watch = watch;
})();
