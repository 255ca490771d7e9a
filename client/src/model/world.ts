/**
 * Everybody together: a visitor, the server, and viewers, on roads that lose, repeat and reorder what they carry, break
 * and fall silent. What runs in browsers is the product's own: writer, log, feeds, paths, reader, states. It is the
 * counterpart of `tests/model.py`, where the server's core is the product's own. One number makes a whole history.
 */
import { DirectFeed, RelayFeed } from "../broadcaster/feeds";
import type { Recorder } from "../broadcaster/recorder";
import { WINDOW_FRAMES } from "../log";
import type { Subscribe, Unsubscribe } from "../protocol.gen";
import { type Bytes, decode, type Frame, type Part } from "../records";
import type { Command, Path } from "../viewer/paths";
import { Chance } from "./chance";
import { type Carried, Link } from "./road";
import { Server } from "./server";
import { type Answer, type Kinds, OWN, Viewer, Wrong } from "./viewer";
import { Visitor } from "./visitor";

/** Steps between two times at which all roads are well, and everybody must be live. */
const UNREST = 500;
/** Items that wait in a road; a transport takes no more. */
const MAX_ON_THE_WAY = 40;
const MAX_DIRECT = 4;
const PATHS = ["relay", "direct"] as const;

type Step = () => boolean;
type Links = Record<Path, Link>;

export interface Parts {
  readonly visitor?: typeof Visitor;
  readonly kinds?: Kinds;
}

export class World {
  steps = 0;
  readonly last: string[] = [];
  readonly visitor: Visitor;
  readonly viewers: Viewer[];
  private readonly chance: Chance;
  private readonly gently: boolean;
  private readonly harmful: number;
  private readonly unrest: number;
  private readonly windowBytes: number;
  private readonly windowMs: number;
  private readonly kinds: Kinds;
  private readonly line = new Link();
  private readonly links = new Map<string, Links>();
  private readonly feed: RelayFeed;
  private readonly direct = new Map<string, DirectFeed>();
  private readonly joined = new Set<string>();
  private server: Server | null = null;
  private granted = 0;
  private lastEpoch = 0;
  private readonly slow = new Set<string>();
  private readonly usual: Step[];
  private readonly rare: Step[];

  /** `clock` is what `performance.now()` says. */
  constructor(
    readonly seed: number,
    readonly clock: { now: number },
    parts: Parts = {},
  ) {
    const chance = new Chance(seed);
    this.chance = chance;
    clock.now = 1_000;
    this.gently = chance.happens(0.6);
    this.harmful = chance.one([0, 0.01, 0.05]);
    this.unrest = chance.one([0.002, 0.01, 0.05]);
    this.windowBytes = chance.happens(0.06) ? 80_000 : chance.one([600, 3_000, 20_000]);
    this.windowMs = chance.one([4_000, 120_000]);
    this.visitor = new (parts.visitor ?? Visitor)(chance, this.windowMs, this.windowBytes, clock);
    this.feed = new RelayFeed(this.recorder);
    this.kinds = parts.kinds ?? OWN;
    this.viewers = Array.from({ length: chance.one([1, 2, 3, 6]) }, (_, n) => new Viewer(`v${n}`, this.kinds));
    for (const { id } of this.viewers) {
      this.links.set(id, { relay: new Link(), direct: new Link() });
      if (chance.happens(0.2)) this.slow.add(id);
    }
    const often: [Step, number][] = [
      [this.pageChanges, 10],
      [this.pageFlushes, 8],
      [this.pageCuts, 4],
      [this.pagePumps, 14],
      [this.pageHears, 8],
      [this.serverHearsPage, 24],
      [this.serverHears, 12],
      [this.serverSends, 30],
      [this.viewerHears, 50],
      [this.viewerConnects, 6],
      [this.viewerGoesDirect, 2],
      [this.directHears, 8],
      [this.directSends, 20],
      [this.linkHarms, 12],
      [this.timePasses, 3],
    ];
    // In some, paths come and go.
    if (chance.happens(0.3)) often.push([this.viewerGoesDirect, 10], [this.viewerLeavesDirect, 8]);
    this.usual = often.flatMap(([step, weight]) => Array<Step>(weight).fill(step));
    const { pageConnects, pageLoads, pageBegins, serverRestarts, viewerLoads } = this;
    this.rare = [pageConnects, pageLoads, pageBegins, serverRestarts, viewerLoads];
    this.rare.push(...Array<Step>(6).fill(this.serverMisses), ...Array<Step>(12).fill(this.linkDies));
    this.pageConnects();
  }

  // Running --------------------------------------------------------------------------------------------------------

