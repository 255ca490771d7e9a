// @vitest-environment happy-dom
/** When the page is recorded: not when nobody has been here for long, and then in another epoch. */
import { beforeEach, describe, expect, it, vi } from "vitest";
import { WINDOW_MS } from "../log";
import type { Entries } from "./entries";
import type { Recorder } from "./recorder";
import { Recording } from "./recording";

const TICK_MS = 1_000;

let now = 0;

beforeEach(() => {
  now = 10_000;
  vi.spyOn(performance, "now").mockImplementation(() => now);
});

/** A recording in its first epoch, what it has told, and the server, which grants what is asked for. */
function made(paused = false) {
  const told: string[] = [];
  const recorder = {
    epoch: 0,
    isRecording: false,
    begin(epoch: number, recording: boolean) {
      this.epoch = epoch;
      this.isRecording = recording;
      told.push(`epoch ${epoch}`);
    },
    stop() {
      this.isRecording = false;
      told.push("stopped");
    },
  };
  const entries = { begin: () => {} };
  const begin = () => told.push("asked for another");
  const recording = new Recording(recorder as unknown as Recorder, entries as unknown as Entries, 0, paused, begin);
  const granted = (epoch: number) => {
    recording.epoch = epoch;
    recording.record();
  };
  /** So much time goes by, with so many here. */
  const pass = (ms: number, audience: number) => {
    for (const end = now + ms; now < end; ) {
      now += TICK_MS;
      recording.tick(audience);
    }
  };
  granted(1);
  return { recording, recorder, told, granted, pass };
}

describe("Recording", () => {
  it("goes on for as long as somebody is here", () => {
    const { told, pass } = made();
    pass(10 * WINDOW_MS, 1);
    expect(told).toEqual(["epoch 1"]);
  });

  it("stops when nobody has been here for as long as the log reaches back, counted from the last who left", () => {
    const { recorder, told, pass } = made();
    pass(WINDOW_MS - TICK_MS, 0);
    pass(TICK_MS, 1);
    // From the first look that finds nobody.
    pass(TICK_MS + WINDOW_MS, 0);
    expect([told, recorder.isRecording]).toEqual([["epoch 1"], true]);
    pass(TICK_MS, 0);
    expect([told, recorder.isRecording]).toEqual([["epoch 1", "stopped"], false]);
    pass(WINDOW_MS, 0);
    expect(told).toHaveLength(2);
  });

  it("stops too when nobody has come since it began", () => {
    const { told, pass } = made();
    pass(WINDOW_MS, 0);
    expect(told).toEqual(["epoch 1"]);
    pass(TICK_MS, 0);
    expect(told).toEqual(["epoch 1", "stopped"]);
  });

  it("begins again as another epoch when somebody comes, and rests again in its time", () => {
    const { recording, recorder, told, granted, pass } = made();
    pass(WINDOW_MS + TICK_MS, 0);
    expect(recording.isResting).toBe(true);
    recording.record();
    expect(recording.isResting).toBe(false);
    expect([told, recorder.isRecording]).toEqual([["epoch 1", "stopped", "asked for another"], false]);
    granted(2);
    recording.record();
    expect(told.slice(3)).toEqual(["epoch 2"]);
    expect([recorder.isRecording, recording.lastEpoch]).toEqual([true, 2]);
    pass(WINDOW_MS, 0);
    expect(told).toHaveLength(4);
    pass(TICK_MS, 0);
    expect(told.slice(4)).toEqual(["stopped"]);
  });

  it("does not begin again while it is paused", () => {
    const { recording, told, pass } = made(true);
    pass(2 * WINDOW_MS, 0);
    recording.record();
    expect(told).toEqual(["epoch 1"]);
  });
});
