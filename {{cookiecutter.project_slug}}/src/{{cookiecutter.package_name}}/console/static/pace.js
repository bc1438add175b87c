// How fast a reader takes what comes: when it waits, so does the service.
import { pause } from "./clients/streaming/connection.js";

const SECOND = 1000;

export class Pace {
  /** At most `perSecond` on average, from now on; 0 is as fast as they come. */
  constructor(perSecond) {
    this.perSecond = perSecond;
    this.due = performance.now();
  }

  /** Waits until `count` more may be taken; `signal` ends the wait, and throws. */
  async take(count, signal) {
    if (!this.perSecond) return;
    const now = performance.now();
    this.due = Math.max(this.due, now) + (SECOND * count) / this.perSecond;
    await pause(this.due - now, signal);
  }
}
