import { HttpError } from "../shared/http.js";

/** @import { Turns } from "./turns.js" */

const MAY_COME = ["series.not_here", "series.not_made"];
const PAUSES_MS = [500, 1000, 2000, 4000];

/**
 * Asked again and again, ever more slowly, while the server is away or has nothing yet. Rejects
 * with the HttpError of a refusal, or with the reason of the signal.
 *
 * @template T
 * @param {() => Promise<T>} ask
 * @param {{ signal: AbortSignal, turns: Turns, trouble: (error: HttpError) => void }} around
 * @returns {Promise<T>}
 */
export async function patiently(ask, { signal, turns, trouble }) {
  for (let round = 0; ; round++) {
    const turn = {};
    turns.begin(turn);
    try {
      return await ask();
    } catch (error) {
      if (!(error instanceof HttpError) || isRefusal(error)) throw error;
      trouble(error);
    } finally {
      turns.end(turn); // what is not there yet holds nothing else up
    }
    const ms = PAUSES_MS[Math.min(round, PAUSES_MS.length - 1)];
    await new Promise((resolve) => setTimeout(resolve, ms));
    signal.throwIfAborted();
  }
}

/** Whether asking again cannot help. @param {unknown} error @returns {error is HttpError} */
export function isRefusal(error) {
  return error instanceof HttpError && !error.mayRetry && !mayCome(error.code);
}

/** Whether pictures that are not there may still come. @param {string} code */
export function mayCome(code) {
  return MAY_COME.includes(code);
}
