/** The stream of snapshots: opens it, notices when it is lost, opens it again. */

const RETRY_MS = 2_000;
const CHECK_MS = 1_000;
// Comments keep the connection open but are not seen here: after this long without a snapshot the
// stream is opened anew, and the server sends where things stand.
const SILENCE_MS = 30_000;
const ANSWER_MS = 10_000;

/**
 * `onSnapshot` gets each snapshot; `onConnection` once a second, and at every change, whether the
 * stream is open and the time since the last snapshot in ms (null: none yet).
 */
export class LiveStream {
  /**
   * @param {(snapshot: import("./types.js").Snapshot) => void} onSnapshot
   * @param {(open: boolean, age: number|null) => void} onConnection
   */
  constructor(onSnapshot, onConnection) {
    this.onSnapshot = onSnapshot;
    this.onConnection = onConnection;
    /** @type {EventSource|null} */
    this.source = null;
    this.open = false;
    this.askedAt = 0;
    /** @type {number|null} */
    this.heardAt = null;
    this.connect();
    setInterval(() => this.check(), CHECK_MS);
  }

  connect() {
    this.source?.close();
    this.askedAt = performance.now();
    this.source = new EventSource("/api/live");
    this.source.addEventListener("snapshot", (event) => this.hear(event.data));
    this.source.addEventListener("error", () => this.lose());
  }

  /** @param {string} data */
  hear(data) {
    this.heardAt = performance.now();
    this.open = true;
    this.onSnapshot(JSON.parse(data));
    this.say();
  }

  lose() {
    // The browser would retry by itself, but not after an answer that is no stream.
    this.source?.close();
    this.source = null;
    this.open = false;
    this.say();
  }

  check() {
    const now = performance.now();
    const heard = this.heardAt ?? -Infinity;
    if (this.source === null) {
      if (now - this.askedAt >= RETRY_MS) this.connect();
    } else if (heard >= this.askedAt) {
      if (now - heard >= SILENCE_MS) this.connect();
    } else if (now - this.askedAt >= ANSWER_MS) {
      this.lose();
    }
    this.say();
  }

  say() {
    const age = this.heardAt === null ? null : performance.now() - this.heardAt;
    this.onConnection(this.open, age);
  }
}
