import { cart, cartLines, cartTotal, emptyCart } from "./cart.js";
import { imageOf } from "./catalog.js";
import { byId, el, money } from "./dom.js";
import "./shop.js";

const shippingCosts = { slow: 4.5, quick: 8.9, pickup: 0 };
const form = byId("checkout-form");

function digitsOf(text) {
  return text.replace(/\D/g, "");
}

function required(message) {
  return (value) => (value.trim() ? "" : message);
}

function checkExpiry(value) {
  const [, month, year] = value.match(/^(\d\d)\/(\d\d)$/) ?? [];
  if (!month || Number(month) < 1 || Number(month) > 12) {
    return "Use the form MM/YY.";
  }
  const firstDayAfter = new Date(2000 + Number(year), Number(month), 1);
  return firstDayAfter > new Date() ? "" : "This card has expired.";
}

const checks = {
  "name": required("Who should we write on the crate?"),
  "email": (value) => (/^\S+@\S+\.\S+$/.test(value) ? "" : "That does not look like an email address."),
  "address": required("We need a street and a number."),
  "city": required("Which city?"),
  "country": required("Please choose a country."),
  "card-number": (value) => (/^\d{13,19}$/.test(digitsOf(value)) ? "" : "A card number has 13 to 19 digits."),
  "card-expiry": checkExpiry,
  "card-cvc": (value) => (/^\d{3,4}$/.test(value) ? "" : "Three or four digits, please."),
  "password": (value) => (!value || value.length >= 8 ? "" : "Use at least 8 characters, or leave it empty."),
};

function showError(id, message) {
  byId(`${id}-error`).textContent = message;
  byId(id).setAttribute("aria-invalid", String(Boolean(message)));
  return message;
}

function checkField(id) {
  return showError(id, checks[id](byId(id).value));
}

function checkTerms() {
  return showError("terms", byId("terms").checked ? "" : "Please tick this first.");
}

function shippingCost() {
  return cartLines().length ? shippingCosts[form.elements.shipping.value] : 0;
}

function shippingText(cost) {
  if (cartLines().length === 0) {
    return "–";
  }
  return cost ? money(cost) : "Free";
}

function summaryLine({ product, size, quantity, price }) {
  return el("li", {},
    el("img", { src: imageOf(product), alt: "", width: 56, height: 70 }),
    el("span", {}, el("strong", { text: product.name }), el("small", { text: `${size} × ${quantity}` })),
    el("b", { text: money(price * quantity) }));
}

function showSummary() {
  const lines = cartLines().map(summaryLine);
  const empty = el("li", { class: "muted", text: "The crate is empty." });
  const shipping = shippingCost();
  byId("summary-lines").replaceChildren(...(lines.length ? lines : [empty]));
  byId("summary-subtotal").textContent = money(cartTotal());
  byId("summary-shipping").textContent = shippingText(shipping);
  byId("summary-total").textContent = money(cartTotal() + shipping);
}

function formatCardNumber() {
  const input = byId("card-number");
  input.value = digitsOf(input.value).slice(0, 19).replace(/(\d{4})(?=\d)/g, "$1 ");
}

function formatExpiry() {
  const input = byId("card-expiry");
  const digits = digitsOf(input.value).slice(0, 4);
  input.value = digits.length > 2 ? `${digits.slice(0, 2)}/${digits.slice(2)}` : digits;
}

function showSuccess() {
  byId("order-name").textContent = byId("name").value.trim().split(/\s+/)[0];
  byId("order-number").textContent = `OK-${Math.floor(10000 + Math.random() * 90000)}`;
  emptyCart();
  form.reset();
  byId("checkout").hidden = true;
  byId("order-success").hidden = false;
  window.scrollTo(0, 0);
  byId("order-success").focus();
}

function statusText(empty, wrongCount) {
  if (empty) {
    return "Your basket is empty. Put something in it first.";
  }
  if (wrongCount) {
    return `Please look at ${wrongCount === 1 ? "one field" : `${wrongCount} fields`} again.`;
  }
  return "";
}

function submit(event) {
  event.preventDefault();
  const wrong = Object.keys(checks).filter(checkField);
  if (checkTerms()) {
    wrong.push("terms");
  }
  const empty = cartLines().length === 0;
  byId("form-status").textContent = statusText(empty, wrong.length);
  if (wrong.length) {
    byId(wrong[0]).focus();
  } else if (!empty) {
    showSuccess();
  }
}

function listen() {
  form.addEventListener("submit", submit);
  form.addEventListener("change", showSummary);
  byId("card-number").addEventListener("input", formatCardNumber);
  byId("card-expiry").addEventListener("input", formatExpiry);
  byId("terms").addEventListener("change", checkTerms);
  for (const id of Object.keys(checks)) {
    byId(id).addEventListener("blur", () => byId(id).value && checkField(id));
  }
  cart.addEventListener("change", showSummary);
}

listen();
showSummary();
