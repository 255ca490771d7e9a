/**
 * The page into the log: rrweb's recorder, batches, frames, checkpoints.
 *
 * A batch leaves at once when 16 ms have passed since the last, else at that mark; by microtasks and timers, never by
 * animation frames, which stop in hidden tabs.
 */
import { CHECKPOINT_EVERY_MS, Log } from "../log";
import { MAX_CHECKPOINT, MAX_PARTS } from "../records";
import { asEvent, type Entry, type SharedState, type ShownEntry } from "../state";
import { FIELD_EVENTS, Fields } from "./fields";
import { FrameCalls } from "./frames";
import { Library, type Loaded } from "./library";
import { Listeners } from "./listeners";
import { type Mender, mended, type RecordedEvent } from "./mend";
import type { Privacy } from "./privacy";
import { Rules } from "./rules";
import { Scrubber } from "./scrub";
import { rulesBeyond, Sheets, withAbsoluteAddresses } from "./sheets";
import type { Writer } from "./writer";

const BATCH_EVERY_MS = 16;
const META = 4;
const FULL_SNAPSHOT = 2;
const INCREMENTAL = 3;
const MUTATION = 0;
const STYLE_SHEET_RULE = 8;

type Realm = Window & typeof globalThis;
/** What the build adds to the recorder (`rrweb.mjs`): the adopted style sheets by their number in the log. */
interface Sheeted {
  sheets: { getId(sheet: StyleSheet): number; getStyle(id: number): CSSStyleSheet | null };
}

const library = new Library();

function loaded(): Loaded {
  if (!library.loaded) throw new Error("cobrowse: the recorder is not loaded");
  return library.loaded;
}

function rrweb(): Loaded["record"] {
  return loaded().record;
}

export class Recorder {
  readonly log = new Log();
  /** Checkpoints made, for `stats()`. */
  checkpoints = 0;
  private writer: Writer | null = null;
  private stopRecord: (() => void) | undefined;
  private waiting: object[] = [];
  private snapshot: object[] = [];
  private checkpointId = 0;
  private lastBatch = 0;
  private lastCheckpoint = Number.NEGATIVE_INFINITY;
  private batchDue = false;
  private batchTimer: ReturnType<typeof setTimeout> | undefined;
  private checkpointDue = false;
  private checkpointTimer: ReturnType<typeof setTimeout> | undefined;
  private readonly freshTask = new MessageChannel();
  private readonly calls = new FrameCalls();
  private readonly sheets = new Sheets((owner, text) => this.tellSheet(owner, text));
  private readonly rules: Rules;
  private fields: Fields | null = null;
  private listeners: Listeners | null = null;
  private readonly scrubber: Scrubber;
  private halted = false;
  /** What is told right after the event that is being told. */
  private after: RecordedEvent[] = [];

  constructor(
    private readonly privacy: Privacy,
    private readonly state: () => SharedState,
    private readonly beforeBatch: () => void,
    private readonly onlog: () => void,
    /** Nothing is recorded any more: other rules hold now (null), or it says why nothing can be shared. */
    private readonly onhalt: (error: Error | null) => void,
  ) {
    this.scrubber = new Scrubber(privacy, (id) => rrweb().mirror.getNode(id) as Node | null);
    this.freshTask.port1.onmessage = () => this.cut();
    this.rules = new Rules({
      changed: (sheet, index, text) => this.tellRules(sheet, withNew(sheet, index, text)),
      disabled: (sheet) => this.tellDisabled(sheet),
      sheetOf: ({ id, styleId }) =>
        styleId
          ? (rrweb() as unknown as Sheeted).sheets.getStyle(styleId as number)
          : ((rrweb().mirror.getNode(id as number) as HTMLStyleElement | null)?.sheet ?? null),
    });
  }

  get epoch(): number {
    return this.log.epoch;
  }

  get isRecording(): boolean {
    return this.stopRecord !== undefined;
  }

