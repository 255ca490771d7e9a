// @vitest-environment happy-dom
/** Who asks, is let in, is here and is put out. */
import { describe, expect, it } from "vitest";
import { Emitter } from "../emitter";
import { CAPABILITIES, type FromBroadcaster, type Requested } from "../protocol.gen";
import { packed } from "../records";
import { Entries } from "./entries";
import type { SessionEvents } from "./options";
import type { Peers } from "./peers";
import { Privacy } from "./privacy";
import { Viewers } from "./viewers";

const asked = (viewer: string): Requested => ({
  type: "requested",
  viewer,
  name: viewer,
  role: viewer.startsWith("agent") ? "agent" : "guest",
  subject: viewer.startsWith("agent") ? viewer : "",
  link: true,
});

function made() {
  const told: FromBroadcaster[] = [];
  const closed: string[] = [];
  const entered: object[] = [];
  let links = 0;
  const peers = { close: (id: string) => closed.push(id), serves: () => false, routeOf: () => null, send: () => false };
  const emitter = new Emitter<SessionEvents>();
  const viewers = new Viewers(
    { granted: true, capabilities: CAPABILITIES },
    () => false,
    null,
    new Entries((entry) => entered.push(entry), new Privacy({})),
    () => peers as unknown as Peers,
    emitter,
    {
      send: (message) => told.push(message),
      record: () => {},
      keep: () => {},
      relink: () => {
        links += 1;
      },
      line: () => {},
    },
  );
  const removed = () => told.flatMap((one) => (one.type === "remove" ? [one.viewer] : []));
  const here = () => viewers.audience.viewers.map(({ id }) => id);
  return { viewers, told, entered, closed, removed, here, emitter, links: () => links };
}

describe("Viewers", () => {
  it("keep guests that are here when one is put out, and not those that have gone", async () => {
    const { viewers, closed, removed, here, links } = made();
    for (const id of ["a", "b", "gone", "away", "agent"]) viewers.requested(asked(id));
    await Promise.resolve();
    for (const id of ["gone", "away"]) viewers.left(id, false);
    viewers.consent.revoke("a");
    expect([removed(), closed]).toEqual([
      ["gone", "away", "a"],
      ["gone", "away", "a"],
    ]);
    expect([here(), links()]).toEqual([["b", "agent"], 1]);
    viewers.requested(asked("gone"));
    expect([here(), removed().length]).toEqual([["b", "agent"], 4]);
  });

  it("tell the site of a viewer once, as it is, and nothing of its subject", async () => {
    const { viewers, emitter } = made();
    const joined: object[] = [];
    emitter.on("viewer.joined", (viewer) => joined.push(viewer));
    viewers.requested(asked("agent"));
    await Promise.resolve();
    viewers.requested(asked("agent"));
    const capabilities = ["view", "pointer", "ink", "chat"];
    expect(joined).toEqual([{ id: "agent", name: "agent", role: "agent", capabilities, path: "relay" }]);
  });

  it("are named in messages that are never too large, the latest first", async () => {
    const { viewers, told } = made();
    const ids = Array.from({ length: 130 }, (_, n) => `agent ${n} ${"\u{1f600}".repeat(55)}`);
    for (const id of ids) viewers.requested(asked(id));
    await Promise.resolve();
    const said = [viewers.named];
    told.length = 0;
    viewers.nameOthers();
    for (const message of told) if (message.type === "known") said.push(message);
    expect(said.map(({ viewers, more }) => [viewers.length, more])).toEqual([
      [64, true],
      [64, true],
      [2, false],
    ]);
    expect(said.flatMap(({ viewers }) => viewers.map(({ id }) => id))).toEqual(ids.reverse());
    for (const one of said) expect(packed(one).length).toBeLessThan(65_536 - 8_192);
  });

  it("that come together are noted once", async () => {
    const { viewers, entered } = made();
    for (const id of ["a", "b", "c"]) viewers.requested(asked(id));
    await Promise.resolve();
    expect(entered).toEqual([
      { kind: "present", present: ["a", "b", "c"].map((id) => ({ id, name: id, role: "guest" })) },
    ]);
  });

  it("have no say any more once they were put out", async () => {
    const { viewers, told } = made();
    viewers.requested(asked("a"));
    await Promise.resolve();
    viewers.consent.revoke("a");
    viewers.input("a", { type: "input", n: 0, base: 0, input: { kind: "chat", id: "c", text: "x" } });
    expect(told.at(-1)).toMatchObject({ type: "refused", viewer: "a", n: 0 });
  });
});
