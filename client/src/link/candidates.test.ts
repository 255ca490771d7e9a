import { describe, expect, it } from "vitest";
import { Candidates } from "./candidates";

const of = (address: string, port = 50_000) => `candidate:1 1 udp 2122260223 ${address} ${port} typ host generation 0`;
const takes = (candidate: string) => new Candidates().takes(candidate);

describe("candidates of another participant", () => {
  it.each([
    "192.168.0.7",
    "10.1.2.3",
    "198.51.100.7",
    "2001:db8::7",
    "2a02:8108:1:2:3:4:5:6",
    "fd12:3456:789a::1",
    "d5c1f8a0-6c7e-4f0e-9a7c-3a0a52e9f3c1.local",
  ])("takes %s", (address) => {
    expect(takes(of(address))).toBe(true);
    expect(takes(`a=${of(address)}`)).toBe(true);
  });

  it.each([
    "127.0.0.1",
    "127.9.9.9",
    "0.0.0.0",
    "169.254.169.254",
    "100.100.100.200",
    "168.63.129.16",
    "192.0.0.192",
    "224.0.0.251",
    "255.255.255.255",
    "256.1.1.1",
    "0177.0.0.1",
    "2130706433",
    "::1",
    "::",
    "::ffff:127.0.0.1",
    "::ffff:7f00:1",
    "0:0:0:0:0:0:0:1",
    "64:ff9b::7f00:1",
    "2002:7f00:1::",
    "fe80::1",
    "ff02::1",
    "fd00:ec2::254",
    "localhost",
    "metadata.google.internal",
    "router.local",
    "intranet",
    "d5c1f8a0-6c7e-4f0e-9a7c-3a0a52e9f3c1.local.evil.example",
  ])("leaves out %s", (address) => {
    expect(takes(of(address))).toBe(false);
  });

  it.each([
    of("192.168.0.7", 0),
    of("192.168.0.7", 22),
    of("192.168.0.7", 70_000),
    "candidate:1 1 udp 1 192.168.0.7",
    "x",
    "a".repeat(100_000),
  ])("leaves out what is none", (candidate) => {
    expect(takes(candidate)).toBe(false);
  });

  it("takes their end, and tells TCP by the address as well", () => {
    expect(takes("")).toBe(true);
    expect(takes("candidate:1 1 tcp 1518280447 192.168.0.7 9 typ host tcptype active")).toBe(true);
    expect(takes("candidate:1 1 tcp 1518280447 127.0.0.1 9 typ host tcptype passive")).toBe(false);
  });

  it("takes fifty in all, from descriptions and one by one", () => {
    const candidates = new Candidates();
    const lines = Array.from({ length: 1_000 }, (_, n) => `a=${of("192.168.0.7", 10_000 + n)}`);
    const sdp = ["v=0", "a=candidate:1 1 udp 1 127.0.0.1 80 typ host", ...lines.slice(0, 40), "a=mid:0", ""].join(
      "\r\n",
    );
    expect(candidates.without(sdp).split("\r\n")).toEqual(["v=0", ...lines.slice(0, 40), "a=mid:0", ""]);
    expect(lines.filter((line) => candidates.takes(line))).toHaveLength(10);
    expect(candidates.without(lines.join("\n"))).toBe("");
  });
});
