import { products } from "./catalog.js";

const storageKey = "oddkiln-prices";
const historyLength = 24;
const tickMilliseconds = 1400;

export const prices = new EventTarget();

function freshHistory(product) {
  const values = [product.price];
  while (values.length < historyLength) {
    values.unshift(nextPrice(product, values[0]));
  }
  return values;
}

function nextPrice(product, price) {
  const pull = (product.price - price) * 0.12;
  const drift = (Math.random() - 0.5) * product.price * 0.05;
  return Math.round((price + pull + drift) * 100) / 100;
}

function restore() {
  try {
    return JSON.parse(sessionStorage.getItem(storageKey)) ?? {};
  } catch {
    return {};
  }
}

const saved = restore();
const histories = new Map(
  products.map((product) => [product.id, saved.histories?.[product.id] ?? freshHistory(product)]),
);
let paused = saved.paused ?? false;
let kiln = saved.kiln ?? 1142;

function save() {
  const state = { histories: Object.fromEntries(histories), paused, kiln };
  sessionStorage.setItem(storageKey, JSON.stringify(state));
}

function pickSome(count) {
  return [...products].sort(() => Math.random() - 0.5).slice(0, count);
}

function tick() {
  if (paused) {
    return;
  }
  kiln = Math.max(980, Math.min(1280, kiln + Math.round((Math.random() - 0.5) * 18)));
  const changes = pickSome(3).map((product) => {
    const history = histories.get(product.id);
    const before = history.at(-1);
    const price = nextPrice(product, before);
    history.push(price);
    history.splice(0, history.length - historyLength);
    return { id: product.id, price, direction: price < before ? "down" : "up" };
  });
  save();
  prices.dispatchEvent(new CustomEvent("tick", { detail: { changes, kiln } }));
}

export function priceOf(id) {
  return histories.get(id).at(-1);
}

export function historyOf(id) {
  return histories.get(id);
}

export function kilnTemperature() {
  return kiln;
}

export function pricesPaused() {
  return paused;
}

export function pausePrices(value) {
  paused = value;
  save();
  prices.dispatchEvent(new Event("pause"));
}

/** Restarting the animation needs the class gone for one layout, else a second tick would not flash. */
export function flashPrice(node, direction) {
  node.classList.remove("up", "down");
  void node.offsetWidth;
  node.classList.add(direction);
}

setInterval(tick, tickMilliseconds);
