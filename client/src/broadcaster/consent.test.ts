/** Who is let in, and what each may do: what is not granted is refused. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import type { AdmittedViewer, Capability, Requested } from "../protocol.gen";
import { type ConfirmView, Consent, type ConsentPolicy } from "./consent";

const ALL: Capability[] = ["view", "pointer", "ink", "chat", "click"];

function asked(id: string, link = true): Requested {
  return { type: "requested", viewer: id, name: id.toUpperCase(), role: "guest", link };
}

function made(confirm: ConfirmView, policy: Partial<ConsentPolicy> = {}) {
  const admitted: AdmittedViewer[] = [];
  const refused: [string, string][] = [];
  const consent = new Consent(
    { granted: false, capabilities: ALL, ...policy },
    confirm,
    (viewer) => admitted.push(viewer),
    (viewer, reason) => refused.push([viewer, reason]),
  );
  return { consent, admitted, refused };
}

/** An answer that is given later. */
function later() {
  let answer: (yes: boolean) => void = () => {};
  const question = new Promise<boolean>((resolve) => {
    answer = resolve;
  });
  return { question, answer };
}

beforeEach(() => {
  vi.useFakeTimers();
});
afterEach(() => {
  vi.useRealTimers();
});

describe("Consent", () => {
  it("lets in whom the visitor lets in, with little", async () => {
    const { consent, admitted, refused } = made(() => true);
    await consent.request(asked("a"));
    expect(admitted).toEqual([{ id: "a", name: "A", role: "guest", capabilities: ["view", "pointer", "chat"] }]);
    expect(refused).toEqual([]);
    expect([consent.may("a", "chat"), consent.may("a", "click"), consent.may("b", "view")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each<[string, ConfirmView]>([
    ["no", () => false],
    ["a later no", () => Promise.resolve(false)],
    ["a rejection", () => Promise.reject(new Error("closed"))],
    [
      "an error",
      () => {
        throw new Error("broken");
      },
    ],
    ["what is no answer", () => "yes" as unknown as boolean],
    ["nothing", () => undefined as unknown as boolean],
  ])("keeps out on %s", async (_, confirm) => {
    const { consent, admitted, refused } = made(confirm);
    await consent.request(asked("a"));
    expect(admitted).toEqual([]);
    expect(refused).toEqual([["a", "the visitor did not let you in"]]);
    expect(consent.may("a", "view")).toBe(false);
  });

  it("keeps out on silence", async () => {
    const { consent, admitted, refused } = made(() => new Promise<boolean>(() => {}));
    const request = consent.request(asked("a"));
    await vi.advanceTimersByTimeAsync(119_000);
    expect(refused).toEqual([]);
    await vi.advanceTimersByTimeAsync(1_000);
    await request;
    expect([admitted, refused]).toEqual([[], [["a", "the visitor did not let you in"]]]);
    expect(vi.getTimerCount()).toBe(0);
  });

  it("asks once for a viewer that asks twice", async () => {
    const { question, answer } = later();
    const confirm = vi.fn(() => question);
    const { consent, admitted } = made(confirm);
    const requests = [consent.request(asked("a")), consent.request(asked("a"))];
    answer(true);
    await Promise.all(requests);
    expect([confirm.mock.calls.length, admitted.length]).toEqual([1, 1]);
  });

  it("lets one that is back in again without a question", async () => {
    const confirm = vi.fn(() => true);
    const { consent, admitted } = made(confirm);
    await consent.request(asked("a"));
    await consent.request(asked("a"));
    expect([confirm.mock.calls.length, admitted.length]).toEqual([1, 2]);
    expect(admitted[1]).toEqual(admitted[0]);
  });

  it("does not let in one that has gone while it was asked about", async () => {
    const { question, answer } = later();
    const { consent, admitted, refused } = made(() => question);
    const request = consent.request(asked("a"));
    consent.withdraw("a");
    answer(true);
    await request;
    expect([admitted, refused, consent.admitted.size]).toEqual([[], [], 0]);
  });

  it("asks anew for one that went and came back, and does not take the old answer for it", async () => {
    const first = later();
    const second = later();
    const answers = [first.question, second.question];
    const { consent, admitted } = made(() => answers.shift() ?? false);
    const requests = [consent.request(asked("a"))];
    consent.withdraw("a");
    requests.push(consent.request(asked("a")));
    first.answer(true);
    await requests[0];
    expect(admitted).toEqual([]);
    second.answer(false);
    await requests[1];
    expect(admitted).toEqual([]);
  });

  it("lets in nobody once it is closed", async () => {
    const { question, answer } = later();
    const { consent, admitted, refused } = made(() => question);
    const request = consent.request(asked("a"));
    consent.close();
    answer(true);
    await request;
    expect([admitted, refused]).toEqual([[], []]);
  });

  it("lets holders of the link in unasked when that was granted, and asks for the others", async () => {
    const confirm = vi.fn(() => false);
    const { consent, admitted } = made(confirm, { granted: true });
    await consent.request(asked("a"));
    await consent.request(asked("b", false));
    expect(admitted.map(({ id }) => id)).toEqual(["a"]);
    expect(confirm.mock.calls).toEqual([[{ id: "b", name: "B", role: "guest" }]]);
  });

  it("grants what the site allows, and nothing else", async () => {
    const { consent } = made(() => true, { capabilities: ["view", "chat", "click"] });
    await consent.request(asked("a"));
    expect(consent.admitted.get("a")?.capabilities).toEqual(["view", "chat"]);
    consent.grant("a", ["click", "type"]);
    expect(consent.admitted.get("a")?.capabilities).toEqual(["view", "chat", "click"]);
    expect(() => consent.grant("b", ["click"])).toThrow(RangeError);
  });

  it("takes capabilities back one by one", async () => {
    const { consent, admitted, refused } = made(() => true);
    await consent.request(asked("a"));
    expect(consent.revoke("a", ["chat"])).toBe(true);
    expect([consent.may("a", "chat"), consent.may("a", "view")]).toEqual([false, true]);
    expect(admitted.at(-1)?.capabilities).toEqual(["view", "pointer"]);
    expect(refused).toEqual([]);
  });

  it.each([[undefined], [["view"] as Capability[]]])("puts out one from whom %s is taken", async (capabilities) => {
    const { consent, refused } = made(() => true);
    await consent.request(asked("a"));
    expect(consent.revoke("a", capabilities)).toBe(true);
    expect(refused).toEqual([["a", "the visitor has ended your access"]]);
    expect(consent.may("a", "view")).toBe(false);
    expect(consent.revoke("a", capabilities)).toBe(false);
  });

  it("asks again for one that was put out", async () => {
    const confirm = vi.fn(() => true);
    const { consent } = made(confirm);
    await consent.request(asked("a"));
    consent.revoke("a");
    await consent.request(asked("a"));
    expect(confirm).toHaveBeenCalledTimes(2);
  });
});
