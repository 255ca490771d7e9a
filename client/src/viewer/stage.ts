/**
 * The stage holds the page scaled to fit, the visitor's pointer and clicks drawn by us, and a layer on top that takes
 * the agent's pointer: nothing of the page itself is ever touched.
 */
import { type Anchor, anchorAt, deepestAt, type Point, pointOf } from "../anchor";
import { Player } from "./player";

export interface Bounds {
  readonly width: number;
  readonly height: number;
}

const INCREMENTAL = 3;
const MOUSE_INTERACTION = 2;
const CLICK = 2;
const POINTER_EVERY_MS = 33;
const RIPPLE_MS = 600;

export class Stage {
  readonly element = document.createElement("div");
  readonly player: Player;
  private readonly frame = document.createElement("div");
  private readonly page = document.createElement("div");
  private readonly layer = document.createElement("div");
  private readonly pointer = document.createElement("div");
  private size: Bounds = { width: 1280, height: 720 };
  private scale = 1;
  private lastPointer = 0;

  /** `onpointer` is called with where the agent points, at most 30 times a second; null when it leaves. */
  constructor(private readonly onpointer: (anchor: Anchor | null) => void) {
    this.element.className = "stage";
    this.frame.className = "page-frame";
    this.page.className = "page";
    this.layer.className = "layer";
    this.pointer.className = "visitor-pointer";
    this.pointer.hidden = true;
    this.layer.append(this.pointer);
    this.frame.append(this.page, this.layer);
    this.element.append(this.frame);
    this.player = new Player(this.page, (size) => {
      this.size = size;
      this.fit();
    });
    new ResizeObserver(() => this.fit()).observe(this.element);
    this.layer.addEventListener("pointermove", (event) => this.moved(event));
    this.layer.addEventListener("pointerleave", () => this.onpointer(null));
  }

  restore(events: readonly unknown[]): void {
    this.pointer.hidden = true;
    this.player.restore(events);
  }

  apply(events: readonly unknown[]): void {
    for (const event of this.player.apply(events)) this.drawClick(event);
  }

  clear(): void {
    this.pointer.hidden = true;
    this.player.clear();
  }

  /** Draw the visitor's pointer; null hides it. */
  point(anchor: Anchor | null): void {
    const { mirror, iframe } = this.player;
    const point = anchor && mirror && iframe?.contentWindow ? pointOf(anchor, mirror, iframe.contentWindow) : null;
    this.pointer.hidden = !point;
    if (point) this.pointer.style.transform = `translate(${point.x * this.scale}px, ${point.y * this.scale}px)`;
  }

  private drawClick(event: unknown): void {
    const { type, data } = event as { type: number; data: { source?: number; type?: number; x?: number; y?: number } };
    if (type !== INCREMENTAL || data.source !== MOUSE_INTERACTION || data.type !== CLICK) return;
    if (typeof data.x !== "number" || typeof data.y !== "number") return;
    const ripple = document.createElement("div");
    ripple.className = "ripple";
    ripple.style.transform = `translate(${data.x * this.scale}px, ${data.y * this.scale}px)`;
    this.layer.append(ripple);
    setTimeout(() => ripple.remove(), RIPPLE_MS);
  }

  private fit(): void {
    const { width, height } = this.size;
    const room = this.element.getBoundingClientRect();
    if (room.width === 0 || width === 0 || height === 0) return;
    this.scale = Math.min(room.width / width, room.height / height, 1);
    this.page.style.width = `${width}px`;
    this.page.style.height = `${height}px`;
    this.page.style.transform = `scale(${this.scale})`;
    this.frame.style.width = `${width * this.scale}px`;
    this.frame.style.height = `${height * this.scale}px`;
  }

  private moved(event: PointerEvent): void {
    const now = performance.now();
    if (now - this.lastPointer < POINTER_EVERY_MS) return;
    const { iframe, mirror } = this.player;
    const { contentDocument, contentWindow } = iframe ?? {};
    if (!contentDocument || !contentWindow || !mirror) return;
    this.lastPointer = now;
    const box = this.frame.getBoundingClientRect();
    const point: Point = { x: (event.clientX - box.left) / this.scale, y: (event.clientY - box.top) / this.scale };
    const deepest = deepestAt(point, contentDocument);
    this.onpointer(anchorAt(deepest?.element ?? null, deepest?.point ?? point, contentWindow, mirror));
  }
}
