/**
 * The one table of what viewers may do: every admission, request, input and volatile record is looked up here. What is
 * not in it is refused. `docs/architecture.md` explains it.
 */
import type { Capability, InputMessage, Requested } from "../protocol.gen";

/** What the visitor is asked, each with a hook of the site. */
export type Question = "view" | "control" | "call" | "recording";
export const QUESTIONS: readonly Question[] = ["view", "control", "call", "recording"];

interface Right {
  /** What the visitor must have said yes to before a viewer has it. */
  readonly question: Question;
  /** Who can have it at all. */
  readonly roles: readonly Requested["role"][];
}

const AGENTS = ["agent"] as const;
const ANYBODY = ["agent", "guest"] as const;

const RIGHTS: Readonly<Record<Capability, Right>> = {
  view: { question: "view", roles: ANYBODY },
  pointer: { question: "view", roles: ANYBODY },
  ink: { question: "view", roles: ANYBODY },
  chat: { question: "view", roles: ANYBODY },
  scroll: { question: "control", roles: ANYBODY },
  click: { question: "control", roles: ANYBODY },
  type: { question: "control", roles: ANYBODY },
  navigate: { question: "control", roles: ANYBODY },
  call: { question: "call", roles: ANYBODY },
  record: { question: "recording", roles: AGENTS },
};

/** The capability that each kind of input needs. */
const INPUTS: Readonly<Record<InputMessage["input"]["kind"], Capability>> = { chat: "chat", request: "view" };
/** The capability that each kind of volatile record needs. */
const VOLATILES: Readonly<Record<string, Capability>> = {
  pointer: "pointer",
  typing: "chat",
  probe: "view",
};

/** Whose name is not in the table itself (`constructor`, say) is not in it. */
function lookedUp<Value>(table: Readonly<Record<string, Value>>, name: string): Value | null {
  return Object.hasOwn(table, name) ? (table[name] ?? null) : null;
}

/** What has to be asked before such a viewer has the capability; null when it cannot have it. */
export function questionFor(capability: string, role: string): Question | null {
  const right = lookedUp(RIGHTS, capability);
  return right?.roles.some((one) => one === role) ? right.question : null;
}

/** The capability that an input of that kind needs; null for an unknown kind. */
export function neededByInput(kind: string): Capability | null {
  return lookedUp(INPUTS, kind);
}

/** The capability that a volatile record of that kind needs; null for an unknown kind. */
export function neededByVolatile(kind: string): Capability | null {
  return lookedUp(VOLATILES, kind);
}
