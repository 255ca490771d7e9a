// A table of `?rows=` rows, 17 nodes each, and the changes that the benchmark measures. The same at each run.
const COLUMNS = 8;
const body = document.querySelector("tbody");
const probe = document.querySelector("#probe");
const pause = (ms) => new Promise((resolve) => setTimeout(resolve, ms));
const { port1, port2 } = new MessageChannel();
const nextTask = () =>
  new Promise((resolve) => {
    port1.onmessage = resolve;
    port2.postMessage(null);
  });

/** Numbers below `limit`, the same for the same seed (mulberry32). */
function numbers(seed) {
  let state = seed;
  return (limit) => {
    state = (state + 0x6d2b79f5) | 0;
    let t = Math.imul(state ^ (state >>> 15), 1 | state);
    t = (t + Math.imul(t ^ (t >>> 7), 61 | t)) ^ t;
    return ((t ^ (t >>> 14)) >>> 0) % limit;
  };
}

function addRow(name, below) {
  const row = document.createElement("tr");
  for (let c = 0; c < COLUMNS; c += 1) {
    const cell = row.insertCell();
    cell.className = ["up", "down", "flat"][below(3)];
    cell.append(c === 0 ? name : (below(100_000) / 100).toFixed(2));
  }
  body.append(row);
}

function step(below, n) {
  const row = body.rows[below(body.rows.length)];
  const cell = row.cells[1 + below(COLUMNS - 1)];
  const kind = below(100);
  if (kind < 60) cell.firstChild.data = (below(100_000) / 100).toFixed(2);
  else if (kind < 85) cell.className = ["up", "down", "flat"][below(3)];
  else if (kind < 90) row.classList.toggle("hot");
  else if (kind < 95) addRow(`New row ${n}`, below);
  else row.remove();
}

window.steps = {
  /** `count` steps, `together` of them in one task, `tasks` of those at once, `hertz` times a second. */
  async paced(seed, count, together, tasks, hertz) {
    const below = numbers(seed);
    const start = performance.now();
    for (let n = 0; n < count; n += 1) {
      const wait = start + (n / together / tasks) * (1_000 / hertz) - performance.now();
      if (n % (together * tasks) === 0) await pause(Math.max(0, wait));
      else if (n % together === 0) await nextTask();
      step(below, n);
    }
  },
  /** The same steps in the same tasks, as fast as may be. */
  async fast(seed, count, together) {
    const below = numbers(seed);
    for (let n = 0; n < count; n += 1) {
      step(below, n);
      if ((n + 1) % together === 0) await nextTask();
    }
  },
};

/** Change the probe `count` times, far enough apart for a session to be idle; the time of each, on this page's clock. */
window.probes = async (first, count) => {
  const below = numbers(first);
  const times = [];
  for (let n = first; n < first + count; n += 1) {
    await pause(35 + below(10));
    times.push(performance.now());
    probe.firstChild.data = String(n);
  }
  return times;
};

const OPERATIONS = {
  text: (n) => {
    body.rows[n % 250].cells[3].firstChild.data = String(Math.random());
  },
  class: (n) => {
    body.rows[n % 250].cells[n % 7].className = `c${n}${Math.random()}`;
  },
  add: (n) => addRow(`Row ${n}`, (limit) => Math.floor(Math.random() * limit)),
};

/** `count` operations in one task, up to when a recorder was told, and where the page is `logged` the log has them. */
window.changed = async (operation, count, logged) => {
  const rows = body.rows.length;
  await pause(50);
  const position = () => globalThis.Cobrowse.session.stats().seq;
  const before = logged ? position() : null;
  for (let n = 0; n < count; n += 1) OPERATIONS[operation](n);
  do await nextTask();
  while (logged && position() === before);
  while (body.rows.length > rows) body.lastChild.remove();
  await pause(50);
};

const below = numbers(1);
const count = Number(new URLSearchParams(location.search).get("rows") ?? 60);
for (let r = 0; r < count; r += 1) addRow(`Row ${r}`, below);
