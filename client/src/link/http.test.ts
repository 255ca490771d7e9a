import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { afterEach, beforeEach, describe, expect, it, vi } from "vitest";
import { type Bytes, MAX_MESSAGE } from "../records";
import { HttpTransport } from "./http";

const ID = "abcdefghijklmnopqrstuvwx";

interface Asked {
  readonly method: string;
  readonly path: string;
  readonly query: URLSearchParams;
  readonly body: string;
  readonly headers: IncomingMessage["headers"];
  readonly response: ServerResponse;
}

/** The server's side of the protocol, played by hand over real HTTP: a test answers each request in turn. */
class Peer {
  readonly heard: string[] = [];
  private readonly asked: Asked[] = [];
  private wake: () => void = () => {};
  private readonly server: Server;

  constructor() {
    this.server = createServer(async (request, response) => {
      const chunks: Buffer[] = [];
      for await (const chunk of request) chunks.push(chunk as Buffer);
      const { pathname: path, searchParams: query } = new URL(request.url ?? "", "http://x");
      const body = Buffer.concat(chunks).toString("latin1");
      const { method = "", headers } = request;
      this.asked.push({ method, path, query, body, headers, response });
      this.heard.push(`${method} ${request.url}`);
      this.wake();
    });
  }

  async listen(): Promise<string> {
    await new Promise<void>((resolve) => this.server.listen(0, "127.0.0.1", resolve));
    return `http://127.0.0.1:${(this.server.address() as AddressInfo).port}/http`;
  }

