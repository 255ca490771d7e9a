import { findProduct } from "./catalog.js";

const storageKey = "oddkiln-cart";
export const cart = new EventTarget();

function read() {
  try {
    const saved = JSON.parse(sessionStorage.getItem(storageKey)) ?? [];
    return saved.filter((line) => findProduct(line.id));
  } catch {
    return [];
  }
}

let lines = read();

function save() {
  sessionStorage.setItem(storageKey, JSON.stringify(lines));
  cart.dispatchEvent(new Event("change"));
}

export function cartLines() {
  return lines.map((line) => ({ ...line, product: findProduct(line.id) }));
}

export function cartCount() {
  return lines.reduce((sum, line) => sum + line.quantity, 0);
}

export function cartTotal() {
  return lines.reduce((sum, line) => sum + line.quantity * line.price, 0);
}

export function addToCart(id, size, quantity, price) {
  const known = lines.find((line) => line.id === id && line.size === size);
  if (known) {
    known.quantity += quantity;
  } else {
    lines.push({ id, size, quantity, price });
  }
  save();
}

export function setQuantity(id, size, quantity) {
  lines = lines
    .map((line) => (line.id === id && line.size === size ? { ...line, quantity } : line))
    .filter((line) => line.quantity > 0);
  save();
}

export function emptyCart() {
  lines = [];
  save();
}
