/** Who is let in, and what each may do: what is not granted is refused. */
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type AdmittedViewer, CAPABILITIES, type Capability, type Requested } from "../protocol.gen";
import { type Ask, Consent, type ConsentPolicy } from "./consent";
import { neededByInput, neededByVolatile, questionFor } from "./rights";

const ALL: Capability[] = ["view", "pointer", "ink", "chat", "click"];
const AT_FIRST: Capability[] = ["view", "pointer", "ink", "chat"];

function asked(id: string, more: Partial<Requested> = {}): Requested {
  return { type: "requested", viewer: id, name: id.toUpperCase(), role: "guest", subject: "", link: true, ...more };
}

function made(ask: Ask, policy: Partial<ConsentPolicy> = {}) {
  const admitted: AdmittedViewer[] = [];
  const refused: [string, string][] = [];
  const declined: [string, readonly Capability[], string][] = [];
  const endLink = vi.fn();
  const rules = { granted: false, capabilities: ALL as readonly Capability[], ...policy };
  const here = new Set<string>();
  const forgotten: string[] = [];
  const consent = new Consent(rules, ask, {
    isHere: (id) => here.has(id),
    forget: (id) => forgotten.push(id),
    admit: (viewer) => admitted.push(viewer),
    remove: (viewer, reason) => refused.push([viewer, reason]),
    endLink,
    decline: (...told) => declined.push(told),
  });
  const had = (id: string) => consent.admitted.get(id)?.capabilities;
  return { consent, rules, here, forgotten, admitted, refused, declined, had, endLink };
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
    expect(admitted).toEqual([{ id: "a", name: "A", role: "guest", subject: "", capabilities: AT_FIRST }]);
    expect(refused).toEqual([]);
    expect([consent.may("a", "chat"), consent.may("a", "click"), consent.may("b", "view")]).toEqual([
      true,
      false,
      false,
    ]);
  });

  it.each<[string, Ask]>([
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

  it("tells who asks that an answer is of no use any more", async () => {
    const signals: AbortSignal[] = [];
    const { consent } = made((_question, _viewer, _capabilities, signal) => {
      signals.push(signal);
      return new Promise<boolean>(() => {});
    });
    for (const id of ["a", "b", "c"]) void consent.request(asked(id));
    const aborted = () => signals.map((signal) => signal.aborted);
    consent.withdraw("b");
    expect(aborted()).toEqual([false, true, false]);
    await vi.advanceTimersByTimeAsync(120_000);
    expect(aborted()).toEqual([true, true, true]);
    void consent.request(asked("d"));
    consent.close();
    expect(aborted()).toEqual([true, true, true, true]);
    await vi.advanceTimersByTimeAsync(0);
    expect(vi.getTimerCount()).toBe(0);
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
    await consent.request(asked("b", { link: false }));
    expect(admitted.map(({ id }) => id)).toEqual(["a"]);
    expect(confirm.mock.calls).toEqual([
      ["view", { id: "b", name: "B", role: "guest" }, ["view"], expect.any(AbortSignal)],
    ]);
  });

  it("grants what the site allows, and nothing else", async () => {
    const { consent } = made(() => true, { capabilities: ["view", "chat", "click"] });
    await consent.request(asked("a"));
    expect(consent.admitted.get("a")?.capabilities).toEqual(["view", "chat"]);
    consent.grant("a", ["click", "type"]);
    expect(consent.admitted.get("a")?.capabilities).toEqual(["view", "click", "chat"]);
    expect(() => consent.grant("b", ["click"])).toThrow(RangeError);
  });

  it("takes capabilities back one by one", async () => {
    const { consent, admitted, refused } = made(() => true);
    await consent.request(asked("a"));
    expect(consent.revoke("a", ["chat"])).toBe(true);
    expect([consent.may("a", "chat"), consent.may("a", "view")]).toEqual([false, true]);
    expect(admitted.at(-1)?.capabilities).toEqual(["view", "pointer", "ink"]);
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

  it("refuses one that was put out, and the agent that it is, without a question", async () => {
    const confirm = vi.fn(() => true);
    const { consent, refused } = made(confirm);
    await consent.request(asked("a", { role: "agent", subject: "s" }));
    consent.revoke("a");
    for (const again of [asked("a"), asked("b", { role: "agent", subject: "s" })]) {
      expect(consent.isNew(again)).toBe(false);
      await consent.request(again);
    }
    expect(refused.map(([id]) => id)).toEqual(["a", "a", "b"]);
    await consent.request(asked("c", { role: "agent", subject: "t" }));
    expect([confirm.mock.calls.length, consent.may("c", "view")]).toEqual([2, true]);
  });

  it("remembers who was put out across pages, and does not take a page's word that is behind", async () => {
    const { consent } = made(() => true);
    await consent.request(asked("a"));
    await consent.request(asked("b"));
    const behind = consent.stored;
    consent.revoke("a");
    consent.restore(behind);
    expect([consent.may("a", "view"), consent.may("b", "view")]).toEqual([false, true]);
    const next = made(() => true);
    next.consent.restore(consent.stored);
    await next.consent.request(asked("a"));
    expect(next.refused).toEqual([["a", "the visitor has ended your access"]]);
  });

  it("ends the link with a guest that is put out, and after three that were refused, and not with agents", async () => {
    let yes = true;
    const { consent, endLink } = made(() => yes);
    for (const one of [asked("a"), asked("b", { role: "agent", subject: "s", link: false })])
      await consent.request(one);
    consent.revoke("b");
    expect(endLink).toHaveBeenCalledTimes(0);
    consent.revoke("a");
    expect(endLink).toHaveBeenCalledTimes(1);
    yes = false;
    for (const id of ["c", "d", "e", "f", "g"]) await consent.request(asked(id));
    for (const id of ["h", "i", "j"]) await consent.request(asked(id, { role: "agent", subject: id }));
    expect(endLink).toHaveBeenCalledTimes(2);
  });

  it("lets no more than 20 questions stand, and refuses who comes then", async () => {
    const { consent, refused } = made(() => new Promise<boolean>(() => {}));
    for (let n = 0; n < 25; n += 1) void consent.request(asked(`v${n}`));
    await vi.advanceTimersByTimeAsync(0);
    expect(refused).toHaveLength(5);
    consent.close();
  });
});

describe("what a viewer asks for", () => {
  const CONTROL: Capability[] = ["scroll", "click", "type"];
  const SITE: Capability[] = [...CONTROL, "pointer", "chat", "call", "record"];

  async function letIn(ask: Ask, more: Partial<Requested> = {}) {
    const one = made(ask, { capabilities: SITE });
    await one.consent.request(asked("a", more));
    return one;
  }

  it("is asked about by the kind of question, and given as it was asked for", async () => {
    const questions: unknown[] = [];
    const { consent, had } = await letIn((question, _, capabilities) => questions.push([question, capabilities]) > 0, {
      role: "agent",
    });
    await consent.seek("a", ["type", "click", "call", "record", "click"]);
    expect(questions.slice(1)).toEqual([
      ["control", ["click", "type"]],
      ["call", ["call"]],
      ["recording", ["record"]],
    ]);
    expect(had("a")).toEqual(["view", "pointer", "click", "type", "chat", "call", "record"]);
  });

  it("is not given on a no, nor asked about again at once", async () => {
    const confirm = vi.fn<Ask>((question) => question === "view");
    const { consent, had, declined } = await letIn(confirm);
    await consent.seek("a", ["click"]);
    await consent.seek("a", ["click", "type"]);
    expect(confirm).toHaveBeenCalledTimes(2);
    expect(declined).toEqual([
      ["a", ["click"], "the visitor has said no"],
      ["a", ["click", "type"], "the visitor has said no a moment ago"],
    ]);
    await vi.advanceTimersByTimeAsync(30_001);
    await consent.seek("a", ["click"]);
    expect(confirm).toHaveBeenCalledTimes(3);
    expect(had("a")).toEqual(["view", "pointer", "chat"]);
  });

  it.each<[string, Capability[], Partial<Requested>]>([
    ["the site does not allow", ["navigate", "ink"], {}],
    ["the role cannot have", ["record"], {}],
    ["nobody knows", ["constructor", "__proto__", "fly"] as unknown as Capability[], {}],
  ])("is declined without a question when %s it", async (_, wanted, more) => {
    const confirm = vi.fn(() => true);
    const { consent, declined, had } = await letIn(confirm, more);
    await consent.seek("a", wanted);
    consent.grant("a", wanted);
    expect(confirm).toHaveBeenCalledTimes(1);
    expect(declined).toEqual([["a", wanted, "the site does not allow it"]]);
    expect(had("a")).toEqual(["view", "pointer", "chat"]);
  });

  it("is declined when the visitor has taken it back", async () => {
    const confirm = vi.fn(() => true);
    const { consent, declined } = await letIn(confirm);
    consent.revoke("a", ["chat"]);
    await consent.seek("a", ["chat"]);
    expect([confirm.mock.calls.length, declined]).toEqual([1, [["a", ["chat"], "the visitor has taken it back"]]]);
  });

  it("is of no use to one that was not let in, or was put out before the answer", async () => {
    const { question, answer } = later();
    const { consent, admitted } = await letIn((kind) => kind === "view" || question);
    await consent.seek("b", ["click"]);
    const seeking = consent.seek("a", ["click"]);
    consent.revoke("a");
    answer(true);
    await seeking;
    expect([admitted.length, consent.may("a", "click")]).toEqual([1, false]);
  });

  it("ends with the site's policy, whatever was granted before", async () => {
    const { consent, rules } = await letIn(() => true);
    consent.grant("a", ["click"]);
    rules.capabilities = ["chat"];
    expect([consent.may("a", "click"), consent.may("a", "chat"), consent.may("a", "view")]).toEqual([
      false,
      true,
      true,
    ]);
  });
});

describe("Consent, of very many", () => {
  it("forgets who has gone, the earliest first, and asks about it again", async () => {
    const { consent, here, forgotten, refused } = made(() => true);
    here.add("0");
    for (let n = 0; n < 4_002; n++) await consent.request(asked(String(n)));
    expect([forgotten, refused, consent.admitted.size]).toEqual([["1", "2"], [], 4_000]);
    expect([consent.isNew(asked("0")), consent.isNew(asked("1"))]).toEqual([false, true]);
  });
});

describe("the table", () => {
  it("has every capability, and what it gives is asked about", () => {
    const questions = Object.fromEntries(
      CAPABILITIES.map((capability) => [capability, questionFor(capability, "agent")]),
    );
    expect(questions).toEqual({
      view: "view",
      pointer: "view",
      ink: "view",
      scroll: "control",
      click: "control",
      type: "control",
      navigate: "control",
      chat: "view",
      call: "call",
      record: "recording",
    });
  });

  it.each(["constructor", "__proto__", "toString", "hasOwnProperty", "", "VIEW"])("knows nothing of %j", (name) => {
    expect([
      questionFor(name, "agent"),
      questionFor("view", name),
      neededByInput(name),
      neededByVolatile(name),
    ]).toEqual([null, null, null, null]);
  });

  it("says what inputs and volatile records need", () => {
    expect(["chat", "request", "click"].map(neededByInput)).toEqual(["chat", "view", null]);
    const kinds = ["pointer", "probe", "typing", "echo"];
    expect(kinds.map(neededByVolatile)).toEqual(["pointer", "view", "chat", null]);
  });

  it("decides inputs and volatile records", async () => {
    const { consent } = made(() => true);
    await consent.request(asked("a"));
    expect([consent.mayInput("a", "chat"), consent.mayInput("a", "click"), consent.mayInput("b", "chat")]).toEqual([
      true,
      false,
      false,
    ]);
    consent.revoke("a", ["pointer"]);
    expect([consent.mayVolatile("a", "pointer"), consent.mayVolatile("a", "probe")]).toEqual([false, true]);
    expect(consent.mayVolatile("a", "echo")).toBe(false);
  });
});
