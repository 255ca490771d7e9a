/** When the page is recorded, and as which epoch: once somebody is let in, not while paused, not when nobody is here. */
import { WINDOW_MS } from "../log";
import type { Entries } from "./entries";
import type { Recorder } from "./recorder";

/** When nobody has been here for as long as the log reaches back, nobody could go on from it. */
const REST_AFTER_MS = WINDOW_MS;

export class Recording {
  /** The epoch that the server has granted; 0 when another is to be asked for. */
  epoch = 0;
  /** Nobody has been here for long: nothing is recorded until somebody comes. */
  isResting = false;
  private emptySince = Number.POSITIVE_INFINITY;

  /** `last`: the highest epoch of an earlier page; `begin` asks the server for another epoch. */
  constructor(
    private readonly recorder: Recorder,
    private readonly entries: Entries,
    private last: number,
    public paused: boolean,
    private readonly begin: () => void,
  ) {}

  /** The highest epoch that was ever granted, as far as is known here. */
  get lastEpoch(): number {
    return Math.max(this.last, this.epoch);
  }

  /** Record in the granted epoch, as soon as the page is there; a rest ends with another epoch. */
  record(): void {
    if (this.epoch === 0) return;
    this.isResting = false;
    if (this.recorder.epoch === this.epoch) {
      if (!this.paused && !this.recorder.isRecording) this.begin();
      return;
    }
    if (document.readyState === "loading") {
      document.addEventListener("DOMContentLoaded", () => this.record(), { once: true });
      return;
    }
    this.entries.begin();
    this.emptySince = performance.now();
    this.recorder.begin(this.epoch, !this.paused);
  }

  /** The next connection is to ask for another epoch. */
  renew(last = 0): void {
    this.last = Math.max(this.lastEpoch, last);
    this.epoch = 0;
  }

  /** Call about once a second, with how many are here. */
  tick(audience: number): void {
    if (audience > 0) this.emptySince = Number.POSITIVE_INFINITY;
    else this.emptySince = Math.min(this.emptySince, performance.now());
    if (!this.recorder.isRecording || performance.now() - this.emptySince <= REST_AFTER_MS) return;
    this.isResting = true;
    this.recorder.stop();
  }
}
