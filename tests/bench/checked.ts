/** What a page tells, into the viewer's player, with the check of every event and without it: how long each takes. */
import { record } from "@rrweb/record";
import type { eventWithTime } from "@rrweb/types";
import { Player } from "../../client/src/viewer/player";

declare const steps: { fast(seed: number, count: number, together: number): Promise<void> };

const UNCHECKED = () => ({ check: () => true });

const checked = {
  told: "" as string,
  /** Record the page and that many steps of it. */
  async record(count: number): Promise<number> {
    const events: eventWithTime[] = [];
    const stop = record({ emit: (event) => events.push(event), blockSelector: "#players" });
    await steps.fast(1, count, 1);
    await new Promise((resolve) => setTimeout(resolve, 100));
    stop?.();
    this.told = JSON.stringify(events.filter(({ type }) => type >= 2));
    return events.length;
  },
  /** How long the page takes, and all that happened in it, in ms. */
  play(check: boolean): { page: number; changes: number } {
    const root = document.body.appendChild(document.createElement("div"));
    const player = new Player(root, () => {}, ...(check ? [] : [UNCHECKED]));
    const events: eventWithTime[] = JSON.parse(this.told);
    const first = events.findIndex(({ type }) => type === 3);
    const began = performance.now();
    player.restore(events.slice(0, first));
    const built = performance.now();
    player.apply(events.slice(first));
    const done = performance.now();
    // Nothing filters the page's own scripts here before they are sent.
    const { scripts, ...left } = player.left.byReason;
    if (Object.keys(left).length > 0) throw new Error(JSON.stringify(left));
    player.clear();
    root.remove();
    return { page: built - began, changes: done - built };
  },
};

Object.assign(globalThis, { checked });