  /** Take that many steps, or a few more. Throws Wrong, with what is needed to see it again. */
  run(steps: number): number {
    try {
      while (this.steps < steps) {
        const until = this.steps + UNREST;
        while (this.steps < until)
          this.take(this.chance.one(this.chance.happens(this.unrest) ? this.rare : this.usual));
        this.heal();
      }
    } catch (error) {
      const last = this.last.slice(-40).join("\n  ");
      throw new Wrong(`${error}\nWorld(${this.seed}).run(${steps}) fails at step ${this.steps}, after\n  ${last}`);
    }
    return this.steps;
  }

  /** One step; it counts if anything happened. */
  private take(step: Step, name = step.name): boolean {
    if (!step.call(this)) return false;
    if (this.last.length >= 80) this.last.splice(0, 40);
    this.last.push(`${this.steps} ${name}`);
    this.steps += 1;
    this.checkBounds();
    return true;
  }

  private get some(): Viewer {
    return this.chance.one(this.viewers);
  }

  private linksOf({ id }: { id: string }): Links {
    return this.links.get(id) as Links;
  }

  private tell(viewer: Viewer, commands: readonly Command[]): void {
    for (const { path, message } of commands) {
      const link = this.linksOf(viewer)[path];
      link.put(link.up, [message]);
    }
    viewer.settle(this.clock.now, this.linksOf(viewer).relay.isOpen);
  }

  private get recorder(): Recorder {
    return this.visitor as unknown as Recorder;
  }

  // The page -------------------------------------------------------------------------------------------------------

  private pageChanges(): boolean {
    if (this.visitor.log.epoch === 0) return false;
    this.visitor.change();
    return true;
  }

  private pageFlushes(): boolean {
    if (this.visitor.waiting.length === 0) return false;
    this.visitor.flush();
    return true;
  }

  private pageCuts(): boolean {
    return this.visitor.cut();
  }

  private pagePumps(limit = this.chance.one([1, 200, 2_000])): boolean {
    const { up } = this.line;
    if (!this.line.isOpen || up.items.length > MAX_ON_THE_WAY) return false;
    const items = carried(this.feed.take(limit));
    this.line.put(up, items);
    return items.length > 0;
  }

  private pageHears(): boolean {
    const item = this.line.down.items.shift();
    if (!item || !("type" in item)) return false;
    if (item.type === "demand") {
      this.feed.demand(item);
    } else if (item.type === "welcome" || item.type === "begun") {
      if (item.type === "welcome") this.feed.begin();
      this.granted = this.lastEpoch = item.epoch;
      if (this.visitor.log.epoch !== item.epoch) this.visitor.begin(item.epoch);
    }
    return true;
  }

  /** Anew, whether or not the server has missed it; to a server that may have forgotten everything. */
  private pageConnects(): boolean {
    this.server ??= new Server(this.windowMs, this.windowBytes, {
      page: (message) => this.line.put(this.line.down, [message]),
      viewer: (id, message) => {
        const { relay } = this.linksOf({ id });
        if (this.joined.has(id)) relay.put(relay.down, [message]);
      },
      drop: (id) => this.relayEnds(this.viewers.find((one) => one.id === id) as Viewer, true),
    });
    this.line.open();
    this.feed.begin();
    this.server.arrive(this.granted, this.lastEpoch, this.clock.now, (epoch) =>
      this.line.put(this.line.down, [{ type: "welcome", epoch }]),
    );
    return true;
  }

  /** The page has noticed that its connection is gone. */
  private pageLost(): void {
    this.line.close();
    this.feed.begin();
  }

  /** Another page: another log, and no direct path is left. What it showed is there again. */
  private pageLoads(): boolean {
    this.pageLost();
    this.granted = 0;
    this.visitor.log.begin(0);
    for (const viewer of this.viewers) this.directEnds(viewer);
    return this.pageConnects();
  }

  /** As when it goes on after a pause. */
  private pageBegins(): boolean {
    if (this.line.isOpen) this.line.put(this.line.up, [{ type: "begin", epoch: 0 }]);
    else this.granted = 0; // the next connection asks for another epoch
    return true;
  }

  // The server -----------------------------------------------------------------------------------------------------

  private serverHearsPage(): boolean {
    if (!this.server) return false;
    const item = this.line.up.items.shift();
    if (!item) return false;
    if (!("type" in item)) this.server.take(item, this.clock.now);
    else if (item.type === "begin") this.server.begin(this.clock.now);
    return true;
  }

  private serverHears(viewer = this.some): boolean {
    if (!this.server || !this.joined.has(viewer.id)) return false;
    const item = this.linksOf(viewer).relay.up.items.shift() as Subscribe | Unsubscribe | undefined;
    if (!item) return false;
    if (item.type === "subscribe") this.server.subscribe(viewer.id, item, this.clock.now);
    else this.server.unsubscribe(viewer.id, item, this.clock.now);
    return true;
  }

