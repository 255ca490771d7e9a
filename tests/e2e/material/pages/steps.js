// Turns one function into the interface of every page here:
//   drive(n)    does step n, the same each time for the same steps before it; a promise when the step needs time
//   start(hz)   does the steps after the last one, hz of them a second, until stop()
//   steps       how many steps were done

/** A small seeded generator (mulberry32), with what the pages need. */
function seeded(seed) {
  let state = (seed + 1) * 0x9e3779b9;
  const next = () => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) / 4294967296;
  };
  const below = (limit) => Math.floor(next() * limit);
  return {
    below,
    pick: (list) => list[below(list.length)],
    word: () => Array.from({ length: 3 + below(6) }, () => "abcdefghijklmnopqrstuvwxyz"[below(26)]).join(""),
    shuffle: (list) => {
      const copy = Array.from(list);
      for (let i = copy.length - 1; i > 0; i -= 1) {
        const j = below(i + 1);
        [copy[i], copy[j]] = [copy[j], copy[i]];
      }
      return copy;
    },
  };
}

/** `step(random, n)` changes the page once. */
function drivenBy(step) {
  let timer = 0;
  window.steps = 0;
  window.drive = (n) => {
    window.steps = n + 1;
    return step(seeded(n), n);
  };
  window.start = (hz) => {
    window.stop();
    const began = performance.now();
    let done = 0;
    let busy = false;
    timer = setInterval(async () => {
      if (busy) return;
      busy = true;
      // Timers are late and coarse: catch up, so that the rate over a second is the rate asked for.
      const due = Math.floor(((performance.now() - began) * hz) / 1000);
      for (; done < due && timer; done += 1) {
        const pending = window.drive(window.steps);
        if (pending) await pending;
      }
      busy = false;
    }, 4);
  };
  window.stop = () => {
    clearInterval(timer);
    timer = 0;
  };
}

Object.assign(window, { drivenBy, seeded });
