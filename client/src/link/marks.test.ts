/** What is on its way is what was sent before the last mark and after the last that came back. */
import { describe, expect, it } from "vitest";
import { Marks } from "./marks";

describe("Marks", () => {
  it("asks for a ping after each 8 KiB", () => {
    const marks = new Marks();
    expect(marks.add(8_000)).toBe(false);
    expect(marks.add(192)).toBe(true);
    marks.mark(1);
    expect(marks.add(8_191)).toBe(false);
    expect(marks.add(1)).toBe(true);
  });

  it("counts as waiting what stands between the marks that are out", () => {
    const marks = new Marks();
    marks.add(10_000);
    expect(marks.waiting).toBe(0); // not marked: little, and it will be known with the next
    marks.mark(1);
    marks.add(20_000);
    marks.mark(2);
    expect(marks.waiting).toBe(30_000);
    marks.passed(1, 5);
    expect(marks.waiting).toBe(20_000);
    marks.passed(2, 6);
    expect(marks.waiting).toBe(0);
  });

  it("learns from any later ping, and keeps the shortest round trip", () => {
    const marks = new Marks();
    marks.add(10_000);
    marks.mark(1);
    marks.passed(0, 40);
    expect(marks.waiting).toBe(10_000);
    marks.passed(3, 10);
    expect(marks.waiting).toBe(0);
    expect(marks.roundTripMs).toBe(7);
  });
});