  /** What the log has for a viewer; the records go into the void where the connection is no more. */
  private serverSends(viewer = this.some, limit = 0): boolean {
    if (limit === 0 && this.slow.has(viewer.id) && this.chance.happens(0.9)) return false;
    const { relay } = this.linksOf(viewer);
    if (!this.server || !this.joined.has(viewer.id) || relay.down.items.length > MAX_ON_THE_WAY) return false;
    const items = this.server.pull(viewer.id, limit || this.chance.one([1, 300, 4_000]), this.clock.now);
    relay.put(relay.down, items);
    return items.length > 0;
  }

  /** It notices that somebody is gone. */
  private serverMisses(): boolean {
    if (!this.server) return false;
    if (!this.line.isOpen && this.server.present) {
      this.server.depart();
      return true;
    }
    const { id } = this.some;
    if (!this.joined.has(id) || this.linksOf({ id }).relay.isOpen) return false;
    this.joined.delete(id);
    this.server.leave(id, this.clock.now);
    return true;
  }

  /** Everything is forgotten, and every connection is gone. */
  private serverRestarts(): boolean {
    this.server = null;
    this.joined.clear();
    this.pageLost();
    for (const viewer of this.viewers) this.relayEnds(viewer);
    return true;
  }

  // Viewers --------------------------------------------------------------------------------------------------------

  /** To the server, if its session is there: anew, or before the last connection was missed. */
  private viewerConnects(viewer = this.some): boolean {
    const { relay } = this.linksOf(viewer);
    if (!this.server || relay.isOpen) return false;
    relay.open();
    this.joined.add(viewer.id);
    this.tell(viewer, viewer.paths.opened("relay", viewer.reader.position));
    return true;
  }

  /** The connection to the server is closed, and both ends know, or the server does not yet. */
  private relayEnds(viewer: Viewer, isKnown = false): void {
    const { relay } = this.linksOf(viewer);
    if (relay.isOpen) {
      relay.close();
      this.tell(viewer, viewer.paths.closed("relay", viewer.reader.position));
    }
    if (this.server && this.joined.has(viewer.id) && (isKnown || this.chance.happens(0.5))) {
      this.joined.delete(viewer.id);
      this.server.leave(viewer.id, this.clock.now);
    }
  }

  /** It opens a direct path, or tries again by the one that it has. */
  private viewerGoesDirect(viewer = this.some): boolean {
    const { direct } = this.linksOf(viewer);
    if (direct.isOpen) {
      if (viewer.paths.has("direct") || viewer.reader.starting) return false;
    } else {
      if (this.direct.size >= MAX_DIRECT || this.visitor.log.epoch === 0) return false;
      direct.open();
      this.direct.set(viewer.id, new DirectFeed(this.recorder));
    }
    this.tell(viewer, viewer.paths.opened("direct", viewer.reader.position));
    return true;
  }

  private viewerLeavesDirect(): boolean {
    return this.directEnds(this.some);
  }

  private directEnds(viewer: Viewer): boolean {
    if (!this.direct.delete(viewer.id)) return false;
    this.linksOf(viewer).direct.close();
    this.tell(viewer, viewer.paths.closed("direct", viewer.reader.position));
    return true;
  }

  private directHears(viewer = this.some): boolean {
    const feed = this.direct.get(viewer.id);
    const item = feed && (this.linksOf(viewer).direct.up.items.shift() as Subscribe | Unsubscribe | undefined);
    if (!item) return false;
    if (item.type === "subscribe") feed.subscribe(item);
    else feed.unsubscribe(item);
    return true;
  }

  private directSends(viewer = this.some, limit = this.chance.one([1, 300, 4_000])): boolean {
    const { direct } = this.linksOf(viewer);
    const feed = this.direct.get(viewer.id);
    if (!feed || direct.down.items.length > MAX_ON_THE_WAY) return false;
    const items = carried(feed.take(limit));
    direct.put(direct.down, items);
    return items.length > 0;
  }

  private viewerHears(viewer = this.some, path: Path = this.chance.one(PATHS)): boolean {
    const item = this.linksOf(viewer)[path].down.items.shift() as Frame | Part | Answer | undefined;
    if (!item) return false;
    this.tell(viewer, viewer.receive(path, item));
    this.checkShown(viewer);
    return true;
  }

  /** It opens its page anew, as who it was. */
  private viewerLoads(): boolean {
    const viewer = this.some;
    this.directEnds(viewer);
    if (this.linksOf(viewer).relay.isOpen) this.relayEnds(viewer);
    this.viewers[this.viewers.indexOf(viewer)] = new Viewer(viewer.id, this.kinds);
    return true;
  }

  // What happens to all --------------------------------------------------------------------------------------------