  /** The ids of the page's nodes; null before the recorder is loaded. */
  static get mirror() {
    return library.loaded?.record.mirror ?? null;
  }

  get isLoaded(): boolean {
    return library.loaded !== null;
  }

  /** Load what records; needed before `begin`. Rejects when it does not come. */
  load(): Promise<void> {
    return library.load();
  }

  /**
   * Begin the log anew, as `epoch`, and record the page unless it is paused. The first snapshot is the first
   * checkpoint, before any frame; while paused it has the state alone.
   */
  begin(epoch: number, recording: boolean): void {
    this.stop();
    this.log.begin(epoch);
    this.writer = new (loaded().Writer)(epoch);
    this.waiting = [];
    this.snapshot = [];
    this.lastBatch = 0;
    this.halted = false;
    if (!recording || this.recorded(() => this.start())) this.seal();
    this.onlog();
  }

  /** Whether that part of recording was done. If not, nothing more is told: what is there would be called the page. */
  private recorded(part: () => void): boolean {
    try {
      part();
      return true;
    } catch (error) {
      this.halt(new Error(`the page cannot be recorded: ${error instanceof Error ? error.message : String(error)}`));
      return false;
    }
  }

  private start(): void {
    this.privacy.begin();
    const { blockSelector, maskTextSelector, maskInput, isBlocked, isMasked } = this.privacy;
    const idOf = (node: Node) => rrweb().mirror.getId(node);
    const fields = new Fields({
      idOf,
      isBlocked,
      isMasked,
      mask: maskInput,
      emit: (data) => this.tell({ ...data }),
      chosen: (id, indexes) => this.tellShown({ kind: "chosen", id, indexes }),
    });
    this.fields = fields;
    this.listeners = new Listeners({
      ...Object.fromEntries(FIELD_EVENTS.map((name) => [name, fields.heard])),
      toggle: (event) => this.toggled(event),
    });
    this.watch(window);
    this.stopRecord = rrweb()({
      emit: (event) => this.take(event as unknown as RecordedEvent),
      blockSelector,
      maskTextSelector: maskTextSelector as string, // or what `rrweb.mjs` asks in its place
      maskInputFn: maskInput,
      // Tag names cover every type, hidden and unknown ones too; `select` would also hide what is chosen.
      maskInputOptions: { input: true, textarea: true } as object,
      inlineStylesheet: true,
      recordCanvas: false,
      inlineImages: false,
      recordCrossOriginIframes: false,
      sampling: { mousemove: false, scroll: -1 },
      // No `errorHandler`: it would also swallow the page's own errors, such as those of a wrong `insertRule`.
    });
    if (!this.stopRecord) throw new Error("the recorder did not start");
  }

  /** Stop recording the page. Entries may still be added: chat goes on while the page is not shared. */
  stop(): void {
    this.stopRecord?.();
    this.stopRecord = undefined;
    this.fields?.stop();
    this.fields = null;
    this.listeners?.stop();
    this.listeners = null;
    clearTimeout(this.batchTimer);
    this.flush();
  }

  close(): void {
    this.stop();
    clearTimeout(this.checkpointTimer);
    this.freshTask.port1.close();
    this.privacy.stop();
  }

  /** Add an entry of the session to the log. */
  add(entry: Entry): void {
    if (!this.writer) return;
    this.push(asEvent(entry, Date.now()));
  }

  /** See that there is a checkpoint to start from: the last one, or a new one as soon as may be. */
  wantCheckpoint(): void {
    if (!this.writer || this.checkpointDue || this.log.usable(performance.now())) return;
    this.checkpointDue = true;
    const wait = this.lastCheckpoint + CHECKPOINT_EVERY_MS - performance.now();
    if (wait <= 0) this.freshTask.port2.postMessage(null);
    else this.checkpointTimer = setTimeout(() => this.freshTask.port2.postMessage(null), wait);
  }

