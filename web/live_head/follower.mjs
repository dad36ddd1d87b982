// Loads the newest of what comes, and leaves most of the time to others. No DOM.

const SHARE = 0.1; // of the time that loading and drawing may take
const LONGEST = 20_000; // milliseconds of a pause: what took long may have waited for the server, or have failed

export class Follower {
  /** `load(url)` ends when it is done; `now()` and `wait(ms)` are the clock. */
  constructor(load, now = () => performance.now(), wait = (ms) => new Promise((done) => setTimeout(done, ms))) {
    Object.assign(this, { load, now, wait, next: null, busy: false });
  }

  /** The newest address; those that nobody had time for are passed over. */
  async offer(url) {
    this.next = url;
    if (this.busy) return;
    this.busy = true;
    while (this.next !== null) {
      const start = this.now();
      const wanted = this.next;
      this.next = null;
      await this.load(wanted);
      await this.wait(Math.min(LONGEST, (this.now() - start) * (1 / SHARE - 1)));
    }
    this.busy = false;
  }

  /** Nothing that came before is wanted any more. */
  end() {
    this.next = null;
  }
}