  /** A connection is cut, or falls silent first; what is on its way is lost. */
  private linkDies(): boolean {
    const viewer = this.some;
    const which = this.chance.one(["line", "relay", "direct", "direct"] as const);
    const link = which === "line" ? this.line : this.linksOf(viewer)[which];
    if (!link.isOpen) return false;
    if (!link.silent && this.chance.happens(0.5)) {
      link.silent = true;
      link.clear();
    } else if (which === "line") this.pageLost();
    else this.end(viewer, which);
    return true;
  }

  private end(viewer: Viewer, path: Path): void {
    if (path === "relay") this.relayEnds(viewer);
    else this.directEnds(viewer);
  }

  private linkHarms(): boolean {
    if (!this.chance.happens(this.harmful * 10)) return false;
    const which = this.chance.one(["line", "relay", "direct"] as const);
    const link = which === "line" ? this.line : this.linksOf(this.some)[which];
    const isDown = which !== "line" || this.chance.happens(0.2);
    return (isDown ? link.down : link.up).harm(this.chance, this.gently);
  }

  private timePasses(ms = this.chance.one([20, 200, 2_100])): boolean {
    this.clock.now += ms;
    this.visitor.log.trim(this.clock.now);
    this.server?.tick(this.clock.now);
    for (const viewer of this.viewers) viewer.settle(this.clock.now, this.linksOf(viewer).relay.isOpen);
    return true;
  }

  // What must hold -------------------------------------------------------------------------------------------------

  /** What a viewer shows at a position is what had happened there. */
  private checkShown({ id, reader, shown }: Viewer): void {
    const upto = reader.epoch === this.visitor.log.epoch ? this.visitor.upto.get(reader.seq) : undefined;
    if (upto !== undefined && upto !== shown)
      throw new Wrong(`${id} shows ${shown} at (${reader.epoch}, ${reader.seq}), where it was ${upto}`);
  }

  /** Logs keep to their windows, and nothing is asked of the page unless somebody reads. */
  private checkBounds(): void {
    for (const log of [this.visitor.log, this.server?.log])
      if (log && (log.size > this.windowBytes || log.next - log.first > WINDOW_FRAMES))
        throw new Wrong(`a log of ${log.size} bytes in ${log.next - log.first} frames`);
    if (this.server?.present && this.server.demanded.frames !== this.server.subscriptions.size > 0)
      throw new Wrong(
        `frames ${this.server.demanded.frames} are demanded by ${this.server.subscriptions.size} readers`,
      );
  }

  /** All roads are well, and carry: after a while everybody shows everything. */
  private heal(): void {
    if (this.line.isBroken || !this.line.isOpen || !this.server) {
      this.pageLost();
      this.take(this.pageConnects);
    }
    for (const viewer of this.viewers)
      for (const path of PATHS) if (this.linksOf(viewer)[path].isBroken) this.end(viewer, path);
    for (let turn = 0; turn < 12; turn++) {
      this.take(() => this.timePasses(2_100), "timePasses");
      if (turn < 6) {
        this.take(this.pageChanges);
        this.take(this.pageFlushes);
      }
      for (const viewer of this.viewers) this.take(() => this.viewerConnects(viewer), `${viewer.id} connects`);
      this.flow();
    }
    for (const viewer of this.viewers) this.checkLive(viewer);
  }

  /** Everything that can move does, until nothing can. */
  private flow(): void {
    for (let isMoving = true; isMoving; ) {
      isMoving = this.take(this.pageFlushes);
      isMoving = this.take(this.pageCuts) || isMoving;
      while (
        this.take(this.pageHears) ||
        this.take(() => this.pagePumps(2_000), "pagePumps") ||
        this.take(this.serverHearsPage)
      )
        isMoving = true;
      for (const viewer of this.viewers) {
        const steps: [string, Step][] = [
          ["serverHears", () => this.serverHears(viewer)],
          ["serverSends", () => this.serverSends(viewer, 4_000)],
          ["directHears", () => this.directHears(viewer)],
          ["directSends", () => this.directSends(viewer, 4_000)],
        ];
        for (const [name, step] of steps) isMoving = this.take(step, `${viewer.id} ${name}`) || isMoving;
        for (const path of PATHS)
          while (this.take(() => this.viewerHears(viewer, path), `${viewer.id} hears ${path}`)) isMoving = true;
      }
    }
  }

  private checkLive({ id, paths, reader, shown, state }: Viewer): void {
    if (state !== "live" || paths.active === null || shown !== this.visitor.happened)
      throw new Wrong(
        `${id} is ${state}: it shows ${shown} of ${this.visitor.happened} events, at (${reader.epoch}, ${reader.seq}) of ` +
          `(${this.visitor.log.epoch}, ${this.visitor.log.next - 1}), by ${paths.active}`,
      );
  }
}

function carried(pieces: readonly Bytes[]): Carried[] {
  return pieces.flatMap((piece) => decode(piece) as unknown as Carried[]);
}