  /** Flush what is due; call on any sign of time passing, as timers of hidden tabs are throttled. */
  tick(): void {
    if (this.batchDue && performance.now() - this.lastBatch >= BATCH_EVERY_MS) this.flush();
    this.log.trim(performance.now());
  }

  private take(recorded: RecordedEvent): void {
    if (!this.mayTell) return;
    this.watchFrame(recorded);
    const isTold = this.calls.isRepeated(recorded) || this.rules.tells(recorded);
    this.after = [];
    const event = isTold ? null : mended(recorded, this.mender);
    if (!event) return;
    const isOfSnapshot = event.type === META || event.type === FULL_SNAPSHOT;
    for (const one of [event, ...this.after]) {
      if (!this.scrubbed(one)) return;
      if (isOfSnapshot) this.snapshot.push(one);
      else this.push(one);
    }
  }

  /** What an incremental event of rrweb says. */
  private tell(data: Record<string, unknown>): void {
    const event = { type: INCREMENTAL, timestamp: Date.now(), data };
    if (this.mayTell && this.scrubbed(event)) this.push(event);
  }

  private tellShown(entry: ShownEntry): void {
    if (this.mayTell) this.add(entry);
  }

  private push(event: object): void {
    this.waiting.push(event);
    this.schedule();
  }

  /** Whether what comes is by the rules that hold now. If not, it is not told, and nothing after it in this epoch. */
  private get mayTell(): boolean {
    if (this.halted) return false;
    if (this.privacy.isCurrent) return true;
    this.halt(null);
    return false;
  }

  private scrubbed(event: RecordedEvent): boolean {
    try {
      this.scrubber.scrub(event);
      return true;
    } catch (error) {
      const why = error instanceof Error ? error.message : String(error);
      this.halt(new Error(`the privacy rules could not be applied, so nothing more is shared: ${why}`));
      return false;
    }
  }

  private halt(error: Error | null): void {
    this.halted = true;
    // Not from within the recorder's own callback.
    queueMicrotask(() => {
      this.stop();
      this.onhalt(error);
    });
  }

  private readonly mender: Mender = {
    getNode: (id) => rrweb().mirror.getNode(id) as Node | null,
    betterSheet: (told, owner) => this.sheets.better(told, owner),
    mask: (text, field) => this.privacy.maskInput(text, field),
    isMasked: (node) => this.privacy.isMasked(node),
    hidesPointer: (node) => this.privacy.hidesPointer(node),
    // After the mutation it came with, as the viewer applies them in order.
    fieldChanged: (field) => queueMicrotask(() => this.fields?.tell(field as HTMLInputElement)),
    styleChanged: (style) => this.styleChanged(style),
    tellAfter: (entry) => this.after.push(asEvent(entry, Date.now()) as RecordedEvent),
    watchRoot: (root) => {
      this.listeners?.watch(root);
      this.privacy.watch(root);
    },
  };

  private tellSheet(owner: Element, text: string): void {
    const id = rrweb().mirror.getId(owner);
    if (!this.stopRecord || id <= 0) return;
    const attributes = [{ id, attributes: { _cssText: text } }];
    this.tell({ source: MUTATION, texts: [], attributes, removes: [], adds: [] });
  }

  private tellRules(sheet: CSSStyleSheet, changes: object): void {
    const owner = sheet.ownerNode;
    const id = owner ? rrweb().mirror.getId(owner) : undefined;
    const styleId = owner ? undefined : (rrweb() as unknown as Sheeted).sheets.getId(sheet);
    if (!this.stopRecord || (id ?? styleId ?? 0) <= 0 || (owner && this.privacy.isBlocked(owner))) return;
    this.tell({ source: STYLE_SHEET_RULE, id, styleId, ...changes });
  }

  private tellDisabled({ ownerNode, disabled }: StyleSheet): void {
    const id = ownerNode ? rrweb().mirror.getId(ownerNode) : 0;
    if (this.stopRecord && id > 0) this.tellShown({ kind: "sheet", id, disabled });
  }

