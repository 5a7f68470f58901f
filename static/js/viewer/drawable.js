/** @import { Image, Metadata } from "./types.js" */

/**
 * Why a frame is not drawn here, as a code of words.js; "" where it can be. What is kept as it came
 * is no HTJ2K, whatever it is: nothing of it is fetched and nothing decoded.
 *
 * @param {Metadata} metadata
 * @param {number} number - from 1
 */
export function whyNotDrawn({ images, frames }, number) {
  const { code, image } = frames[number - 1];
  return code || codeOf(images[image]);
}

/** @param {Image} image */
function codeOf({ encoding, media_type: kind }) {
  if (!encoding) return "";
  return kind?.startsWith("video/") ? "viewer.no_video" : "viewer.no_slide";
}
