import { cart, cartCount, cartLines, cartTotal, setQuantity } from "./cart.js";
import { imageOf } from "./catalog.js";
import { byId, el, money } from "./dom.js";

const pages = [
  ["index.html", "Shop"],
  ["product.html?id=low-tide-mug", "Piece of the week"],
  ["insights.html", "Kiln room"],
  ["checkout.html", "Checkout"],
];

let toastTimer = 0;

function navigationLink([address, name]) {
  const current = document.body.dataset.page === address.split(".")[0];
  return el("a", { href: address, id: `nav-${address.split(".")[0]}`, text: name,
    "aria-current": current ? "page" : null });
}

function buildHeader() {
  const header = byId("site-header");
  header.append(
    el("a", { class: "brand", href: "index.html", "aria-label": "Oddkiln, home" },
      el("span", { class: "brand-mark", "aria-hidden": "true" }), "Oddkiln"),
    el("nav", { class: "site-nav", "aria-label": "Main" }, ...pages.map(navigationLink)),
    el("button", { class: "cart-button", id: "cart-button", type: "button", onclick: openCart,
      "aria-haspopup": "dialog", "aria-expanded": "false", "aria-controls": "cart-drawer" },
      "Basket ", el("span", { class: "cart-count", id: "cart-count", text: "0" })),
  );
}

function buildDrawer() {
  document.body.append(
    el("div", { class: "scrim", id: "cart-scrim", onclick: closeCart }),
    el("aside", { class: "drawer", id: "cart-drawer", role: "dialog", "aria-label": "Basket", inert: true },
      el("header", { class: "drawer-head" },
        el("h2", { text: "Your basket" }),
        el("button", { class: "icon-button", id: "cart-close", type: "button", text: "×",
          "aria-label": "Close basket", onclick: closeCart })),
      el("ul", { class: "cart-lines", id: "cart-lines" }),
      el("footer", { class: "drawer-foot" },
        el("p", { class: "sum" }, "Subtotal ", el("strong", { id: "cart-total" })),
        el("a", { class: "button", id: "cart-checkout", href: "checkout.html", text: "Go to checkout" }))),
    el("p", { class: "toast", id: "toast", role: "status" }),
  );
  document.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && document.body.classList.contains("cart-open")) {
      closeCart();
    }
  });
}

export function openCart() {
  document.body.classList.add("cart-open");
  byId("cart-drawer").inert = false;
  byId("cart-button").setAttribute("aria-expanded", "true");
  byId("cart-close").focus();
}

export function closeCart() {
  document.body.classList.remove("cart-open");
  byId("cart-drawer").inert = true;
  byId("cart-button").setAttribute("aria-expanded", "false");
  byId("cart-button").focus();
}

function stepButton(line, change, label, sign) {
  return el("button", { class: "step", type: "button", text: sign,
    "aria-label": `${label}: ${line.product.name}`,
    onclick: () => setQuantity(line.id, line.size, line.quantity + change) });
}

function cartLine(line) {
  return el("li", { class: "cart-line", "data-id": line.id },
    el("img", { src: imageOf(line.product), alt: "", width: 72, height: 90 }),
    el("div", {},
      el("a", { class: "cart-name", href: `product.html?id=${line.id}`, text: line.product.name }),
      el("p", { class: "muted small", text: line.size }),
      el("div", { class: "stepper" },
        stepButton(line, -1, "One less", "−"),
        el("span", { class: "cart-quantity", text: String(line.quantity) }),
        stepButton(line, 1, "One more", "+"))),
    el("strong", { class: "cart-price", text: money(line.price * line.quantity) }));
}

function showCart() {
  const lines = cartLines().map(cartLine);
  const empty = el("li", { class: "cart-empty", text: "Nothing here yet. The shelves are that way." });
  byId("cart-lines").replaceChildren(...(lines.length ? lines : [empty]));
  byId("cart-count").textContent = String(cartCount());
  byId("cart-total").textContent = money(cartTotal());
  byId("cart-checkout").hidden = lines.length === 0;
}

export function toast(text) {
  const node = byId("toast");
  node.textContent = text;
  node.classList.add("shown");
  clearTimeout(toastTimer);
  toastTimer = setTimeout(() => node.classList.remove("shown"), 2600);
}

function buildFooter() {
  byId("site-footer").append(
    el("div", {},
      el("p", { class: "footer-line", text: "Made slowly. Broken rarely. Loved daily." }),
      el("p", { class: "small", text: "Oddkiln is an invented shop. Nothing you buy here will arrive." })),
    el("nav", { class: "footer-nav", "aria-label": "Footer" },
      ...pages.map(([address, name]) => el("a", { href: address, text: name }))),
  );
}

buildHeader();
buildDrawer();
buildFooter();
cart.addEventListener("change", showCart);
showCart();