  /** Rules that were inserted after the text was set, but before its change was told, went to the sheet before it. */
  private styleChanged(style: HTMLStyleElement): void {
    const { sheet } = style;
    if (!sheet || !this.calls.hasCalled(sheet)) return;
    const changes = rulesBeyond(style.textContent ?? "", sheet);
    const data = { source: STYLE_SHEET_RULE, id: rrweb().mirror.getId(style), ...changes };
    if (changes) this.after.push({ type: INCREMENTAL, timestamp: Date.now(), data });
  }

  private toggled(event: Event): void {
    const node = event.composedPath()[0] as HTMLElement | undefined;
    if (!node?.popover || this.privacy.isBlocked(node)) return;
    const id = rrweb().mirror.getId(node);
    if (id > 0) this.tellShown({ kind: "popover", id, open: node.matches(":popover-open") });
  }

  /** A window of the page, or of a frame of our origin in it. */
  private watch(realm: Realm): void {
    this.calls.watch(realm);
    this.rules.watch(realm);
    this.fields?.watch(realm);
    this.listeners?.watch(realm.document);
    this.privacy.watch(realm.document);
  }

  /** A frame of our origin has been attached: its window is watched before the recorder watches it. */
  private watchFrame({ type, data }: RecordedEvent): void {
    if (type !== INCREMENTAL || data.isAttachIframe !== true) return;
    for (const { parentId } of data.adds as { parentId: number }[]) {
      const frame = rrweb().mirror.getNode(parentId) as HTMLIFrameElement | null;
      const realm = frame?.contentWindow as Realm | null;
      if (realm) this.watch(realm);
    }
  }

  private schedule(): void {
    if (this.batchDue) return;
    this.batchDue = true;
    const wait = this.lastBatch + BATCH_EVERY_MS - performance.now();
    if (wait <= 0 || document.hidden) queueMicrotask(() => this.flush());
    else this.batchTimer = setTimeout(() => this.flush(), wait);
  }

  private flush(): void {
    clearTimeout(this.batchTimer);
    this.beforeBatch();
    this.batchDue = false;
    if (!this.writer || this.waiting.length === 0) return;
    const events = this.waiting;
    this.waiting = [];
    this.lastBatch = performance.now();
    for (const frame of this.writer.write(events)) this.log.append(frame, this.lastBatch);
    this.onlog();
  }

  /**
   * A checkpoint between two batches, in one synchronous block of a fresh task: what waits is written, the stream is
   * flushed fully, and the snapshot is of exactly that position. If anything slipped between, CSSOM changes would be
   * applied twice.
   */
  private cut(): void {
    this.checkpointDue = false;
    const writer = this.writer;
    if (!writer || (this.stopRecord && !this.mayTell)) return;
    this.flush();
    for (const frame of writer.cut()) this.log.append(frame, performance.now());
    this.snapshot = [];
    if (!this.stopRecord || this.recorded(() => rrweb().takeFullSnapshot(true))) this.seal();
    this.onlog();
  }

  private seal(): void {
    const writer = this.writer;
    if (!writer || this.halted) return;
    const now = performance.now();
    const values = [this.state(), ...this.snapshot];
    const parts = loaded().checkpointParts(writer.epoch, writer.seq, this.checkpointId, values);
    this.snapshot = [];
    if (parts.length > MAX_PARTS) {
      const most = MAX_CHECKPOINT / 1_048_576;
      this.halt(new Error(`the page is too large to be shared: compressed it is more than ${most} MiB`));
      return;
    }
    for (const part of parts) this.log.addPart(part, now);
    this.checkpointId += 1;
    this.checkpoints += 1;
    this.lastCheckpoint = now;
  }
}

/** One rule in place of another, as the player does it: added before the other is removed. */
function withNew(sheet: CSSStyleSheet, index: number, text: string): object {
  const rule = withAbsoluteAddresses(text, sheet.href ?? document.baseURI);
  return { adds: [{ rule, index }], removes: [{ index: index + 1 }] };
}