  async next(method: string): Promise<Asked> {
    for (;;) {
      const index = this.asked.findIndex((one) => one.method === method);
      const [found] = index < 0 ? [] : this.asked.splice(index, 1);
      if (found) return found;
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async opens(): Promise<void> {
    (await this.next("POST")).response.writeHead(201).end(ID);
  }

  async streams(): Promise<ServerResponse> {
    const { response } = await this.next("GET");
    response.writeHead(200);
    response.write(piece(""));
    return response;
  }

  stop(): void {
    this.server.closeAllConnections();
    this.server.close();
  }
}

function piece(text: string): Buffer {
  const header = Buffer.alloc(4);
  header.writeUInt32BE(text.length);
  return Buffer.concat([header, Buffer.from(text, "latin1")]);
}

function closing(code: number, reason: string): Buffer {
  const header = Buffer.alloc(6);
  header.writeUInt32BE(0x8000_0000 + 2 + reason.length);
  header.writeUInt16BE(code, 4);
  return Buffer.concat([header, Buffer.from(reason)]);
}

const bytes = (text: string): Bytes => new TextEncoder().encode(text);

/** The application's side: what it was told, and waiting for it. */
class App {
  readonly told: string[] = [];
  readonly transport: HttpTransport;
  private wake: () => void = () => {};

  constructor(url: string) {
    const tell = (what: string) => {
      this.told.push(what);
      this.wake();
    };
    this.transport = new HttpTransport(url, {
      onopen: () => tell("open"),
      onmessage: (message) => tell(`message ${new TextDecoder().decode(message)}`),
      ondrain: () => tell("drain"),
      onclose: (code, reason) => tell(`close ${code} ${reason}`),
    });
  }

  async until(what: string): Promise<void> {
    while (!this.told.includes(what)) {
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }

  async closed(): Promise<string> {
    for (;;) {
      const last = this.told.at(-1);
      if (last?.startsWith("close ")) return last.slice("close ".length);
      await new Promise<void>((resolve) => {
        this.wake = resolve;
      });
    }
  }
}

describe("HttpTransport", () => {
  let peer: Peer;
  let url: string;
  let app: App;

  beforeEach(async () => {
    HttpTransport.polls = false;
    peer = new Peer();
    url = await peer.listen();
    app = new App(url);
  });
  afterEach(() => {
    app.transport.close();
    peer.stop();
  });

  async function open(): Promise<ServerResponse> {
    await peer.opens();
    const stream = await peer.streams();
    await app.until("open");
    return stream;
  }

  it("opens once the stream flows, and hands on what comes, in order", async () => {
    const stream = await open();
    stream.write(piece("one"));
    stream.write(Buffer.concat([piece("two"), piece(""), piece("three")]));
    await app.until("message three");
    expect(app.told).toEqual(["open", "message one", "message two", "message three"]);
    expect(HttpTransport.polls).toBe(false);
  });

  it("asks for no preflight and shows no cookie", async () => {
    await open();
    app.transport.send(bytes("hello"));
    const { headers } = await peer.next("POST");
    expect(headers["content-type"]).toBeUndefined();
    expect(headers.cookie).toBeUndefined();
  });

  it("polls when the stream ends with nothing but its beginning, and so do the page's next connections", async () => {
    await peer.opens();
    const held = await peer.next("GET");
    held.response.writeHead(200).end(piece(""));
    await app.until("open");
    const poll = await peer.next("GET");
    expect([poll.path, poll.query.has("poll")]).toEqual([`/http/${ID}/0`, true]);
    poll.response.writeHead(200).end(Buffer.concat([piece("one"), piece("two")]));
    await app.until("message two");
    const second = await peer.next("GET");
    expect([second.path, second.query.has("poll")]).toEqual([`/http/${ID}/2`, true]);

    const another = new App(url);
    await peer.opens();
    await another.until("open");
    expect((await peer.next("GET")).query.has("poll")).toBe(true);
    another.transport.close();
  });

  it("polls when a stream is cut each time before anything has come", async () => {
    await peer.opens();
    for (const _ of [1, 2]) (await peer.next("GET")).response.destroy();
    expect((await peer.next("GET")).query.has("poll")).toBe(true);
  });

  it("polls after a stream that let nothing through but its beginning", async () => {
    await open();
    app.transport.send(bytes("hello"));
    (await peer.next("POST")).response.writeHead(204).end();
    await app.until("drain");
    app.transport.close(1000, "silent");
    expect(HttpTransport.polls).toBe(true);
  });

  it("takes a stream that was cut up again after the last whole message", async () => {
    const stream = await open();
    stream.write(Buffer.concat([piece("one"), piece("half of it").subarray(0, 8)]));
    await app.until("message one");
    stream.destroy();
    const again = await peer.next("GET");
    expect([again.path, again.query.has("poll")]).toEqual([`/http/${ID}/1`, false]);
    again.response.writeHead(200);
    again.response.write(Buffer.concat([piece(""), piece("half of it")]));
    await app.until("message half of it");
  });

  it("sends one POST at a time, and what has gathered meanwhile as one message", async () => {
    await open();
    app.transport.send(bytes("a"));
    app.transport.send(bytes("b"));
    const first = await peer.next("POST");
    for (const text of ["c", "d"]) app.transport.send(bytes(text));
    expect(app.transport.bufferedAmount).toBe(4);
    first.response.writeHead(204).end();
    const second = await peer.next("POST");
    second.response.writeHead(204).end();
    expect([first.path, first.body]).toEqual([`/http/${ID}/0`, "ab"]);
    expect([second.path, second.body]).toEqual([`/http/${ID}/1`, "cd"]);
  });

  it("leaves half of what has gathered for the next POST, if it is much", async () => {
    await open();
    for (let i = 0; i < 8; i++) app.transport.send(new Uint8Array(16_384));
    for (const size of [65_536, 32_768, 16_384, 16_384]) {
      const { body, response } = await peer.next("POST");
      expect(body).toHaveLength(size);
      response.writeHead(204).end();
    }
  });

  it("keeps the latest volatile messages for the next POST, and counts them as nothing", async () => {
    await open();
    app.transport.send(bytes("x"));
    const first = await peer.next("POST");
    for (let i = 0; i < 10; i++) app.transport.sendVolatile(bytes(String(i)));
    expect(app.transport.bufferedAmount).toBe(1);
    first.response.writeHead(204).end();
    expect((await peer.next("POST")).body).toBe("23456789");
  });

  it("sends what is volatile before what is much, each other time", async () => {
    await open();
    app.transport.send(bytes("x"));
    const first = await peer.next("POST");
    for (let i = 0; i < 3; i++) app.transport.send(new Uint8Array(16_384));
    const bodies: string[] = [];
    let { response } = first;
    for (const text of ["a", "b", "c", "d"]) {
      app.transport.sendVolatile(bytes(text));
      response.writeHead(204).end();
      const post = await peer.next("POST");
      bodies.push(post.body.length > 16_384 ? `much, ${post.body.at(-1)}` : post.body);
      ({ response } = post);
    }
    expect(bodies).toEqual(["a", "much, b", "c", "much, d"]);
  });

  it("makes a POST that failed again, with the same number", async () => {
    await open();
    app.transport.send(bytes("hello"));
    (await peer.next("POST")).response.destroy();
    (await peer.next("POST")).response.writeHead(502).end("bad gateway");
    const third = await peer.next("POST");
    expect([third.path, third.body]).toEqual([`/http/${ID}/0`, "hello"]);
    third.response.writeHead(204).end();
    await app.until("drain");
  });

  it("gives up a POST that fails every time", async () => {
    await open();
    app.transport.send(bytes("hello"));
    for (let i = 0; i < 4; i++) (await peer.next("POST")).response.writeHead(502).end("bad gateway");
    expect(await app.closed()).toBe("1006 the server answered 502: bad gateway");
  });

  it("acknowledges what comes by a stream though nothing is said", async () => {
    const stream = await open();
    stream.write(Buffer.concat([piece("x".repeat(MAX_MESSAGE)), piece("y")]));
    const { query, body, response } = await peer.next("POST");
    expect(Number(query.get("got"))).toBeGreaterThanOrEqual(1);
    expect(body).toBe("");
    response.writeHead(204).end();
  });

  it("closes as the server says, also when a POST learns it first", async () => {
    const stream = await open();
    app.transport.send(bytes("hello"));
    (await peer.next("POST")).response.writeHead(410).end("4110 over");
    stream.end(Buffer.concat([piece("ended"), closing(4110, "the session is over")]));
    expect(await app.closed()).toBe("4110 the session is over");
    expect(app.told).toContain("message ended");
    expect(app.transport.isOpen).toBe(false);
  });

  it("is lost when the server does not know it any more", async () => {
    const stream = await open();
    stream.destroy();
    (await peer.next("GET")).response.writeHead(404).end("there is no such connection");
    expect(await app.closed()).toBe("1006 the server answered 404: there is no such connection");
  });

  it("says when the server is full, and when what answers is another", async () => {
    (await peer.next("POST")).response.writeHead(503).end("full");
    expect(await app.closed()).toBe("1013 the server answered 503: full");
  });

  it("takes the server's own word on why it does not open", async () => {
    (await peer.next("POST")).response.writeHead(403).end("4102 pages of 'null' do not belong here");
    expect(await app.closed()).toBe("4102 pages of 'null' do not belong here");
  });

  it("does not take a proxy's word for the server's", async () => {
    (await peer.next("POST")).response.writeHead(403).end("<h1>Forbidden</h1>");
    expect(await app.closed()).toBe("1006 the server answered 403: <h1>Forbidden</h1>");
    const other = new App(url);
    (await peer.next("POST")).response.writeHead(200).end("<html>Please log in</html>");
    expect(await other.closed()).toBe("1006 the server answered 200: <html>Please log in</html>");
    const another = new App(url);
    await peer.opens();
    (await peer.next("GET")).response.writeHead(200).end("<html>Please log in</html>");
    expect(await another.closed()).toMatch(/^1006 a piece of \d+ bytes; something on the way/);
  });

  it("delivers what was sent before it leaves, and says that it leaves", async () => {
    await open();
    app.transport.send(bytes("a"));
    const first = await peer.next("POST");
    app.transport.send(bytes("end"));
    app.transport.close(1000, "");
    expect(app.told).toEqual(["open", "close 1000 "]);
    app.transport.send(bytes("not any more"));
    first.response.writeHead(204).end();
    const last = await peer.next("POST");
    expect([last.path, last.body, last.query.has("close")]).toEqual([`/http/${ID}/1`, "end", true]);
    last.response.writeHead(204).end();
  });

  it.each([
    ["what is on its way", ["a"], "a", true],
    ["all that waits", ["a".repeat(10_000), "b".repeat(10_000)], `${"a".repeat(10_000)}${"b".repeat(10_000)}c`, false],
  ])("says %s and that it leaves in one request when the page goes", async (_, texts, body, isOnItsWay) => {
    const page = new EventTarget();
    vi.stubGlobal("addEventListener", page.addEventListener.bind(page));
    vi.stubGlobal("removeEventListener", page.removeEventListener.bind(page));
    const going = new App(url);
    for (const _ of [1, 2]) await peer.opens();
    for (const _ of [1, 2]) await peer.streams();
    await going.until("open");
    for (const text of texts) going.transport.send(bytes(text));
    if (isOnItsWay) await peer.next("POST");
    else going.transport.sendVolatile(bytes("c"));
    page.dispatchEvent(new Event("pagehide"));
    expect(going.told.at(-1)).toBe("close 1001 the page is gone");
    const last = await peer.next("POST");
    expect([last.path, last.body, last.query.has("close")]).toEqual([`/http/${ID}/0`, body, true]);
    vi.unstubAllGlobals();
  });

  it("closes when too much waits", async () => {
    await open();
    app.transport.send(bytes("x"));
    await peer.next("POST");
    for (let i = 0; i < 17; i++) app.transport.send(new Uint8Array(MAX_MESSAGE));
    expect(await app.closed()).toBe("1006 over 1048576 bytes wait for the server");
  });

  it("can be closed while it opens", async () => {
    app.transport.close(1000, "not needed");
    expect(app.told).toEqual(["close 1000 not needed"]);
  });
});
